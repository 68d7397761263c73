"""Diversity, rank-biased overlap and stability."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers import Oracle

from skvae.metrics import (
    inverted_rbo,
    npmi_coherence,
    topic_diversity,
    topic_similarity,
    topic_stability,
)

# Diversity


def test_diversity_of_identical_and_disjoint_topics():
    assert topic_diversity(np.tile(np.arange(9.0), (4, 1)), n_words=5) == 1 / 4
    assert topic_diversity(np.kron(np.eye(3), np.ones(5)), n_words=5) == 1
    assert topic_diversity([["a", "b"], ["b", "c"], ["d", "a"]], n_words=2) == 4 / 6


def test_diversity_looks_at_the_top_words_only():
    topics = [["a", "b", "c"], ["d", "b", "c"]]
    assert topic_diversity(topics, n_words=1) == 1
    assert topic_diversity(topics, n_words=3) == 4 / 6


def test_topics_need_enough_words(X, lda):
    with pytest.raises(ValueError, match="n_words=25, but the topics weigh 18 words"):
        topic_diversity(lda)
    with pytest.raises(ValueError, match="n_words=0, but the topics weigh 18 words"):
        topic_diversity(lda, n_words=0)
    with pytest.raises(ValueError, match="Topic 1 has 2 words, fewer than n_words=3"):
        topic_diversity([["a", "b", "c"], ["a", "b"]], n_words=3)
    with pytest.raises(ValueError, match="There are 0 topics"):
        topic_diversity([], n_words=3)


@pytest.mark.parametrize("topics", [["apple", "bread"], [[0.1, 0.9], [0.5, 0.5]]])
def test_topics_are_lists_of_words(topics):
    with pytest.raises(ValueError, match="Topic 0 is not a list of words"):
        topic_diversity(topics, n_words=2)


def test_topics_have_distinct_words():
    topics = [["a", "b", "c"], ["a", "c", "a"]]
    message = r"Topic 1 has a word more than once: \['a', 'c', 'a'"
    for metric in [topic_diversity, inverted_rbo]:
        with pytest.raises(ValueError, match=message):
            metric(topics, n_words=3)
        assert metric(topics, n_words=2) > 0
    with pytest.raises(ValueError, match="Topic 0 has a word more than once"):
        npmi_coherence([[1, 1]], np.eye(3), n_words=2)


# Rank-biased overlap


def shuffled_topics(random_state, n_topics=5, n_words=8):
    """Topics that share some of their words."""
    rng = np.random.default_rng(random_state)
    return [rng.permutation(15)[:n_words].tolist() for _ in range(n_topics)]


@pytest.mark.parametrize("p", [0.3, 0.9])
def test_inverted_rbo_equals_a_sum_to_infinity(p):
    """Beyond the last word, topics go on to agree as they did."""
    topics = shuffled_topics(0)
    overlaps = []
    for a, b in itertools.combinations(topics, 2):
        overlap = 0.0
        for depth in range(1, 2000):
            seen = min(depth, 8)
            agreement = len(set(a[:seen]) & set(b[:seen])) / seen
            overlap += (1 - p) * p ** (depth - 1) * agreement
        overlaps.append(overlap)
    actual = inverted_rbo(topics, n_words=8, p=p)
    assert isinstance(actual, float)
    assert actual == pytest.approx(1 - sum(overlaps) / len(overlaps), abs=1e-12)


def test_inverted_rbo_of_identical_and_disjoint_topics():
    for n_words in [1, 2, 10]:
        same = np.tile(np.arange(10.0), (4, 1))
        assert inverted_rbo(same, n_words=n_words) == 0
        disjoint = np.arange(4 * n_words).reshape(4, n_words).tolist()
        assert inverted_rbo(disjoint, n_words=n_words) == pytest.approx(1, abs=1e-15)


def test_inverted_rbo_between_the_first_word_and_all_of_them():
    topics = [["a", "b", "c", "d"], ["a", "e", "f", "g"], ["h", "a", "e", "c"]]
    first = inverted_rbo(topics, n_words=4, p=1e-9)
    assert first == pytest.approx(2 / 3)  # one of three pairs has the same
    every = inverted_rbo(topics, n_words=4, p=1 - 1e-9)
    assert every == pytest.approx(1 - (1 + 2 + 2) / 4 / 3)


def test_inverted_rbo_needs_pairs_and_a_persistence(lda):
    with pytest.raises(ValueError, match="There is one topic. Pass two or more"):
        inverted_rbo([["a", "b"]], n_words=2)
    for p in [0, 1, -0.5, np.nan]:
        with pytest.raises(ValueError, match=f"p={p}, but it is between 0 and 1"):
            inverted_rbo(lda, p=p)


# Stability


def test_stability_equals_the_best_of_all_permutations():
    a, b = shuffled_topics(1), shuffled_topics(2)
    similarity = np.zeros((5, 5))
    for (i, words), (j, others) in itertools.product(enumerate(a), enumerate(b)):
        for depth in range(1, 9):
            v, w = set(words[:depth]), set(others[:depth])
            similarity[i, j] += len(v & w) / len(v | w) / 8
    np.testing.assert_allclose(topic_similarity(a, b, n_words=8), similarity)
    actual = topic_stability(a, b, n_words=8)
    assert isinstance(actual, float)
    orders = map(list, itertools.permutations(range(5)))
    best = max(similarity[range(5), order].mean() for order in orders)
    assert actual == pytest.approx(best) and 0 < actual < 1


def test_stability_of_each_topic():
    a, b = shuffled_topics(1), shuffled_topics(2)
    each = topic_stability(a, b, n_words=8, per_topic=True)
    assert each.shape == (5,) and each.mean() == topic_stability(a, b, n_words=8)
    mixed = topic_stability(a, [b[0], *a[1:][::-1]], n_words=8, per_topic=True)
    assert (mixed[1:] == 1).all() and mixed[0] < 1
    fewer = topic_stability(a, a[3:], n_words=8, per_topic=True)
    np.testing.assert_array_equal(fewer, [np.nan, np.nan, np.nan, 1, 1])


def test_stability_ignores_the_order_of_topics_and_of_fits():
    a, b = shuffled_topics(3), shuffled_topics(4)
    expected = topic_stability(a, b, n_words=8)
    assert topic_stability(b, a, n_words=8) == pytest.approx(expected)
    assert topic_stability(a[::-1], b, n_words=8) == pytest.approx(expected)
    assert topic_stability(a, a[2:] + a[:2], n_words=8) == 1


def test_stability_of_equal_disjoint_and_reordered_topics():
    assert topic_stability([["a", "b"]], [["a", "b"]], n_words=2) == 1
    assert topic_stability([["a", "b"]], [["c", "d"]], n_words=2) == 0
    # The same words otherwise ordered: (0 / 2 + 2 / 2) / 2.
    assert topic_stability([["a", "b"]], [["b", "a"]], n_words=2) == 0.5


def test_stability_matches_all_topics_of_the_smaller_fit():
    topics = shuffled_topics(5)
    for part in [topics[:2], topics[3:]]:
        assert topic_stability(topics, part, n_words=8) == 1
        assert topic_stability(part, topics, n_words=8) == 1
    # "a b" is taken once only, so the second copy of it gets nothing.
    copies, other = [["a", "b"], ["a", "b"]], [["a", "b"], ["c", "d"]]
    assert topic_stability(copies, other, n_words=2) == 0.5


def test_stability_is_the_same_for_all_forms_of_topics(named, unnamed):
    other = shuffled_topics(6, n_words=6)
    expected = topic_stability(unnamed[1], other, n_words=6)
    for a, b in itertools.product(named[:3], named + unnamed):
        assert topic_stability(a, b, n_words=6) == 1
        assert topic_stability(b, a, n_words=6) == 1
        assert topic_stability(a, other, n_words=6) == expected
        assert topic_stability(b, b, n_words=6) == 1
    for topics in unnamed[1:]:
        with pytest.raises(ValueError, match="Column .* but there are 0 feature names"):
            topic_stability(topics, named[3], n_words=6)


def test_stability_compares_words_if_both_fits_have_them():
    """The second has the columns and topics of the first reversed, and one more."""
    names = np.array([f"word{v}" for v in range(12)])
    weights = np.random.default_rng(0).random((3, 12))
    a = Oracle(weights).fit(None)
    b = Oracle(np.c_[np.zeros(3), weights[::-1, ::-1]]).fit(None)
    told = "topics_a weighs 12 .* topics_b 13, without"
    for unnamed in [b, b.components_, pd.DataFrame(b.components_)]:
        with pytest.raises(ValueError, match=told):
            topic_stability(a, unnamed, n_words=6)
    assert topic_stability(a, b.components_[:, 1:], n_words=6) < 0.7
    a.feature_names_in_ = names
    with pytest.raises(ValueError, match=told):
        topic_stability(a, b, n_words=6)
    b.feature_names_in_ = np.r_[["zebra"], names[::-1]]
    assert topic_stability(a, b, n_words=6) == 1
