"""Coherence by documents and by windows of words."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from helpers import CONTAINERS
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae.metrics import (
    _coherence,
    cv_coherence,
    npmi_coherence,
    sliding_window_npmi,
    topic_diversity,
)

# Coherence


def test_npmi_equals_a_double_loop():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.5, (40, 12))
    X[:, 3] = 1  # in every document
    X[:, 4] = 0  # in none
    weights = rng.normal(size=(5, 12))
    expected = []
    for row in weights:
        words = sorted(range(12), key=lambda v: -row[v])[:6]
        scores = []
        for i in words:
            for j in words:
                if i < j:
                    p_i = sum(x[i] > 0 for x in X) / 40
                    p_j = sum(x[j] > 0 for x in X) / 40
                    p_ij = sum(x[i] > 0 and x[j] > 0 for x in X) / 40
                    ratio = p_ij / (p_i * p_j) if p_ij else 0
                    scores.append(math.log(ratio) / -math.log(p_ij) if p_ij else -1)
        expected.append(sum(scores) / len(scores))
    with pytest.warns(UserWarning, match="never occur in X: column 4. Their pairs"):
        actual = npmi_coherence(weights, X, n_words=6, per_topic=True)
    np.testing.assert_allclose(actual, expected)
    with pytest.warns(UserWarning):
        mean = npmi_coherence(weights, X, n_words=6)
    assert isinstance(mean, float)
    assert mean == pytest.approx(np.mean(expected))


def test_npmi_of_perfect_independent_and_exclusive_pairs():
    X = np.array([[1, 1, 1, 0], [7, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]])
    X = np.c_[X, [1, 2, 3, 1], [2, 1, 1, 1]]  # the last two in every document
    pairs = [[0, 1], [0, 2], [0, 3], [4, 5]]
    actual = npmi_coherence(pairs, X, n_words=2, per_topic=True)
    np.testing.assert_allclose(actual, [1, 0, -1, 1], atol=1e-15)


def test_npmi_warns_of_words_that_never_occur():
    names = [f"word{v}" for v in range(9)]
    X = np.eye(9)
    X[3:] = 0
    frame = pd.DataFrame(X, columns=names)
    weights = np.arange(9.0, 0, -1)[None]
    nmf = NMF(1, init="nndsvda").fit(pd.DataFrame(np.eye(9) + weights, columns=names))
    pipeline = make_pipeline(
        CountVectorizer(), LatentDirichletAllocation(2, max_iter=1, random_state=0)
    ).fit([" ".join(names)])
    few = "never occur in X: word3, word4. Their pairs count -1. Pass a larger"
    with pytest.warns(UserWarning, match=few):
        npmi_coherence(nmf, X, n_words=5)
    with pytest.warns(UserWarning, match=few):
        npmi_coherence([names[:5], names[4::-1]], frame, n_words=5)
    with pytest.warns(UserWarning, match=few):
        npmi_coherence(weights, X, n_words=5, feature_names=pd.Series(names).iloc[:])
    with pytest.warns(UserWarning, match="never occur in X: column 3, column 4. Their"):
        npmi_coherence(weights, pd.DataFrame(X), n_words=5)  # columns named 0 to 8
    with pytest.warns(UserWarning, match="word3, word4, .*, word7 and 1 more"):
        npmi_coherence([names], frame, n_words=9)
    with pytest.warns(UserWarning, match="never occur in X: word2. Their"):
        npmi_coherence(pipeline, [" ".join(names[:2] + names[3:])], n_words=9)


def test_npmi_counts_empty_documents():
    """p_ij = 2/8 and p_i = p_j = 3/8."""
    X = np.zeros((8, 2))
    X[:4] = [[1, 1], [1, 1], [1, 0], [0, 1]]
    expected = math.log((2 / 8) / (3 / 8) ** 2) / -math.log(2 / 8)
    assert npmi_coherence([[0, 1]], X, n_words=2) == pytest.approx(expected)


@pytest.mark.parametrize("container", CONTAINERS)
def test_npmi_is_the_same_for_all_containers(container, X, lda):
    given = CONTAINERS[container](X)
    assert npmi_coherence(lda, given, n_words=5) == npmi_coherence(lda, X, n_words=5)


def test_npmi_is_the_same_for_all_forms_of_topics(X, frame, named, unnamed):
    names = list(frame)
    expected = npmi_coherence(named[1], X, n_words=5)
    for topics in named[1:] + unnamed:
        actual = npmi_coherence(topics, X, n_words=5, feature_names=names)
        assert actual == expected
        assert npmi_coherence(topics, frame, n_words=5) == expected
        assert topic_diversity(topics, n_words=5) == 1
    with pytest.raises(ValueError, match="Column 0 of X is 'word17', but that of NMF"):
        npmi_coherence(named[1], frame[names[::-1]], n_words=5)


def test_npmi_prefers_planted_topics_to_shuffled_ones(X, lda):
    shuffled = np.random.default_rng(0).permuted(lda.components_, axis=1)
    found = npmi_coherence(lda, X, n_words=6)
    assert found > 0.9 > npmi_coherence(shuffled, X, n_words=6)


def test_npmi_names_the_unknown_word(X):
    names = [f"word{v}" for v in range(18)]
    with pytest.raises(ValueError, match="The word 'zebra' is none of the 18 feature"):
        npmi_coherence([["word1", "zebra"]], X, n_words=2, feature_names=names)
    with pytest.raises(ValueError, match="The word 'word1' is none of the 0 feature"):
        npmi_coherence([["word1", "word2"]], X, n_words=2)
    for column in [-1, 18]:
        with pytest.raises(ValueError, match=f"'{column}' is none .* of the 18 of X"):
            npmi_coherence([[0, column]], X, n_words=2)


def test_npmi_checks_shapes_and_signs(X):
    with pytest.raises(ValueError, match="needs pairs: at least 2"):
        npmi_coherence([[0, 1]], X, n_words=1)
    with pytest.raises(ValueError, match="topics weigh 17 words, but X has 18"):
        npmi_coherence(np.ones((2, 17)), X, n_words=2)
    with pytest.raises(ValueError, match="There are 2 feature_names, but X has 18"):
        npmi_coherence([["a", "b"]], X, n_words=2, feature_names=["a", "b"])
    with pytest.raises(ValueError, match="must hold word counts, but has the entry -1"):
        npmi_coherence([[0, 1]], -X / X.max(), n_words=2)


# Coherence in windows


def planted_texts(random_state=0, n_words=8, lengths=(0, 1, 3, 4, 5, 9, 9, 12, 17)):
    """Texts of few words, each many times; and topics of four of them."""
    rng = np.random.default_rng(random_state)
    vocabulary = [f"word{v}" for v in range(n_words)]
    texts = [rng.choice(vocabulary, size=length).tolist() for length in lengths]
    topics = [rng.permutation(vocabulary)[:4].tolist() for _ in range(6)]
    return texts, topics


def windowed_npmi(topics, texts, window):
    """Look at each window and count, word by word."""
    windows = []
    for text in texts:
        starts = range(max(1, len(text) - window + 1))
        windows += [set(text[start : start + window]) for start in starts]

    def share(*words):
        return sum(set(words) <= window for window in windows) / len(windows)

    coherence = []
    for topic in topics:
        scores = []
        for v, w in itertools.permutations(topic, 2):
            p = share(v, w) + 1e-12
            scores.append(math.log(p / (share(v) * share(w))) / -math.log(p))
        coherence.append(np.mean(scores))
    return coherence


@pytest.mark.parametrize("window", [2, 3, 5, 12, 17, 10**12])
def test_windowed_npmi_equals_a_look_at_each_window(window):
    texts, topics = planted_texts()
    assert any(len(set(text)) < len(text) for text in texts)
    options = dict(window=window, n_words=4)
    actual = sliding_window_npmi(topics, texts, per_topic=True, **options)
    np.testing.assert_allclose(
        actual, windowed_npmi(topics, texts, window), rtol=0, atol=1e-12
    )
    mean = sliding_window_npmi(topics, texts, **options)
    assert isinstance(mean, float)
    assert mean == pytest.approx(actual.mean())


def gensim_coherence(topics, texts, window, measure="c_npmi"):
    corpora = pytest.importorskip("gensim.corpora")
    models = pytest.importorskip("gensim.models")
    return models.CoherenceModel(
        topics=topics,
        texts=texts,
        dictionary=corpora.Dictionary(texts),
        coherence=measure,
        window_size=window,
        topn=len(topics[0]),
        processes=1,
    ).get_coherence_per_topic()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("window", [17, 110])
def test_npmi_in_windows_of_whole_texts_is_that_of_gensim(window):
    texts, topics = planted_texts(n_words=12, lengths=[0, 1, 2, 3, 5, 8, 17] * 9)
    np.testing.assert_allclose(
        sliding_window_npmi(topics, texts, window=window, n_words=4, per_topic=True),
        gensim_coherence(topics, texts, window),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "metric, measure, window",
    [
        *((sliding_window_npmi, "c_npmi", window) for window in (2, 5, 10)),
        *((cv_coherence, "c_v", window) for window in (5, 110)),
    ],
)
def test_it_is_that_of_gensim_if_no_text_repeats_a_word(metric, measure, window):
    """Where a text does, gensim forgets the second occurrence with the first."""
    rng = np.random.default_rng(0)
    vocabulary = [f"word{v}" for v in range(25)]
    texts = [rng.permutation(vocabulary)[: d % 25].tolist() for d in range(150)]
    topics = [rng.permutation(vocabulary)[:10].tolist() for _ in range(5)]
    actual = metric(topics, texts, window=window, per_topic=True)
    expected = gensim_coherence(topics, texts, window, measure)
    tolerance = 1e-12 if measure == "c_npmi" else 1e-10
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)
    assert metric(topics, texts, window=window) == pytest.approx(actual.mean())


def test_cv_of_words_that_occur_together_and_of_others():
    texts = [["a", "b"], ["a", "b"], ["c"], ["d"]]
    topics = [["a", "b"], ["c", "d"]]
    together, apart = cv_coherence(topics, texts, n_words=2, per_topic=True)
    assert together == pytest.approx(1)
    # Vectors (1, npmi) and (npmi, 1), but for the 1e-12 that gensim adds.
    npmi = math.log(1e-12 * 16) / -math.log(1e-12)
    sum_of_both = 1 + npmi, 1 + npmi
    cosine = np.dot([1, npmi], sum_of_both)
    cosine /= math.hypot(1, npmi) * math.hypot(*sum_of_both)
    assert apart == pytest.approx(cosine)
    with pytest.warns(UserWarning, match="occur in texts: zebra"):
        cv_coherence([["a", "zebra"]], texts, n_words=2)
    with pytest.raises(ValueError, match="window=1"):
        cv_coherence(topics, texts, window=1, n_words=2)


def test_npmi_in_windows_of_whole_texts_is_that_of_their_counts():
    """But for pairs that never occur together, of which there are none."""
    texts, topics = planted_texts(lengths=[0] + [5, 7] * 30)
    vectorizer = CountVectorizer(analyzer=lambda text: text)
    counts = vectorizer.fit_transform(texts)
    names = vectorizer.get_feature_names_out()
    np.testing.assert_allclose(
        sliding_window_npmi(topics, texts, window=7, n_words=4, per_topic=True),
        npmi_coherence(topics, counts, n_words=4, feature_names=names, per_topic=True),
        rtol=1e-9,
    )


def test_windowed_npmi_of_pairs_in_every_window_in_none_and_missing():
    """Of four windows, "a" and "b" are in all, "c" in one and "d" in another."""
    texts = [["a", "b", "c"], ["b", "a"], ["a", "b"], ["d", "b", "a"]]
    with pytest.warns(UserWarning, match="occur in texts: zebra. Their pairs count -1"):
        actual = sliding_window_npmi(
            [["a", "b"], ["c", "d"], ["a", "zebra"]], texts, n_words=2, per_topic=True
        )
    never = math.log(1e-12 / (1 / 4 * 1 / 4)) / -math.log(1e-12)
    np.testing.assert_allclose(actual, [1, never, -1])


@pytest.mark.parametrize("entries", [1, 40])
def test_windowed_npmi_is_the_same_in_small_blocks(entries, monkeypatch):
    texts, topics = planted_texts()
    expected = sliding_window_npmi(topics, texts, window=4, n_words=4)
    monkeypatch.setattr(_coherence, "_MAX_BLOCK_ENTRIES", entries)
    assert sliding_window_npmi(topics, texts, window=4, n_words=4) == expected


def test_windowed_npmi_is_the_same_for_all_forms_of_topics(
    frame, texts, named, unnamed
):
    expected = sliding_window_npmi(named[-1], texts, n_words=5)
    for topics in named:
        assert sliding_window_npmi(topics, texts, n_words=5) == expected
        assert sliding_window_npmi(topics, iter(texts), n_words=5) == expected
    for topics in unnamed:
        options = dict(n_words=5, feature_names=np.array(frame.columns))
        assert sliding_window_npmi(topics, texts, **options) == expected
        with pytest.raises(ValueError, match="there are 0 feature names. Pass words"):
            sliding_window_npmi(topics, texts, n_words=5)
    with pytest.raises(ValueError, match="weigh 18 words, but feature_names has 17"):
        names = list(frame)[1:]
        sliding_window_npmi(unnamed[1], texts, n_words=5, feature_names=names)


@pytest.mark.parametrize("text", ["cat dog", [1, 2], np.eye(2), None])
def test_texts_are_lists_of_words(text):
    topics, texts = [["cat", "dog"]], [["cat", "dog"], text]
    told = "(?s)Text 1 is .*not a list of words. Split the"
    with pytest.raises(ValueError, match=told):
        sliding_window_npmi(topics, texts, n_words=2)


@pytest.mark.parametrize("texts", [[], [[], []]])
def test_texts_need_words(texts):
    with pytest.raises(ValueError, match="texts has no words"):
        sliding_window_npmi([["cat", "dog"]], texts, n_words=2)


@pytest.mark.parametrize("window", [1, 0, 2.5, None])
def test_windows_have_room_for_pairs(window):
    with pytest.raises(ValueError, match=f"window={window}, but it is an integer"):
        sliding_window_npmi([["a", "b"]], [["a", "b"]], window=window, n_words=2)
    with pytest.raises(ValueError, match="needs pairs: at least 2"):
        sliding_window_npmi([["a", "b"]], [["a", "b"]], n_words=1)
