"""Seed words: topics that users ask for by name."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import digest, make
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel, TopicGroups, report
from skvae.datasets import make_topic_corpus
from skvae.inspection import top_words
from skvae.models.fitted import FittedTopics
from skvae.models.seed_words import BACKGROUND, seed_themes, specific_words
from skvae.shards import Shards, write_shards

N_WORDS = 40

WORDS = np.array([f"w{j}" for j in range(N_WORDS)], dtype=object)

CORPUS = make_topic_corpus(400, N_WORDS, 4, mean_length=30, random_state=0)

X = CORPUS.data


def seeded(seeds, **params):
    params = {"n_components": 4, "feature_names": WORDS, "batch_size": 50, **params}
    return make(GSMTopicModel, seed_words=seeds, **params)


def own_words(topic, n_words=2):
    """Words that a planted topic has more of than any other."""
    others = np.delete(CORPUS.components, topic, axis=0).max(axis=0)
    lead = CORPUS.components[topic] - others
    return WORDS[np.argsort(-lead)[:n_words]].tolist()


@pytest.mark.parametrize(
    ("order", "seed"), [([0, 1, 2], 0), ([3, 1, 0], 1), ([2, 0, 3], 2)]
)
def test_seeded_topics_are_those_asked_for(order, seed):
    seeds = {f"planted {topic}": own_words(topic) for topic in order}
    params = dict(hidden_layer_sizes=(30,), max_epochs=40)
    model = seeded(seeds, **params, random_state=seed).fit(X)
    assert model.get_feature_names_out().tolist() == [*seeds, "topic 3"]
    roots = np.sqrt(model.components_[:3]) @ np.sqrt(CORPUS.components).T
    assert roots.argmax(axis=1).tolist() == order
    largest = model.transform(X).argmax(axis=1)
    for number, topic in enumerate(order):
        assert (CORPUS.target[largest == number] == topic).mean() > 0.7


def test_the_weight_is_heard():
    """The more it is, the more documents with a seed are of its topic."""
    seeds = {"a": own_words(0), "b": own_words(1)}
    has = np.asarray(X[:, np.isin(WORDS, seeds["a"])].sum(axis=1)).ravel() > 0
    model = seeded(seeds, max_epochs=20)
    shares = [
        model.set_params(seed_weight=weight).fit_transform(X)[has, 0].mean()
        for weight in (0.0, 1.0, 10.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_training_starts_at_the_seeds():
    """With a rate of next to nothing all is as it began."""
    model = seeded([["w3", "w5"], ["w7"]], lr=1e-9, max_epochs=1).fit(X)
    themes = seed_themes(sparse.csr_array(X), [[3, 5], [7]])
    tokens = np.asarray(X.sum(axis=0)).ravel() + 1.0
    expected = (themes + tokens / tokens.sum()) / 2
    np.testing.assert_allclose(model.components_[:2], expected, rtol=1e-4)


def test_vectors_that_are_not_learnt_stay(rng):
    vectors = rng.normal(size=(N_WORDS, 30))
    params = dict(word_embeddings=vectors, train_word_embeddings=False)
    model = seeded({"a": ["w3"]}, **params, lr=1e-9, max_epochs=1).fit(X)
    np.testing.assert_allclose(model.word_embeddings_, vectors, rtol=1e-6)
    lift = model.components_[0] / (np.ravel(X.sum(axis=0)) + 1)
    assert lift[3] > 3 * np.median(lift)


def test_themes_are_what_is_specific_to_documents_with_the_seeds():
    """By plain loops: each seed has the same voice, however frequent it is."""
    has = X.toarray() > 0
    seeds = [[3, 5], [7]]
    counts = []
    for columns in seeds:
        shares = [has[has[:, column]].mean(axis=0) for column in columns]
        counts.append(np.mean(shares, axis=0) * has[:, columns].any(axis=1).sum())
    expected = specific_words(np.array(counts), has.sum(axis=0))
    for size in 4096, 7:
        themes = seed_themes(sparse.csr_array(X), seeds, n_at_once=size)
        np.testing.assert_allclose(themes, expected, rtol=1e-10)


def test_seeds_stand_for_themes_that_no_document_has():
    counts = sparse.csr_array([[2, 0, 1, 0], [1, 1, 0, 0]])
    themes = seed_themes(counts, [[3], [0, 3]])
    np.testing.assert_array_equal(themes[0], [0, 0, 0, 1])
    assert np.isfinite(themes).all()


def test_names_of_topics_and_words(tmp_path):
    seeds = {"space": ["w3"], "cars": ["w5", "w6"]}
    model = seeded(seeds).fit(X)
    names = ["space", "cars", "topic 2", "topic 3"]
    assert model.topic_names_.tolist() == names
    assert FittedTopics(model).topic_names.tolist() == names
    words = top_words(model, 3)  # which the model knows
    assert words.index.tolist() == names and set(words.to_numpy().flat) <= set(WORDS)
    frame = model.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == names
    groups = TopicGroups(model, {"both": ["space", "cars"]}).fit(X)
    assert groups.get_feature_names_out().tolist() == ["both", *names[2:]]
    page = report(model, X, path=tmp_path / "report.html", baseline=None).read_text()
    assert "Topic 0: space" in page and "Topic 2: " not in page
    with pytest.raises(
        ValueError, match="not use the name 'topic 3' of a topic without"
    ):
        seeded({"topic 3": ["w3"]}).fit(X)
    # Lists have no names, and a fit without seeds none either.
    model.set_params(seed_words=[["w3"]]).fit(X)
    assert model.get_feature_names_out()[0] == "topic 0"
    assert not hasattr(model, "topic_names_")


def test_words_come_from_a_frame_or_from_names():
    seeds = {"space": ["w3"]}
    by_names = seeded(seeds).fit(X)
    frame = pd.DataFrame(X.toarray(), columns=WORDS)
    by_frame = seeded(seeds, feature_names=None).fit(frame)
    assert digest(by_names) == digest(by_frame)
    assert digest(by_names) == digest(seeded(seeds, feature_names=list(WORDS)).fit(X))
    assert digest(by_names) != digest(seeded(None).fit(X))
    with pytest.raises(ValueError, match=r"feature_names=vectorizer\.get_feature"):
        seeded(seeds, feature_names=None).fit(X)


def test_unknown_words_are_told_with_close_ones():
    with pytest.warns(UserWarning, match=r"'W3' \(close: w3"):
        model = seeded({"space": ["w3", "W3", "nebula"]}).fit(X)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*seed words")
        model.partial_fit(X)  # said once
        known = seeded({"space": ["w3"]}).fit(X)
        known.partial_fit(X)
    assert digest(model) == digest(known)
    for seeds, topic in (
        ({"cars": ["w5"], "space": ["nebula", "W3"]}, "'space'"),
        ([["w5"], ["nebula", "W3"]], "1"),
    ):
        model = seeded(seeds)
        with pytest.raises(ValueError, match=f"topic {topic}: 'nebula', 'W3' .close"):
            model.fit(X)
        assert not hasattr(model, "net_")


def test_seeds_go_with_clones_shards_covariates_and_sticks(tmp_path):
    """And with files, see tests/test_persistence.py."""
    model = seeded({"space": ("w3", "w4")}).fit(X)
    again = clone(model).fit(X)
    assert again.topic_names_[0] == "space" and digest(again) == digest(model)
    write_shards([X[:100], X[100:]], tmp_path / "shards")
    on_disk = clone(model).fit(Shards(tmp_path / "shards"))
    np.testing.assert_allclose(on_disk.components_, model.components_, rtol=1e-3)
    for construction in ("softmax", "stick-breaking"):
        model.set_params(topic_construction=construction)
        model.fit(X, covariates=CORPUS.target)
        assert np.isfinite(model.score(X, covariates=CORPUS.target))


def test_seeds_in_pipelines_and_searches():
    texts = [" ".join(np.repeat(WORDS, row)) for row in X.toarray()]
    counts = CountVectorizer(vocabulary=WORDS.tolist())
    pipeline = make_pipeline(counts, seeded({"a": ["w3", "w5"]}))
    search = GridSearchCV(pipeline, {"gsmtopicmodel__n_components": [2, 3]}, cv=2)
    search.fit(texts)
    assert top_words(search).index[0] == "a"


def test_words_of_few_documents_that_only_rounding_tells_from_others():
    """20 documents with all words equally often have nothing that is their own."""
    for n_words in range(2, 30):
        counts = np.vstack([np.full(n_words, 20.0), np.full(n_words, 40.0)])
        found = specific_words(counts, counts.sum(axis=0))
        np.testing.assert_allclose(found.sum(axis=1), 1)


def test_specific_words_against_a_plain_loop(rng):
    counts = rng.poisson(30 * rng.dirichlet(np.full(8, 0.3), size=3)).astype(float)
    overall = counts.sum(axis=0) / counts.sum()
    for row, found in zip(counts, specific_words(counts, counts.sum(axis=0))):
        own = row / row.sum()
        for _ in range(50):
            kept = []
            for n, p, q in zip(row, own, overall):
                specific = (1 - BACKGROUND) * p
                share = specific / (specific + BACKGROUND * q) if n else 0.0
                kept.append(max(n * share - 1, 0))
            if sum(kept):
                own = np.array(kept) / sum(kept)
        np.testing.assert_allclose(found, own, rtol=1e-10)
        assert found.sum() == pytest.approx(1)
    # A word of all documents is most probable in each cluster, and in no topic.
    counts = np.array([[90.0, 40, 10, 1], [90, 10, 40, 1]])
    found = specific_words(counts, counts.sum(axis=0))
    assert list(found.argmax(axis=1)) == [1, 2]
