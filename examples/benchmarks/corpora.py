"""Corpora that the benchmarks measure on: word counts to fit and held out."""

from functools import cache

import numpy as np
from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import Bunch

from skvae.datasets import load_docstrings, make_topic_corpus


def vectorizer(max_features, **params):
    return CountVectorizer(
        max_features=max_features,
        stop_words="english",
        strip_accents="ascii",
        **{"max_df": 0.7, "min_df": 10, **params},
    )


@cache
def newsgroups_corpus():
    parts = "headers", "footers", "quotes"
    return fetch_20newsgroups(shuffle=True, random_state=1, remove=parts)


def newsgroups_texts():
    return newsgroups_corpus().data


def newsgroups_groups():
    """The group of each text, in the order of `newsgroups_texts`."""
    corpus = newsgroups_corpus()
    return np.array(corpus.target_names)[corpus.target]


def words_of(counts, texts):
    """What coherence in windows of the texts needs: their words in order, and names."""
    analyze = counts.build_analyzer()
    return {
        "words": [analyze(text) for text in texts],
        "feature_names": counts.get_feature_names_out(),
    }


def split(counts, texts, n_train, n_components, n_test=None, labels=None):
    """Count the words of texts in random order, the first of them to fit."""
    X = counts.fit_transform(texts)
    end = None if n_test is None else n_train + n_test
    return Bunch(
        train=X[:n_train],
        test=X[n_train:end],
        n_components=n_components,
        labels=None if labels is None else labels[n_train:end],  # of test
        **words_of(counts, texts[:n_train]),
    )


def split_by_date(counts, n_components):
    """20 newsgroups with headers, the earlier texts to fit and the later held out."""
    train, test = (
        fetch_20newsgroups(subset=subset, random_state=1)
        for subset in ("train", "test")
    )
    return Bunch(
        train=counts.fit_transform(train.data),
        test=counts.transform(test.data),
        n_components=n_components,
        labels=test.target,
        **words_of(counts, train.data),
    )


def newsgroups():
    """20 newsgroups without headers and quotes: 10,000 texts, 1,000 words."""
    labels = newsgroups_groups()
    return split(vectorizer(1000), newsgroups_texts(), 10_000, 20, labels=labels)


def newsgroups_by_date():
    """20 newsgroups with headers, split by date: 11,314 texts, 2,000 words."""
    return split_by_date(vectorizer(2000, token_pattern=r"(?u)\b[a-zA-Z]{2,}\b"), 50)


def newsgroups_topmost():
    """The same texts as TopMost prepares them: 5,000 words, common ones too."""
    letters = r"(?u)\b[a-zA-Z]{3,}\b"
    return split_by_date(
        vectorizer(5000, token_pattern=letters, max_df=1.0, min_df=1), 50
    )


@cache
def docstrings_corpus():
    """Docstrings in random order, and the package of each."""
    corpus = load_docstrings()
    order = np.random.default_rng(0).permutation(len(corpus.data))
    packages = np.array(corpus.target_names)[corpus.target[order]]
    return [corpus.data[i] for i in order], packages


def docstrings():
    """Docstrings of the installed packages: about 9,000 texts, 1,000 words."""
    texts, packages = docstrings_corpus()
    return split(vectorizer(1000), texts, int(0.9 * len(texts)), 20, labels=packages)


def docstrings_packages():
    """The package of each text, in the order of `docstrings`."""
    return docstrings_corpus()[1]


def short_texts():
    """A vectorizer of 1,500 words, and the first 8 of them in 20 newsgroups' texts."""
    analyze = vectorizer(1500).build_analyzer()
    words = [analyze(text) for text in newsgroups_texts()]
    known = CountVectorizer(analyzer=list, max_features=1500).fit(words).vocabulary_
    cut = ([w for w in text if w in known][:8] for text in words)
    counts = CountVectorizer(analyzer=list, vocabulary=known)
    return counts, [text for text in cut if len(text) >= 3]


def short():
    """20 newsgroups cut to 8 words: 9,000 texts, 1,500 words."""
    return split(*short_texts(), 9000, 20)


def few_short():
    """20 newsgroups cut to 8 words: 1,500 texts, 1,500 words."""
    return split(*short_texts(), 1500, 20, 1600)


def few():
    """20 newsgroups: 1,500 texts, 2,500 words."""
    texts, labels = newsgroups_texts()[:2300], newsgroups_groups()[:2300]
    return split(vectorizer(2500, min_df=5), texts, 1500, 20, labels=labels)


def wide():
    """All of 20 newsgroups with headers: 17,000 texts, 30,000 words."""
    texts = fetch_20newsgroups(subset="all", random_state=1).data
    letters = r"(?u)\b[a-zA-Z]{2,}\b"
    counts = vectorizer(30_000, token_pattern=letters, min_df=2)
    return split(counts, texts, 17_000, 50)


def wide_docstrings():
    """Docstrings of the installed packages with all their words, about 31,000."""
    texts, _ = docstrings_corpus()
    return split(vectorizer(None, min_df=1), texts, int(0.9 * len(texts)), 50)


def planted():
    """Texts drawn from latent Dirichlet allocation: 5,000 texts, 1,000 words."""
    X = make_topic_corpus(6000, 1000, 20, random_state=0).data
    return Bunch(train=X[:5000], test=X[5000:], n_components=20, labels=None)


def with_texts(counts, texts, n_train, n_components, labels, reference=None):
    """Texts and their counts by a fitted vectorizer; the first texts are to fit.

    `reference` is what coherence is counted in: by default, the held-out texts.
    """
    test = counts.transform(texts[n_train:])
    return Bunch(
        train=counts.transform(texts[:n_train]),
        test=test,
        texts=texts[:n_train],
        test_texts=texts[n_train:],
        labels=labels[n_train:],  # of test
        n_components=n_components,
        vectorizer=counts,
        reference=test if reference is None else reference,
    )


def survey_corpus(cut, n_train=1500, n_test=2000):
    """Texts of 20 newsgroups that a function of (text, analyzer, words) cuts short."""
    parts = "headers", "footers", "quotes"
    corpus = fetch_20newsgroups(subset="all", remove=parts)
    long = np.flatnonzero([len(text.split()) >= 12 for text in corpus.data])
    chosen = np.random.default_rng(0).permutation(long)[: n_train + n_test]
    texts = [corpus.data[i] for i in chosen]

    params = {
        "max_features": 2000,
        "min_df": 2,
        "max_df": 0.1,
        "stop_words": "english",
        "token_pattern": r"\b[^\W\d_]{3,}\b",
    }
    whole = CountVectorizer(**params).fit(texts[:n_train])
    analyze, known = whole.build_analyzer(), whole.vocabulary_
    texts = [cut(text, analyze, known) for text in texts]
    counts = CountVectorizer(**params).fit(texts[:n_train])
    labels = np.array(corpus.target_names)[corpus.target[chosen]]
    everything = counts.transform(corpus.data)
    return with_texts(counts, texts, n_train, 20, labels, everything)


def survey():
    """20 newsgroups cut to 30 words, 9 of them counted: 1,500 texts, 2,000 words."""
    return survey_corpus(lambda text, *_: " ".join(text.split()[:30]))


def survey_22():
    """20 newsgroups cut to 30 counted words: 1,500 texts, 2,000 words."""

    def cut(text, analyze, known):
        return " ".join([word for word in analyze(text) if word in known][:30])

    return survey_corpus(cut)


def newsgroups_with_texts():
    """20 newsgroups without headers and quotes: 9,000 texts, 5,000 words."""
    texts, labels = newsgroups_texts(), newsgroups_groups()
    counts = vectorizer(5000, max_df=0.3, min_df=5).fit(texts[:9000])
    texts = texts[:9000] + texts[-2000:]
    return with_texts(counts, texts, 9000, 50, np.append(labels[:9000], labels[-2000:]))


def docstrings_with_texts():
    """Docstrings of the installed packages: about 9,000 texts, 1,000 words."""
    texts, packages = docstrings_corpus()
    counts = vectorizer(1000).fit(texts)
    return with_texts(counts, texts, int(0.9 * len(texts)), 20, packages)


CORPORA = {
    "20ng": newsgroups,
    "by-date": newsgroups_by_date,
    "topmost": newsgroups_topmost,
    "docstrings": docstrings,
    "short": short,
    "few": few,
    "few-short": few_short,
    "survey": survey,
    "survey-22": survey_22,
    "planted": planted,
    "wide": wide,
    "wide-docstrings": wide_docstrings,
}
# Those of which a fit of each takes a few minutes at most.
SMALL = [name for name in CORPORA if not name.startswith("wide")]
# Those that keep the texts, for models that read sentence embeddings.
WITH_TEXTS = {
    "survey": survey,
    "survey-22": survey_22,
    "20ng": newsgroups_with_texts,
    "docstrings": docstrings_with_texts,
}
