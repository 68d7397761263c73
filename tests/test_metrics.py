"""The metrics of topic models, against independent computations and limits."""

import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.inspection import top_words
from skvae.metrics import (
    _coherence,
    completion_scorer,
    cv_coherence,
    document_completion_perplexity,
    inverted_rbo,
    label_alignment,
    npmi_coherence,
    npmi_scorer,
    perplexity,
    sliding_window_npmi,
    topic_diversity,
    topic_similarity,
    topic_stability,
    unigram_perplexity,
)
from skvae.metrics.perplexity import _split_tokens

CONTAINERS = {
    "dense": np.asarray,
    "integers": lambda X: X.astype(np.int32),
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
    "coo_array": sparse.coo_array,
    "DataFrame": pd.DataFrame,
}


class Oracle(BaseEstimator):
    """Predicts fixed word weights, of which every document has the first topic."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        self.components_ = np.atleast_2d(self.weights)
        return self

    def transform(self, X):
        return np.tile(np.eye(1, len(self.components_)), (X.shape[0], 1))

    def inverse_transform(self, X):
        return X @ self.components_


class MixtureOracle(Oracle):
    """Has no inverse_transform, like LatentDirichletAllocation."""

    inverse_transform = property()


def planted_topics(n_samples=120, random_state=0):
    """Documents of 40 tokens from one of 3 topics with 6 words of their own each."""
    rng = np.random.default_rng(random_state)
    topics = np.kron(np.eye(3), np.full(6, 1 / 6))
    return np.array(
        [rng.multinomial(40, topics[d % 3]) for d in range(n_samples)], dtype=float
    )


@pytest.fixture(scope="module")
def X():
    return planted_topics()


@pytest.fixture(scope="module")
def lda(X):
    return LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(X)


@pytest.fixture(scope="module")
def nmf(X):
    return NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(X)


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


@pytest.mark.parametrize("oracle", [Oracle, MixtureOracle])
def test_documents_of_one_word_get_its_inverse_probability(oracle):
    model = oracle([1.0, 3.0, 4.0]).fit(None)
    X = np.array([[0, 9, 0], [0, 5, 0]])
    assert document_completion_perplexity(model, X) == pytest.approx(8 / 3)


def test_averages_weigh_tokens_or_documents():
    """Word 0, of probability 1/2, in a long document; word 1, of 1/4, in a short."""
    model = Oracle([2.0, 1.0, 1.0]).fit(None)
    X = np.array([[60, 0, 0], [0, 20, 0]])
    _, second = _split_tokens(sparse.csr_array(X.astype(float)), 0)
    n, m = second.sum(axis=1)
    assert document_completion_perplexity(model, X) == pytest.approx(
        2 ** ((n + 2 * m) / (n + m))
    )
    assert document_completion_perplexity(
        model, X, average="document"
    ) == pytest.approx(2**1.5)


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
        (
            data.T.ravel(),
            col.T.ravel(),
            np.r_[0, np.cumsum(2 * (X > 0).sum(axis=1))],
        ),
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
    monkeypatch.setattr(perplexity, "_MAX_BATCH_ENTRIES", 18 * 7)
    assert document_completion_perplexity(lda, X) == pytest.approx(expected)
    monkeypatch.setattr(perplexity, "_MAX_BATCH_ENTRIES", 1)
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


def test_a_pipeline_on_texts_is_the_model_on_counts(X):
    words = np.array([f"word{v:02d}" for v in range(18)])
    texts = [" ".join(np.repeat(words, row.astype(int))) for row in X]
    pipeline = make_pipeline(
        CountVectorizer(), LatentDirichletAllocation(3, max_iter=3, random_state=0)
    ).fit(texts)
    counts = pipeline[0].transform(texts)
    np.testing.assert_array_equal(counts.toarray(), X)
    assert document_completion_perplexity(
        pipeline, texts
    ) == document_completion_perplexity(pipeline[-1], counts)
    assert npmi_coherence(pipeline, texts, n_words=4) == npmi_coherence(
        pipeline[-1], counts, n_words=4
    )
    assert topic_diversity(pipeline, n_words=4) == topic_diversity(
        pipeline[-1], n_words=4
    )


def test_a_pipeline_of_one_step_is_its_model(X, lda):
    pipeline = make_pipeline(lda)
    assert document_completion_perplexity(
        pipeline, X
    ) == document_completion_perplexity(lda, X)


def test_tfidf_has_coherence_but_no_perplexity():
    texts = ["cat dog", "dog cat cat", "bus train", "train bus bus"]
    pipeline = make_pipeline(
        TfidfVectorizer(), NMF(2, init="nndsvda", random_state=0)
    ).fit(texts)
    assert npmi_coherence(pipeline, texts, n_words=2) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"must hold word counts.*CountVectorizer"):
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
        with pytest.raises(ValueError, match="no document to complete"):
            document_completion_perplexity(lda, empty)
    with pytest.raises(ValueError, match="^X has no tokens"):
        unigram_perplexity(X, 0 * X)
    with pytest.raises(ValueError, match="^X_train has no tokens"):
        unigram_perplexity(0 * X, X)


def test_perplexity_checks_its_options(X, lda):
    with pytest.raises(ValueError, match="average='corpus', but it is 'token' or"):
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
    texts = ["one two", "two three"]
    for model, given in [
        (NMF(2), X),
        (make_pipeline(CountVectorizer(), NMF(2)), texts),
    ]:
        with pytest.raises(NotFittedError):
            document_completion_perplexity(model, given)
        with pytest.raises(NotFittedError):
            npmi_coherence(model, given, n_words=2)
        with pytest.raises(NotFittedError):
            topic_diversity(model, n_words=2)
        with pytest.raises(NotFittedError):
            inverted_rbo(model, n_words=2)
        with pytest.raises(NotFittedError):
            topic_stability(model, model, n_words=2)
        with pytest.raises(NotFittedError):
            sliding_window_npmi(model, [["one", "two"]], n_words=2)
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


def test_unigram_on_its_own_corpus_is_the_exponential_of_the_entropy():
    X = np.array([[4, 2, 0], [0, 0, 2]])
    entropy = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    assert unigram_perplexity(X, X) == pytest.approx(math.exp(entropy))


def test_unigram_smooths_new_words_only():
    X_train = [[1, 1, 0, 0]]
    assert unigram_perplexity(X_train, [[1, 2, 0, 0]]) == pytest.approx(2)
    assert unigram_perplexity(X_train, [[0, 0, 3, 0]]) == pytest.approx(400)
    assert unigram_perplexity(X_train, [[0, 0, 3, 0]], smoothing=0) == np.inf


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
                    scores.append(
                        math.log(p_ij / (p_i * p_j)) / -math.log(p_ij) if p_ij else -1
                    )
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
    pairs = [[0, 1], [0, 2], [0, 3]]
    actual = npmi_coherence(pairs, X, n_words=2, per_topic=True)
    np.testing.assert_allclose(actual, [1, 0, -1], atol=1e-15)


def test_npmi_of_words_in_every_document_or_in_none():
    X = np.array([[1, 2, 0], [3, 1, 0]])
    with pytest.warns(UserWarning, match="column 2"):
        actual = npmi_coherence([[0, 1], [0, 2]], X, n_words=2, per_topic=True)
    np.testing.assert_array_equal(actual, [1, -1])


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
    with pytest.warns(UserWarning, match="never occur in X: 3, 4. Their pairs"):
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


def test_npmi_is_the_same_for_all_forms_of_topics(X):
    names = [f"word{v:02d}" for v in range(18)]
    frame = pd.DataFrame(X, columns=names)
    nmf = NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(frame)
    words = top_words(nmf, 5)
    expected = npmi_coherence(nmf, X, n_words=5)
    for topics in [
        nmf.components_,
        pd.DataFrame(nmf.components_),
        np.argsort(-nmf.components_, axis=1, kind="stable").tolist(),
        words,
        words.to_numpy(),
        words.to_numpy().tolist(),
    ]:
        actual = npmi_coherence(topics, X, n_words=5, feature_names=names)
        assert actual == expected
        assert npmi_coherence(topics, frame, n_words=5) == expected
        assert topic_diversity(topics, n_words=5) == 1
    with pytest.raises(ValueError, match="Column 0 of X is 'word17', but that of NMF"):
        npmi_coherence(nmf, frame[names[::-1]], n_words=5)


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
@pytest.mark.parametrize("window", [2, 5, 10])
def test_windowed_npmi_is_that_of_gensim_if_no_text_repeats_a_word(window):
    """Where a text does, gensim forgets the second occurrence with the first."""
    rng = np.random.default_rng(0)
    vocabulary = [f"word{v}" for v in range(25)]
    texts = [rng.permutation(vocabulary)[: d % 25].tolist() for d in range(150)]
    topics = [rng.permutation(vocabulary)[:10].tolist() for _ in range(5)]
    np.testing.assert_allclose(
        sliding_window_npmi(topics, texts, window=window, per_topic=True),
        gensim_coherence(topics, texts, window),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("window", [5, 110])
def test_cv_is_that_of_gensim_if_no_text_repeats_a_word(window):
    rng = np.random.default_rng(0)
    vocabulary = [f"word{v}" for v in range(25)]
    texts = [rng.permutation(vocabulary)[: d % 25].tolist() for d in range(150)]
    topics = [rng.permutation(vocabulary)[:10].tolist() for _ in range(5)]
    actual = cv_coherence(topics, texts, window=window, per_topic=True)
    expected = gensim_coherence(topics, texts, window, "c_v")
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)
    assert cv_coherence(topics, texts, window=window) == pytest.approx(actual.mean())


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


def test_windowed_npmi_sees_how_far_apart_words_are():
    filler = ["and"] * 5
    texts = [["cat", "dog", *filler, "bus"], ["dog", "cat"], ["bus"], filler] * 3
    topics = [["cat", "dog"], ["cat", "bus"]]
    for window in [2, 7]:
        near, far = sliding_window_npmi(
            topics, texts, window=window, n_words=2, per_topic=True
        )
        assert near > 0.5 and far < -0.7
    assert sliding_window_npmi(topics[1:], texts, window=8, n_words=2) > 0


@pytest.mark.parametrize("entries", [1, 40])
def test_windowed_npmi_is_the_same_in_small_blocks(entries, monkeypatch):
    texts, topics = planted_texts()
    expected = sliding_window_npmi(topics, texts, window=4, n_words=4)
    monkeypatch.setattr(_coherence, "_MAX_BLOCK_ENTRIES", entries)
    assert sliding_window_npmi(topics, texts, window=4, n_words=4) == expected


def test_windowed_npmi_is_the_same_for_all_forms_of_topics(X):
    names = [f"word{v:02d}" for v in range(18)]
    texts = [np.repeat(names, row.astype(int)).tolist() for row in X]
    frame = pd.DataFrame(X, columns=names)
    nmf = NMF(3, init="nndsvda", max_iter=500, random_state=0)
    pipeline = make_pipeline(CountVectorizer(), nmf).fit([" ".join(t) for t in texts])
    words, weights = top_words(pipeline, 5), pipeline[-1].components_
    expected = sliding_window_npmi(words.to_numpy().tolist(), texts, n_words=5)
    for topics in [
        pipeline,
        NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(frame),
        words,
        pd.DataFrame(weights, columns=names),
    ]:
        assert sliding_window_npmi(topics, texts, n_words=5) == expected
        assert sliding_window_npmi(topics, iter(texts), n_words=5) == expected
    columns = np.argsort(-weights, axis=1, kind="stable").tolist()
    for topics in [pipeline[-1], weights, pd.DataFrame(weights), columns]:
        options = dict(n_words=5, feature_names=np.array(names))
        assert sliding_window_npmi(topics, texts, **options) == expected
        with pytest.raises(ValueError, match="but there are 0 feature names. Pass the"):
            sliding_window_npmi(topics, texts, n_words=5)
    with pytest.raises(ValueError, match="weigh 18 words, but feature_names has 17"):
        sliding_window_npmi(weights, texts, n_words=5, feature_names=names[1:])


@pytest.mark.parametrize("text", ["cat dog", [1, 2], np.eye(2), None])
def test_texts_are_lists_of_words(text):
    topics, texts = [["cat", "dog"]], [["cat", "dog"], text]
    with pytest.raises(
        ValueError, match="(?s)Text 1 is .*not a list of words. Split the"
    ):
        sliding_window_npmi(topics, texts, n_words=2)


@pytest.mark.parametrize("texts", [[], [[], []]])
def test_texts_need_words(texts):
    with pytest.raises(ValueError, match="texts has no words"):
        sliding_window_npmi([["cat", "dog"]], texts, n_words=2)


@pytest.mark.parametrize("window", [1, 0, 2.5, None])
def test_windows_have_room_for_pairs(window):
    with pytest.raises(ValueError, match=f"window={window}, but pairs of words need"):
        sliding_window_npmi([["a", "b"]], [["a", "b"]], window=window, n_words=2)
    with pytest.raises(ValueError, match="needs pairs: at least 2"):
        sliding_window_npmi([["a", "b"]], [["a", "b"]], n_words=1)


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


def test_inverted_rbo_is_larger_where_shared_words_come_late():
    early = [["a", "b", "c"], ["a", "d", "e"]]
    late = [["b", "c", "a"], ["d", "e", "a"]]
    assert inverted_rbo(late, n_words=3) > inverted_rbo(early, n_words=3)
    assert topic_diversity(late, n_words=3) == topic_diversity(early, n_words=3)


def test_inverted_rbo_needs_pairs_and_a_persistence(lda):
    with pytest.raises(ValueError, match="There is one topic, but inverted_rbo comp"):
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
    assert actual == pytest.approx(
        max(
            np.mean([similarity[i, j] for i, j in enumerate(order)])
            for order in itertools.permutations(range(5))
        )
    )
    assert 0 < actual < 1


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
    assert (
        topic_stability([["a", "b"], ["a", "b"]], [["a", "b"], ["c", "d"]], n_words=2)
        == 0.5
    )


def test_stability_is_the_same_for_all_forms_of_topics(X):
    names = [f"word{v:02d}" for v in range(18)]
    frame = pd.DataFrame(X, columns=names)
    texts = [" ".join(np.repeat(names, row.astype(int))) for row in X]
    nmf = NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(frame)
    forms = [
        nmf,
        make_pipeline(CountVectorizer(), NMF(3, init="nndsvda", max_iter=500)).fit(
            texts
        ),
        pd.DataFrame(nmf.components_, columns=names),
        top_words(nmf, 6),
        top_words(nmf, 6).to_numpy().tolist(),
        nmf.components_,
        np.argsort(-nmf.components_, axis=1, kind="stable").tolist(),
    ]
    other = shuffled_topics(6, n_words=6)
    expected = topic_stability(nmf.components_, other, n_words=6)
    for a, b in itertools.product(forms[:3], forms):
        assert topic_stability(a, b, n_words=6) == 1
        assert topic_stability(b, a, n_words=6) == 1
        assert topic_stability(a, other, n_words=6) == expected
        assert topic_stability(b, b, n_words=6) == 1
    for unnamed in forms[-2:]:
        with pytest.raises(ValueError, match="have column .*but there are 0 feature n"):
            topic_stability(unnamed, forms[3], n_words=6)


def test_stability_compares_words_if_both_fits_have_them():
    """The second has the columns and topics of the first reversed, and one more."""
    names = np.array([f"word{v}" for v in range(12)])
    weights = np.random.default_rng(0).random((3, 12))
    a = Oracle(weights).fit(None)
    b = Oracle(np.c_[np.zeros(3), weights[::-1, ::-1]]).fit(None)
    for unnamed in [b, b.components_, pd.DataFrame(b.components_)]:
        with pytest.raises(ValueError, match="topics_a weighs 12 .* topics_b 13, and"):
            topic_stability(a, unnamed, n_words=6)
    assert topic_stability(a, b.components_[:, 1:], n_words=6) < 0.7
    a.feature_names_in_ = names
    with pytest.raises(ValueError, match="topics_a weighs 12 .* topics_b 13, and"):
        topic_stability(a, b, n_words=6)
    b.feature_names_in_ = np.r_[["zebra"], names[::-1]]
    assert topic_stability(a, b, n_words=6) == 1


# --- agreement with labels -----------------------------------------------------------


@pytest.mark.parametrize("as_proportions", [False, True])
def test_alignment_against_a_plain_count(as_proportions, rng):
    labels = rng.choice(["a", "b", "c"], 60)
    topics = np.where(
        rng.random(60) < 0.5, (labels == "a") + 1, rng.integers(5, size=60)
    )
    both = [(c, t) for c, t in zip(labels, topics)]
    purity = sum(max(both.count((c, t)) for c in "abc") for t in range(5)) / 60
    inverse = sum(max(both.count((c, t)) for t in range(5)) for c in "abc") / 60
    shares = rng.dirichlet(np.ones(5), size=60)
    shares[np.arange(60), topics] += 1
    found = label_alignment(labels, shares if as_proportions else topics)
    assert found["purity"] == pytest.approx(purity)
    assert found["inverse_purity"] == pytest.approx(inverse)
    assert found["p1"] == pytest.approx(2 / (1 / purity + 1 / inverse))
    assert found["nmi"] == normalized_mutual_info_score(labels, topics)
    assert found["ari"] == adjusted_rand_score(labels, topics)


def test_alignment_is_whole_where_topics_are_the_labels():
    assert (label_alignment([3, 3, 1, 0], [1, 1, -1, 2]) == 1).all()


@pytest.mark.parametrize(
    "topics, match",
    [
        ([0, 1], "inconsistent numbers of samples"),
        ([[0.5, 0.5]] * 2, "inconsistent numbers of samples"),
        ([[-1.0, 2.0]] * 3, "[Nn]egative"),
        ([[np.nan, 1.0]] * 3, "NaN"),
    ],
)
def test_alignment_of_unusable_topics(topics, match):
    with pytest.raises(ValueError, match=match):
        label_alignment([0, 1, 1], topics)


# Searches


@pytest.mark.parametrize(
    "model",
    [
        LatentDirichletAllocation(2, max_iter=2, random_state=0),
        NMF(2, init="random", random_state=0),
        GSMTopicModel(2, hidden_layer_sizes=4, max_epochs=2, random_state=0),
    ],
)
def test_searches_over_texts_go_by_the_figures_of_held_out_texts(model):
    texts = ["cat cat dog mouse", "bus train train rail", "cat train sun"] * 8
    steps = make_pipeline(CountVectorizer(), model)
    grid = {f"{steps.steps[-1][0]}__n_components": [1, 2]}
    scoring = {"completion": completion_scorer, "npmi": npmi_scorer}
    folds = [(np.arange(16), np.arange(16, 24))]
    search = GridSearchCV(steps, grid, scoring=scoring, refit="completion", cv=folds)
    search.fit(texts)
    found = search.cv_results_
    for k, params in enumerate(found["params"]):
        fitted = clone(steps).set_params(**params).fit(texts[:16])
        perplexity = document_completion_perplexity(fitted, texts[16:])
        assert found["mean_test_completion"][k] == pytest.approx(-perplexity)
        npmi = npmi_coherence(fitted, texts[16:], n_words=7)
        assert found["mean_test_npmi"][k] == pytest.approx(npmi)
    assert search.best_index_ == found["mean_test_completion"].argmax()


def test_a_search_by_coherence_does_not_warn_of_words_that_held_out_texts_lack(X, lda):
    with pytest.warns(UserWarning, match="Top words never occur"):
        expected = npmi_coherence(lda, X[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert npmi_scorer(lda, X[:2]) == expected
