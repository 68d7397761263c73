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


def test_standard_errors_hold_the_posteriors_and_what_members_differ_by(corpus):
    X = corpus.data
    model = small(3, estimator=make(GSMTopicModel, n_components=4)).fit(X)
    moments, start = [], 0
    for member in model.estimators_:
        draws = draws_of(member, X, 2000)
        of_topics = [
            [k - start for k in of if k // 4 == start // 4] for of in model.topics_
        ]
        draws = np.stack([draws[..., of].sum(-1) for of in of_topics], axis=2)
        moments.append((draws.mean(axis=0), draws.var(axis=0)))
        start += 4
    means, variances = map(np.array, zip(*moments))
    posterior = variances.mean(axis=0) + means.var(axis=0)
    variance = model.transform(X).var(axis=0, ddof=1) + posterior.mean(axis=0)
    found = topic_prevalence(model, X, np.zeros(X.shape[0]))["std_error"]
    np.testing.assert_allclose(found**2, variance / X.shape[0], rtol=0.03)


def test_members_without_a_posterior_differ_all_the_same(corpus, fitted):
    X = corpus.data
    shares, start = [], 0
    for member in fitted.estimators_:
        of_topics = [
            [k - start for k in of if k // 4 == start // 4] for of in fitted.topics_
        ]
        codes = member.transform(X)
        shares.append(np.column_stack([codes[:, of].sum(axis=1) for of in of_topics]))
        start += 4
    variance = fitted.transform(X).var(axis=0, ddof=1) + np.var(shares, axis=0).mean(0)
    found = topic_prevalence(fitted, X, np.zeros(X.shape[0]))["std_error"]
    np.testing.assert_allclose(found**2, variance / X.shape[0])


# --- what they promise ------------------------------------------------------------


def test_proportions_are_means_and_words_are_mixed(corpus, fitted):
    shares = [member.transform(corpus.data) for member in fitted.estimators_]
    words = [normalize(member.components_, "l1") for member in fitted.estimators_]
    assert sorted(sum(fitted.topics_, [])) == list(range(12))
    expected = np.zeros((300, 3))
    for k, numbers in enumerate(fitted.topics_):
        mixed = weight = 0
        for member, topic in (divmod(number, 4) for number in numbers):
            expected[:, k] += shares[member][:, topic] / 3
            mixed = mixed + shares[member][:, topic].mean() * words[member][topic]
            weight += shares[member][:, topic].mean()
        np.testing.assert_allclose(fitted.components_[k], mixed / weight)
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
    found, planted = normalize(fitted.components_), normalize(corpus.components)
    cosines = found @ planted.T
    assert cosines[linear_sum_assignment(-cosines)].min() > 0.97
    for k, recurrence in enumerate(fitted.recurrence_):
        of_members = [
            max(topic_similarity(fitted.components_, member)[k])
            for member in fitted.estimators_
        ]
        assert recurrence == pytest.approx(np.mean(of_members))
    assert fitted.recurrence_.min() > 0.5
    best = [
        topic_similarity(fitted, member).max(axis=1).mean()
        for member in fitted.estimators_
    ]
    assert fitted.estimator_ is fitted.estimators_[np.argmax(best)]


def test_it_depends_less_on_chance_than_its_members(corpus):
    """Of more topics than there are, each fit makes others."""
    seeds, lda = range(4), LatentDirichletAllocation(8, max_iter=5)
    single = [clone(lda).set_params(random_state=s).fit(corpus.data) for s in seeds]
    merged = [
        small(8, estimator=lda, n_members=5, random_state=s).fit(corpus.data)
        for s in seeds
    ]
    alone, together = (
        np.mean([topic_stability(a, b) for a, b in combinations(fits, 2)])
        for fits in (single, merged)
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
    again = through_joblib(fitted)
    np.testing.assert_array_equal(
        again.transform(corpus.data), fitted.transform(corpus.data)
    )
    with pytest.raises(NotFittedError):
        small().transform(corpus.data)


@pytest.mark.parametrize(
    "params, match",
    [
        ({"n_components": 0}, "n_components"),
        ({"estimator": "lda"}, "estimator"),
        ({"n_members": 1}, "n_members"),
        ({"n_jobs": 0.5}, "n_jobs"),
        ({"random_state": "0"}, "random_state"),
        ({"n_components": 13}, "have 13 topics, but its members have 12 in all"),
        ({"estimator": make(NVDMTopicModel)}, "NVDMTopicModel has no topic proportion"),
    ],
)
def test_unusable_parameters(params, match, corpus):
    with pytest.raises(ValueError, match=match):
        small(**params).fit(corpus.data)


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
    beside = small(2, estimator=columns, n_members=2)
    beside.fit(sparse.hstack([X, E]).tocsr())
    assert beside.n_features_in_ == 40
    given.pop("covariates")
    by_hand = model.fit(X, **given)
    np.testing.assert_array_equal(
        beside.transform(sparse.hstack([X, E]).tocsr()), by_hand.transform(X, **given)
    )


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
