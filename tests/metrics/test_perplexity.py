"""Perplexities of document completion and of word frequencies."""

import math
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers import CONTAINERS, Oracle, planted_topics
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skvae.metrics import (
    document_completion_perplexity,
    inverted_rbo,
    npmi_coherence,
    perplexity,
    sliding_window_npmi,
    topic_diversity,
    topic_stability,
    unigram_perplexity,
)
from skvae.metrics.perplexity import _split_tokens


class MixtureOracle(Oracle):
    """Has no inverse_transform, like LatentDirichletAllocation."""

    inverse_transform = property()


# Document completion


@pytest.mark.parametrize("average", ["token", "document"])
@pytest.mark.parametrize("name", ["lda", "nmf"])
def test_completion_equals_a_loop_over_documents(name, average, X, request):
    """The loop knows the split only; it normalises, smooths and averages by hand."""
    model = request.getfixturevalue(name)
    X = np.vstack([X[:7] + 1, np.eye(1, 18), np.zeros((1, 18)), X[7:9]])
    kept = X[X.sum(axis=1) >= 2]
    first, second = (
        half.toarray() for half in _split_tokens(sparse.csr_array(kept), 3)
    )
    theta, smoothing = model.transform(first), 0.1
    nlls, lengths = [], []
    for d in range(len(kept)):
        p = [0.0] * 18
        for k in range(3):
            for v in range(18):
                beta = model.components_[k, v]
                if name == "lda":
                    beta /= sum(model.components_[k])
                p[v] += theta[d, k] * beta
        p = [(1 - smoothing) * p_v / sum(p) + smoothing / 18 for p_v in p]
        nlls.append(-sum(n * math.log(p_v) for n, p_v in zip(second[d], p)))
        lengths.append(sum(second[d]))
    assert all(lengths)
    if average == "token":
        expected = math.exp(sum(nlls) / sum(lengths))
    else:
        expected = math.exp(np.mean([nll / n for nll, n in zip(nlls, lengths)]))

    actual = document_completion_perplexity(
        model, X, average=average, smoothing=smoothing, random_state=3
    )
    assert isinstance(actual, float)
    assert actual == pytest.approx(expected, rel=1e-10)


def test_split_tokens_keeps_each_token_in_one_half():
    counts = sparse.csr_array(np.array([[1000.0, 0, 1, 1], [0, 2000, 0, 3]]))
    first, second = _split_tokens(counts, 0)
    np.testing.assert_array_equal((first + second).toarray(), counts.toarray())
    assert (first.data > 0).all() and (second.data > 0).all()
    # A word is in both halves: tokens are split, not word types. 4 sigma apart.
    assert abs(first[0, 0] - 500) < 4 * math.sqrt(250)
    assert abs(first[1, 1] - 1000) < 4 * math.sqrt(500)


@pytest.mark.parametrize("average", ["token", "document"])
@pytest.mark.parametrize("oracle", [Oracle, MixtureOracle])
def test_uniform_predictions_get_the_number_of_features(oracle, average, X):
    model = oracle([5.0] * 18).fit(X)
    actual = document_completion_perplexity(model, X, average=average)
    assert actual == pytest.approx(18)


def test_second_halves_without_tokens_contribute_nothing():
    """Of 200 documents "0 1", about a quarter have an empty second half."""
    model = Oracle([1.0, 1.0]).fit(None)
    X = np.ones((200, 2))
    _, second = _split_tokens(sparse.csr_array(X), 0)
    assert (second.sum(axis=1) == 0).any()
    for average in ["token", "document"]:
        actual = document_completion_perplexity(model, X, average=average)
        assert actual == pytest.approx(2)


def test_predictions_of_zeros_become_uniform():
    model = Oracle([0.0, 0.0, 0.0, 0.0]).fit(None)
    assert document_completion_perplexity(model, np.full((3, 4), 5)) == pytest.approx(4)


def test_smoothing_mixes_in_the_uniform_distribution():
    model = Oracle([1.0, 0.0]).fit(None)
    seen, unseen = np.array([[20, 0]]), np.array([[0, 20]])
    for smoothing, expected in [(None, 1), (0.0, 1), (0.5, 4 / 3)]:
        actual = document_completion_perplexity(model, seen, smoothing=smoothing)
        assert actual == pytest.approx(expected)
    for smoothing, expected in [(None, 200), (0.0, np.inf), (0.5, 4)]:
        actual = document_completion_perplexity(model, unseen, smoothing=smoothing)
        assert actual == pytest.approx(expected)


def test_planted_topics_are_worth_the_uniform_and_the_unigram_model(X, lda, nmf):
    """6 of 18 words are possible in a document: 6 is the best there is."""
    unigram = unigram_perplexity(X, X)
    assert unigram == pytest.approx(18, rel=0.01)
    mini_batch_nmf = MiniBatchNMF(3, init="nndsvda", random_state=0).fit(X)
    for model in [lda, nmf, mini_batch_nmf]:
        assert 5.9 < document_completion_perplexity(model, X) < 7


def test_nmf_is_finite_on_words_outside_its_topics(nmf):
    mixed = planted_topics(30, random_state=1) + planted_topics(31)[1:]
    assert np.isfinite(document_completion_perplexity(nmf, mixed))
    short = sparse.eye_array(18, format="csr") * 2  # first halves may be empty
    assert np.isfinite(document_completion_perplexity(nmf, short))


@pytest.mark.parametrize("name", ["lda", "nmf"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_completion_is_the_same_for_all_containers(container, name, X, request):
    model = request.getfixturevalue(name)
    given = CONTAINERS[container](X)
    if container == "DataFrame":  # sklearn warns about unexpected string names
        given.columns = range(18)
    expected = document_completion_perplexity(model, X)
    assert document_completion_perplexity(model, given) == pytest.approx(expected)


def test_completion_ignores_how_entries_are_stored(X, lda):
    """Unsorted indices, duplicates and stored zeros are the same counts."""
    coo = sparse.coo_array(X)
    order = np.random.default_rng(0).permutation(coo.nnz)
    row, col = coo.coords
    row, col, data = row[order], col[order], coo.data[order]
    order = np.argsort(row, kind="stable")
    row, col = np.tile(row[order], (2, 1)), np.tile(col[order], (2, 1))
    data = np.stack([data[order] - 1, np.ones(len(data))])
    messy = sparse.csr_array(
        (data.T.ravel(), col.T.ravel(), np.r_[0, np.cumsum(2 * (X > 0).sum(axis=1))]),
        shape=X.shape,
    )
    before = messy.data.copy(), messy.indices.copy(), messy.indptr.copy()
    assert not messy.has_canonical_format and (messy.data == 0).any()
    np.testing.assert_array_equal(messy.toarray(), X)
    assert document_completion_perplexity(lda, messy) == pytest.approx(
        document_completion_perplexity(lda, X)
    )
    npmi_coherence(lda, messy, n_words=3)
    unigram_perplexity(messy, messy)
    for array, saved in zip((messy.data, messy.indices, messy.indptr), before):
        np.testing.assert_array_equal(array, saved)


@pytest.mark.parametrize("container", ["dense", "csr_matrix", "csc_matrix"])
def test_x_is_not_changed(container, X, lda):
    given = CONTAINERS[container](X.copy())
    document_completion_perplexity(lda, given)
    unigram_perplexity(given, given)
    npmi_coherence(lda, given, n_words=3)
    dense = given if container == "dense" else given.toarray()
    np.testing.assert_array_equal(dense, X)


def test_completion_is_the_same_in_small_batches(X, lda, monkeypatch):
    expected = document_completion_perplexity(lda, X)
    for entries in (18 * 7, 1):
        monkeypatch.setattr(perplexity, "_MAX_BATCH_ENTRIES", entries)
        assert document_completion_perplexity(lda, X) == pytest.approx(expected)


def test_completion_depends_on_random_state_alone(X, lda):
    def ppx(random_state):
        return document_completion_perplexity(lda, X, random_state=random_state)

    global_state = np.random.get_state()[1].copy()
    assert ppx(0) == ppx(0) == ppx(np.random.RandomState(0))
    assert ppx(0) != ppx(1)
    np.testing.assert_array_equal(np.random.get_state()[1], global_state)


@pytest.mark.parametrize("given", ["DataFrame", "dense", "csr_matrix"])
def test_a_model_fitted_on_a_dataframe_does_not_warn(given, X, lda):
    names = [f"word{v}" for v in range(18)]
    frame = pd.DataFrame(X, columns=names)
    model = LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        actual = document_completion_perplexity(
            model, frame if given == "DataFrame" else CONTAINERS[given](X)
        )
    assert actual == pytest.approx(document_completion_perplexity(lda, X))
    with pytest.raises(ValueError, match="Column 0 of X is 'word17', but .* 'word0'"):
        document_completion_perplexity(model, frame[names[::-1]])


def test_completion_ignores_the_output_container_of_transform(X):
    lda = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(X)
    expected = document_completion_perplexity(lda, X)
    lda.set_output(transform="pandas")
    assert document_completion_perplexity(lda, X) == pytest.approx(expected)


# Pipelines


def test_a_pipeline_on_texts_is_the_model_on_counts(X, texts):
    texts = [" ".join(words) for words in texts]
    lda = LatentDirichletAllocation(3, max_iter=3, random_state=0)
    pipeline = make_pipeline(CountVectorizer(), lda).fit(texts)
    counts = pipeline[0].transform(texts)
    np.testing.assert_array_equal(counts.toarray(), X)
    of_one_step = make_pipeline(lda)
    for metric in (
        document_completion_perplexity,
        partial(npmi_coherence, n_words=4),
        lambda model, X: topic_diversity(model, n_words=4),
    ):
        assert metric(pipeline, texts) == metric(lda, counts)
        assert metric(of_one_step, counts) == metric(lda, counts)


def test_tfidf_has_coherence_but_no_perplexity():
    texts = ["cat dog", "dog cat cat", "bus train", "train bus bus"]
    nmf = NMF(2, init="nndsvda", random_state=0)
    pipeline = make_pipeline(TfidfVectorizer(), nmf).fit(texts)
    assert npmi_coherence(pipeline, texts, n_words=2) == pytest.approx(1)
    with pytest.raises(
        ValueError, match="must hold word counts.*not frequencies or tf-idf"
    ):
        document_completion_perplexity(pipeline, texts)


# Errors


@pytest.mark.parametrize("entry, shown", [(-1.0, "-1"), (0.5, "0.5")])
def test_perplexity_needs_counts(entry, shown, X, lda):
    wrong = X.copy()
    wrong[3, 4] = entry
    message = f"^X must hold word counts, but has the entry {shown}"
    for container in [np.asarray, sparse.csr_matrix, sparse.csc_array]:
        with pytest.raises(ValueError, match=message):
            document_completion_perplexity(lda, container(wrong))
        with pytest.raises(ValueError, match=message):
            unigram_perplexity(X, container(wrong))
    with pytest.raises(ValueError, match="^X_train must hold word counts"):
        unigram_perplexity(wrong, X)


def test_perplexity_needs_something_to_score(X, lda):
    for empty in [np.zeros((2, 18)), np.eye(18)]:
        with pytest.raises(ValueError, match="no document with a token"):
            document_completion_perplexity(lda, empty)
    with pytest.raises(ValueError, match="^X has no tokens"):
        unigram_perplexity(X, 0 * X)
    with pytest.raises(ValueError, match="^X_train has no tokens"):
        unigram_perplexity(0 * X, X)


def test_perplexity_checks_its_options(X, lda):
    with pytest.raises(ValueError, match="average='corpus'. Pass 'token' or"):
        document_completion_perplexity(lda, X, average="corpus")
    for smoothing in [-0.1, 1.0]:
        with pytest.raises(ValueError, match=r"smoothing=.*in \[0, 1\)"):
            unigram_perplexity(X, X, smoothing=smoothing)


def test_perplexity_needs_the_features_of_the_model(X, lda):
    with pytest.raises(ValueError, match="17 features"):
        document_completion_perplexity(lda, X[:, 1:])
    with pytest.raises(ValueError, match="X_train has 18 features and X has 17"):
        unigram_perplexity(X, X[:, 1:])


def test_all_functions_need_a_fitted_topic_model(X):
    pipeline = make_pipeline(CountVectorizer(), NMF(2))
    for model, given in [(NMF(2), X), (pipeline, ["one two", "two three"])]:
        for metric, *args in [
            (npmi_coherence, given),
            (topic_diversity,),
            (inverted_rbo,),
            (topic_stability, model),
            (sliding_window_npmi, [["one", "two"]]),
        ]:
            with pytest.raises(NotFittedError):
                metric(model, *args, n_words=2)
        with pytest.raises(NotFittedError):
            document_completion_perplexity(model, given)
    k_means = KMeans(3, n_init=1).fit(X)
    with pytest.raises(TypeError, match="KMeans has no components_"):
        document_completion_perplexity(k_means, X)


@pytest.mark.parametrize("oracle", [Oracle, MixtureOracle])
def test_perplexity_needs_predictions_that_are_not_negative(oracle):
    model = oracle([3.0, -1.0]).fit(None)
    with pytest.raises(ValueError, match="Oracle predicts the word weight -"):
        document_completion_perplexity(model, [[9, 9]])


# Unigram


@pytest.mark.parametrize("average", ["token", "document"])
def test_unigram_equals_a_loop_over_documents(average):
    rng = np.random.default_rng(0)
    X_train, X = rng.poisson(3, (5, 4)), rng.poisson(0.7, (30, 4))
    assert X_train.any(axis=0).all() and not X.any(axis=1).all()
    p = [sum(column) / X_train.sum() for column in X_train.T]
    nlls = [-sum(n * math.log(p_v) for n, p_v in zip(row, p)) for row in X]
    if average == "token":
        expected = math.exp(sum(nlls) / X.sum())
    else:
        rates = [nll / row.sum() for nll, row in zip(nlls, X) if row.any()]
        expected = math.exp(sum(rates) / len(rates))
    actual = unigram_perplexity(X_train, sparse.csr_array(X), average=average)
    assert actual == pytest.approx(expected)


def test_unigram_smooths_new_words_only():
    X_train = [[1, 1, 0, 0]]
    assert unigram_perplexity(X_train, [[1, 2, 0, 0]]) == pytest.approx(2)
    assert unigram_perplexity(X_train, [[0, 0, 3, 0]]) == pytest.approx(400)
    assert unigram_perplexity(X_train, [[0, 0, 3, 0]], smoothing=0) == np.inf
