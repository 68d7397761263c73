"""Topics that several fits agree on."""

from itertools import combinations

import joblib
import numpy as np
import pytest
from helpers import draws_of, make, through_joblib
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import normalize

import skvae
from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    TopicGroups,
)
from skvae.inspection import top_words, topic_prevalence
from skvae.metrics import (
    document_completion_perplexity,
    topic_similarity,
    topic_stability,
    unigram_perplexity,
)
from skvae.model_selection import compare_models

LDA = LatentDirichletAllocation(4, max_iter=5)


def small(n_components=3, **params):
    params = {"estimator": LDA, "n_members": 3, "random_state": 0} | params
    return ConsensusTopicModel(n_components, **params)


@pytest.fixture(scope="module")
def fitted(corpus):
    return small().fit(corpus.data)


def summed(model, codes, member):
    """Proportions of the topics by those of the four of a member; (..., n_topics)."""
    own = [[k % 4 for k in of if k // 4 == member] for of in model.topics_]
    return np.stack([codes[..., numbers].sum(axis=-1) for numbers in own], axis=-1)


def squared_errors(model, X):
    return topic_prevalence(model, X, np.zeros(X.shape[0]))["std_error"] ** 2


def test_standard_errors_hold_the_posteriors_and_what_members_differ_by(corpus):
    X = corpus.data
    model = small(3, estimator=make(GSMTopicModel, n_components=4)).fit(X)
    draws = [draws_of(member, X, 2000) for member in model.estimators_]
    draws = [summed(model, of_topics, i) for i, of_topics in enumerate(draws)]
    posterior = np.var(draws, axis=1).mean(axis=0) + np.mean(draws, axis=1).var(axis=0)
    variance = model.transform(X).var(axis=0, ddof=1) + posterior.mean(axis=0)
    found = squared_errors(model, X)
    np.testing.assert_allclose(found, variance / X.shape[0], rtol=0.03)


def test_members_without_a_posterior_differ_all_the_same(corpus, fitted):
    X = corpus.data
    shares = [member.transform(X) for member in fitted.estimators_]
    shares = [summed(fitted, codes, i) for i, codes in enumerate(shares)]
    variance = fitted.transform(X).var(axis=0, ddof=1) + np.var(shares, axis=0).mean(0)
    np.testing.assert_allclose(squared_errors(fitted, X), variance / X.shape[0])


# --- what they promise ------------------------------------------------------------


def test_proportions_are_means_and_words_are_mixed(corpus, fitted):
    shares = [member.transform(corpus.data) for member in fitted.estimators_]
    words = [normalize(member.components_, "l1") for member in fitted.estimators_]
    assert sorted(sum(fitted.topics_, [])) == list(range(12))
    expected = np.mean([summed(fitted, codes, i) for i, codes in enumerate(shares)], 0)
    weights = np.hstack(shares).mean(axis=0)
    for topic, numbers in zip(fitted.components_, fitted.topics_):
        mixed = np.average(np.vstack(words)[numbers], axis=0, weights=weights[numbers])
        np.testing.assert_allclose(topic, mixed)
    np.testing.assert_allclose(fitted.transform(corpus.data), expected)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    assert (np.diff(expected.mean(axis=0)) <= 0).all()  # the largest first


def test_topics_are_merged_by_wards_method_on_hellinger_distances(fitted):
    words = [normalize(member.components_, "l1") for member in fitted.estimators_]
    tree = linkage(np.sqrt(np.vstack(words)), "ward")
    expected = fcluster(tree, 3, "maxclust")
    groups = [np.flatnonzero(expected == k).tolist() for k in (1, 2, 3)]
    assert sorted(groups) == sorted(fitted.topics_)


def test_planted_topics_are_found_and_recur(corpus, fitted):
    cosines = normalize(fitted.components_) @ normalize(corpus.components).T
    assert cosines[linear_sum_assignment(-cosines)].min() > 0.97
    best = [  # of each member, for each topic
        topic_similarity(fitted.components_, member).max(axis=1)
        for member in fitted.estimators_
    ]
    np.testing.assert_allclose(fitted.recurrence_, np.mean(best, axis=0))
    assert fitted.recurrence_.min() > 0.5
    assert fitted.estimator_ is fitted.estimators_[np.argmax(np.mean(best, axis=1))]


def test_it_depends_less_on_chance_than_its_members(corpus):
    """Of more topics than there are, each fit makes others."""
    X, lda = corpus.data[:150], LatentDirichletAllocation(8, max_iter=5)
    alone, together = (
        [clone(model).set_params(random_state=seed).fit(X) for seed in range(4)]
        for model in (lda, small(8, estimator=lda, n_members=5))
    )
    alone, together = (
        np.mean([topic_stability(a, b) for a, b in combinations(fits, 2)])
        for fits in (alone, together)
    )
    assert together > alone + 0.05


def test_same_seed_same_topics_and_nothing_given_is_changed(corpus, fitted):
    estimator = LatentDirichletAllocation(4, max_iter=5, random_state=5)
    for model in (small(n_jobs=2), small(estimator=estimator)):
        with joblib.parallel_config(backend="threading"):
            model.fit(corpus.data)
        np.testing.assert_array_equal(model.components_, fitted.components_)
    assert not hasattr(estimator, "components_") and estimator.random_state == 5
    other = small(random_state=1).fit(corpus.data)
    assert not np.array_equal(other.components_, fitted.components_)
    states = {member.random_state for member in fitted.estimators_}
    assert len(states) == 3
    again = through_joblib(fitted).transform(corpus.data)
    np.testing.assert_array_equal(again, fitted.transform(corpus.data))
    with pytest.raises(NotFittedError):
        small().transform(corpus.data)


def test_topics_are_no_more_than_those_of_members_and_have_proportions(corpus):
    with pytest.raises(ValueError, match="'n_components'.* at most 12, .* Got 13"):
        small(13).fit(corpus.data)
    with pytest.raises(ValueError, match="NVDMTopicModel has no topic proportion"):
        small(estimator=make(NVDMTopicModel)).fit(corpus.data)


# --- members of all kinds ---------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        NMF(3, init="random", max_iter=500),
        make_pipeline(TfidfTransformer(), NMF(3, init="random", max_iter=500)),
        ClusterTopicModel(3, estimator=LDA),
        make(GSMTopicModel, n_components=3, batch_size=50),
    ],
    ids=["NMF", "tf-idf", "clusters", "GSM"],
)
def test_members_of_any_kind(member, corpus):
    X = corpus.data
    model = small(estimator=member).fit(X)
    np.testing.assert_allclose(model.transform(X).sum(axis=1), 1)
    np.testing.assert_allclose(model.components_.sum(axis=1), 1)
    perplexity = document_completion_perplexity(model, X)
    assert perplexity < unigram_perplexity(X, X)
    if not isinstance(member, Pipeline):  # whose last step sees no counts
        members = [document_completion_perplexity(m, X) for m in model.estimators_]
        assert perplexity < 1.05 * np.mean(members)
    assert model.get_feature_names_out()[0] == "topic 0"


def test_covariates_and_embeddings_go_through(corpus):
    X, rng = corpus.data[:60], np.random.default_rng(0)
    E, labels = rng.normal(size=(60, 3)), np.arange(60) % 2
    given = {"embeddings": E, "covariates": labels}
    model = small(2, estimator=make(GSMTopicModel), n_members=2)
    shares = model.fit_transform(X, **given)
    np.testing.assert_array_equal(model.transform(X, **given), shares)
    with pytest.raises(ValueError, match="needs them here"):
        model.transform(X)
    with pytest.raises(ValueError, match="LatentDirichletAllocation knows no embed"):
        small().fit(X, embeddings=E)
    columns = make(GSMTopicModel, embedding_columns=slice(40, None))
    within = small(2, estimator=columns, n_members=2)
    shares = within.fit_transform(sparse.hstack([X, E]).tocsr())
    assert within.n_features_in_ == 40
    np.testing.assert_array_equal(shares, model.fit_transform(X, embeddings=E))


def test_it_stands_where_topic_models_do(corpus, tmp_path):
    texts = [
        " ".join(f"w{j:02}" for j, n in enumerate(row) for _ in range(n))
        for row in corpus.data.toarray()[:80]
    ]
    pipeline = make_pipeline(CountVectorizer(), small(2)).fit(texts)
    words = top_words(pipeline, 3)
    assert words.index[0] == "topic 0" and words.shape == (2, 3)
    groups = TopicGroups(pipeline, {"a": [0]}).fit(texts)
    np.testing.assert_allclose(groups.transform(texts), pipeline.transform(texts))
    assert len(topic_prevalence(pipeline, texts, np.arange(80) % 2)) == 4
    path = skvae.report(pipeline, texts, path=tmp_path / "r.html", baseline=None)
    assert "ConsensusTopicModel: 2 topics in 80 documents" in path.read_text("utf-8")
    table = compare_models({"one": LDA, "all": small()}, corpus.data, n_seeds=2)
    assert table.loc[["one", "all"], ["perplexity", "stability"]].notna().all(axis=None)
