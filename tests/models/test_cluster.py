"""Topics from clusters: what they promise, and against plain loops."""

import pickle
import warnings

import numpy as np
import pytest
from helpers import make_topics as make
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn import config_context
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

from skvae import ClusterTopicModel, NVDMTopicModel
from skvae.inspection import top_words
from skvae.model_selection import compare_models


def small(n_components=3, **params):
    estimator = make(NVDMTopicModel, max_epochs=15)
    params = {"estimator": estimator, "random_state": 0} | params
    return ClusterTopicModel(n_components, **params)


@pytest.fixture(scope="module")
def fitted(corpus):
    return small().fit(corpus.data)


def test_clusters_are_the_planted_topics(corpus, fitted):
    main = corpus.doc_topic.argmax(axis=1)
    clear = corpus.doc_topic.max(axis=1) > 0.8
    assert adjusted_rand_score(main[clear], fitted.labels_[clear]) > 0.9


@pytest.mark.parametrize("n_codes", [3, 20])
def test_clusters_are_taken_for_normal_distributions(n_codes, corpus):
    X = corpus.data
    model = small(estimator=TruncatedSVD(n_codes, random_state=0)).fit(X)
    codes = model.estimator_.transform(X)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    logs = []
    for k, (center, share) in enumerate(zip(model.cluster_centers_, model.shares_)):
        of_cluster = model.labels_ == k
        np.testing.assert_allclose(center, codes[of_cluster].mean(axis=0), rtol=1e-10)
        assert share == pytest.approx(of_cluster.mean())
        normal = multivariate_normal(center, model.covariance_)
        logs.append(np.log(share) + normal.logpdf(codes))
    expected = np.exp(min(1, 10 / n_codes) * np.array(logs).T)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.transform(X), expected, rtol=1e-6, atol=1e-12)
    residuals = codes - model.cluster_centers_[model.labels_]
    np.testing.assert_allclose(model.covariance_, np.cov(residuals.T), atol=2e-3)
    assert (model.predict(X) == model.labels_).mean() > 0.97
    one = small(1, estimator=TruncatedSVD(2)).fit(X[:5])
    np.testing.assert_array_equal(one.transform(X), np.ones((300, 1)))


def test_documents_with_equal_codes():
    """Clusters without any variance are told apart all the same."""
    X = np.repeat(np.eye(3), 5, axis=0)
    model = small(estimator=TruncatedSVD(3)).fit(X)
    assert adjusted_rand_score(np.repeat(range(3), 5), model.labels_) == 1
    np.testing.assert_allclose(model.transform(X).max(axis=1), 1)


def test_words_of_the_clusters_are_theirs(corpus, fitted):
    counts = corpus.data.toarray()
    overall = fitted.smoothing_ * (counts.sum(axis=0) + 1.0)
    overall /= counts.sum() + counts.shape[1]
    for k, words in enumerate(fitted.word_probabilities_):
        own = counts[fitted.labels_ == k].sum(axis=0) + overall
        np.testing.assert_allclose(words, own / own.sum(), rtol=1e-10)
    half = np.array([[0.5, 0.5, 0.0]])
    found, expected = fitted.inverse_transform(half)[0], fitted.word_probabilities_[:2]
    np.testing.assert_allclose(found, expected.mean(axis=0), rtol=1e-10)


def test_smoothing_predicts_documents_from_others_in_their_cluster(corpus, fitted):
    """Against a plain loop that leaves one document out of the counts."""
    X, labels = corpus.data.toarray(), fitted.labels_
    overall = (X.sum(axis=0) + 1.0) / (X.sum() + X.shape[1])
    perplexities = {}
    for smoothing in 4.0 ** np.arange(6):
        total = 0
        for i, x in enumerate(X):
            others = X[(labels == labels[i]) & (np.arange(len(X)) != i)].sum(axis=0)
            p = (others + smoothing * overall) / (others.sum() + smoothing)
            total += x @ np.log(p)
        perplexities[smoothing] = np.exp(-total / X.sum())
    best = min(perplexities, key=perplexities.get)
    assert fitted.smoothing_ == best
    assert fitted.health_["perplexity"] == pytest.approx(perplexities[best])
    unigram = np.exp(-(X @ np.log(overall)).sum() / X.sum())
    assert fitted.health_["unigram_perplexity"] == pytest.approx(unigram)


def test_clusters_of_documents_that_share_no_theme(rng):
    X = rng.poisson(20.0, (200, 10))
    with pytest.warns(ConvergenceWarning, match="ClusterTopicModel found no themes"):
        model = small(2).fit(X)
    new = rng.poisson(20.0, (200, 10))
    assert model.perplexity(new) < 1.01 * 10


def test_fewer_topics_than_asked_for_are_a_warning():
    X = np.repeat(np.eye(3, dtype=int), 20, axis=0)
    with pytest.warns(ConvergenceWarning, match="found 3 topics, not n_components=5"):
        ClusterTopicModel(5, random_state=0).fit(X)


def test_score_is_the_likelihood_of_a_mixture_of_unigram_models(corpus, fitted):
    X, topics = corpus.data[:20].toarray(), fitted.word_probabilities_
    logs = [np.log(fitted.shares_ @ [np.prod(words**x) for words in topics]) for x in X]
    assert fitted.score(X) == pytest.approx(np.sum(logs) / X.sum())
    assert fitted.perplexity(X) == pytest.approx(np.exp(-fitted.score(X)))
    with pytest.raises(ValueError, match="no counts"):
        fitted.score(np.zeros((2, X.shape[1])))


def test_too_few_words_and_equal_embeddings(corpus):
    X = np.zeros((30, 4))
    X[3] = [1, 0, 2, 0]
    with pytest.raises(
        ValueError, match="two documents with words, but found n_samples=1"
    ):
        small().fit(X)
    equal = np.ones((corpus.data.shape[0], 5))
    alike = small().fit(corpus.data, embeddings=equal)  # without a warning
    np.testing.assert_array_equal(alike.labels_, small().fit(corpus.data).labels_)


@pytest.mark.parametrize("shape", [(300, 512), (300, 5)])
def test_equal_embeddings_that_rounding_tells_apart(shape, corpus):
    """The mean of many 0.1 in double precision is not 0.1."""
    embeddings = np.full(shape, 0.1)
    alike = small().fit(corpus.data, embeddings=embeddings)
    np.testing.assert_array_equal(alike.labels_, small().fit(corpus.data).labels_)
    model = make(NVDMTopicModel).fit(corpus.data, embeddings=embeddings)
    assert np.isfinite(model.perplexity(corpus.data, embeddings=embeddings))


def test_memory_order_of_embeddings_changes_nothing(corpus, rng):
    embeddings = rng.standard_normal((300, 200))
    first, second = (
        small().fit(corpus.data, embeddings=order(embeddings))
        for order in (np.ascontiguousarray, np.asfortranarray)
    )
    np.testing.assert_array_equal(first.covariance_, second.covariance_)


def test_codes_that_rounding_tells_apart(rng):
    """K-means would warn that there are fewer distinct ones than clusters."""
    codes = np.repeat(np.eye(3), 20, axis=0) + 1e-12 * rng.standard_normal((60, 3))
    X = np.repeat(np.eye(3, dtype=int), 20, axis=0)
    model = ClusterTopicModel(5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model._cluster(model._parts(0)[1], sparse.csr_array(X), codes, None)
    assert adjusted_rand_score(np.repeat(range(3), 20), model.labels_) == 1


def test_documents_without_words_are_placed_by_their_embeddings(corpus, rng):
    """NVDM's code of no words is small and arbitrary, and would count in full."""
    main, n_topics = corpus.doc_topic.argmax(axis=1), corpus.components.shape[0]
    centers = 5 * np.eye(n_topics, 20)[main]
    embeddings = centers + rng.standard_normal((300, 20))
    model = small().fit(corpus.data, embeddings=embeddings)
    nothing = sparse.csr_array(corpus.data.shape)
    found = model.predict(nothing, embeddings=embeddings)
    assert adjusted_rand_score(main, found) > 0.9


@pytest.mark.parametrize("unit", [1e-2, 1e-16, 1e6])
def test_units_of_weights_and_embeddings_change_nothing(unit, corpus, rng):
    embeddings = rng.standard_normal((300, 5))[:, ::-1]
    params = {"estimator": TruncatedSVD(3, random_state=0)}
    expected = small(**params).fit(corpus.data, embeddings=embeddings)
    scaled = small(**params).fit(corpus.data, embeddings=unit * embeddings)
    np.testing.assert_array_equal(scaled.labels_, expected.labels_)
    if unit < 1e-3:
        return
    noise = rng.poisson(20.0, (200, 10)).astype(float)
    with pytest.warns(ConvergenceWarning, match="found no themes"):
        small(2, **params).fit(min(unit, 1.0) * noise)
    shares = small(**params).fit(normalize(corpus.data, norm="l1"))
    assert shares.health_["perplexity"] < shares.health_["unigram_perplexity"] < 40


def test_a_single_document_in_a_cluster(corpus):
    class One(KMeans):
        def fit_predict(self, X, y=None):
            return np.arange(len(X)) // (len(X) - 1) - 1

    model = small(clusterer=One()).fit(corpus.data)  # without a warning of scikit-learn
    assert len(model.components_) == 1


def test_parts_that_return_something_else_are_named(corpus):
    class Names(KMeans):
        def fit_predict(self, X, y=None):
            return np.array(["a"] * len(X))

    with pytest.raises(ValueError, match="Names returned labels of the type"):
        small(clusterer=Names()).fit(corpus.data)
    with pytest.raises(ValueError, match=r"ClusterTopicModel.*two documents with"):
        ClusterTopicModel(2).fit(np.zeros((5, 3)))
    model = small().fit(corpus.data)
    with pytest.raises(
        ValueError, match="X has 2 columns, but ClusterTopicModel has 3"
    ):
        model.inverse_transform(np.ones((1, 2)))


def test_any_kind_of_output(corpus, rng):
    embeddings = rng.standard_normal((300, 5))
    expected = small().fit_predict(corpus.data, embeddings=embeddings)
    for kind in "pandas", "polars":
        with config_context(transform_output=kind):
            found = small().fit_predict(corpus.data, embeddings=embeddings)
        np.testing.assert_array_equal(found, expected)


def test_documents_without_words_have_the_shares_of_all(corpus, fitted):
    X = corpus.data[:3].toarray()
    X[1] = 0
    np.testing.assert_array_equal(fitted.transform(X)[1], fitted.shares_)


def test_documents_of_no_cluster(corpus):
    """A clusterer may leave documents out, and number the others as it likes."""

    class Some(KMeans):
        def fit_predict(self, X, y=None):
            labels = super().fit_predict(X)
            return np.where(np.arange(len(X)) % 5 == 0, -1, 3 * labels + 2)

    model = small(clusterer=Some(3, n_init=1, random_state=0)).fit(corpus.data)
    assert set(model.labels_) == {-1, 0, 1, 2}
    assert model.transform(corpus.data).shape == (300, 3)
    assert set(model.predict(corpus.data)) == {0, 1, 2}
    with pytest.raises(ValueError, match="DBSCAN found no cluster"):
        small(clusterer=DBSCAN(eps=1e-9)).fit(corpus.data)


def test_same_seed_same_topics_and_nothing_given_is_changed(corpus):
    estimator = NVDMTopicModel(3, max_epochs=2, random_state=5)
    models = [small(estimator=estimator).fit(corpus.data) for _ in range(2)]
    np.testing.assert_array_equal(models[0].components_, models[1].components_)
    assert not hasattr(estimator, "net_")
    for part in ClusterTopicModel(4, random_state=0)._parts(7):
        assert part.random_state == 7 and part.n_components == 4
    again = pickle.loads(pickle.dumps(models[0])).transform(corpus.data)
    np.testing.assert_array_equal(again, models[0].transform(corpus.data))


def test_it_stands_where_topic_models_do(corpus):
    X = corpus.data
    model = ClusterTopicModel(estimator=TruncatedSVD(3), random_state=0)
    search = GridSearchCV(model, {"n_components": [1, 3]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": 3}
    models = {"clusters": small(), "SVD": search.best_estimator_}
    table = compare_models(models, X)
    rows = table.loc[["clusters", "SVD"]]
    assert (rows["perplexity"] < table.loc["unigram", "perplexity"]).all()
    assert np.isfinite(rows[["npmi", "diversity"]]).all(axis=None)
    texts = ["apples pears plums"] * 20 + ["planes trains cars"] * 20
    words = make_pipeline(CountVectorizer(), small(2, estimator=TruncatedSVD(2)))
    table = top_words(words.fit(texts), 3)
    assert {*table.iloc[0]} in ({*texts[0].split()}, {*texts[-1].split()})
    assert list(words.get_feature_names_out()) == ["topic 0", "topic 1"]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_unusable_counts(bad, corpus, fitted):
    X = corpus.data[:40].toarray().astype(float)
    X[3, 2] = bad
    for call in (small().fit, fitted.transform, fitted.predict, fitted.score):
        with pytest.raises(ValueError, match=r"[Nn]egative|NaN|infinity"):
            call(X)
    with pytest.raises(ValueError, match="expecting 40 features"):
        fitted.score(corpus.data[:, 1:])
    with pytest.raises(ValueError, match="CountVectorizer"):
        small().fit(["raw", "texts"])
