"""Named, merged and dropped topics of a fitted model."""

import numpy as np
import pandas as pd
import pytest
from helpers import draws_of, make, through_joblib
from sklearn.base import clone
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skvae
from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    TopicGroups,
)
from skvae.datasets import load_docstrings, make_topic_corpus
from skvae.inspection import top_words, topic_prevalence, topic_sizes
from skvae.metrics import completion_scorer, document_completion_perplexity
from skvae.model_selection import compare_models

X = make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data

GROUPS = {"sport": [3, 0], "space": [2]}

TABLE = pd.DataFrame(X.toarray(), columns=[f"w{j}" for j in range(20)])

LDA = LatentDirichletAllocation(4, max_iter=2, random_state=0)


@pytest.fixture(scope="module")
def model():
    return make(GSMTopicModel, n_components=5).fit(X)


def test_proportions_add_up_and_words_mix(model):
    groups = TopicGroups(model, GROUPS).fit(X)
    names = ["sport", "space", "topic 1", "topic 4"]
    assert groups.get_feature_names_out().tolist() == names
    assert groups.topics_ == [[3, 0], [2], [1], [4]]
    shares = model.transform(X)
    expected = np.column_stack([shares[:, 3] + shares[:, 0], shares[:, [2, 1, 4]]])
    np.testing.assert_allclose(groups.transform(X), expected, rtol=1e-12)
    # Documents of the fit have the words, on the whole, that they had before.
    words = groups.transform(X).mean(axis=0) @ groups.components_
    before = shares.mean(axis=0) @ model.components_
    np.testing.assert_allclose(words, before, rtol=1e-6)
    np.testing.assert_allclose(groups.components_.sum(axis=1), 1)
    np.testing.assert_allclose(groups.components_[1], model.components_[2], rtol=1e-6)


def test_dropped_topics_leave_the_others_to_share(model):
    groups = TopicGroups(model, GROUPS, drop=["topic 1", 4]).fit(X)
    shares = model.transform(X)
    kept = shares[:, [3, 0, 2]].sum(axis=1)
    found = groups.transform(X)
    np.testing.assert_allclose(found[:, 1], shares[:, 2] / kept, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_documents_of_dropped_topics_alone_are_shared_by_all():
    nmf = NMF(3, init="nndsvda", max_iter=500).fit(X)
    only = nmf.transform(X)
    row = np.flatnonzero((only > 0).sum(axis=1) == 1)[0]
    groups = TopicGroups(nmf, drop=[int(only[row].argmax())]).fit(X)
    np.testing.assert_array_equal(groups.transform(X[[row]]), [[0.5, 0.5]])


def test_the_model_is_never_fitted_again(model):
    groups = TopicGroups(model, GROUPS)
    copy = clone(groups)
    assert copy.estimator is model
    again = through_joblib(groups.fit(X)).transform(X)
    np.testing.assert_array_equal(copy.fit_transform(X), again)
    table = groups.set_output(transform="pandas").transform(X)
    assert table.columns.tolist() == groups.get_feature_names_out().tolist()


@pytest.mark.parametrize("inside", [lambda model: model, make_pipeline, TopicGroups])
def test_nothing_changes_parameters_of_the_model(inside):
    model = inside(make(GSMTopicModel).fit(X))
    if isinstance(model, TopicGroups):
        model.fit(X)
    before, codes = repr(model.get_params()), model.transform(X)
    groups = TopicGroups(model, {"a": [0]}).fit(X)
    compare_models({"groups": groups}, X, n_seeds=2)
    compare_models({"pipeline": make_pipeline(groups)}, X)
    ConsensusTopicModel(2, estimator=groups, n_members=2, random_state=3).fit(X)
    for name in ("random_state", "gsmtopicmodel__random_state", "groups"):
        grid = {f"estimator__{name}": [7, 8]}
        search = GridSearchCV(groups, grid, scoring=completion_scorer, cv=2)
        with pytest.raises(ValueError, match="(?s)Invalid .*'estimator__.*stays as it"):
            search.fit(X)
        with pytest.raises(ValueError, match="Invalid parameter 'estimator__"):
            make_pipeline(groups).set_params(**{f"topicgroups__estimator__{name}": 7})
    grid = {"drop": [(), (1,)]}
    search = GridSearchCV(groups, grid, scoring=completion_scorer, cv=2).fit(X)
    assert search.best_estimator_.estimator is model
    assert set(groups.get_params()) == {"estimator", "groups", "drop"}
    assert repr(model.get_params()) == before
    np.testing.assert_array_equal(model.transform(X), codes)


@pytest.mark.parametrize(
    "groups, drop, error, match",
    [
        ({"a": [5]}, (), ValueError, "topic=5, but the topics are 0 to 4"),
        ({"a": ["x"]}, (), ValueError, "topic='x'"),
        ({"a": [1], "b": [2, 1]}, (), ValueError, "topic 1 twice"),
        ({"a": [1, 1]}, (), ValueError, "topic 1 twice"),
        ({"a": [1]}, [1], ValueError, "topic 1 twice"),
        ({"a": []}, (), ValueError, r"a topic or more for each group. Got 'a': \[\]"),
        ({3: [1]}, (), ValueError, "needs a name and a topic"),
        ({"topic 1": [0]}, (), ValueError, "two topics named"),
        (None, range(5), ValueError, "no topic left"),
        ([[1, 2]], (), TypeError, "takes groups such as"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, drop, error, match, model):
    unfitted = TopicGroups(model, groups, drop=drop)
    with pytest.raises(error, match=match):
        unfitted.fit(X)
    assert not hasattr(unfitted, "components_")


def test_models_without_proportions_are_refused():
    with pytest.raises(ValueError, match="no topic proportions"):
        TopicGroups(make(NVDMTopicModel).fit(X)).fit(X)
    with pytest.raises(NotFittedError):
        TopicGroups(make(GSMTopicModel)).fit(X)
    with pytest.raises(NotFittedError):
        TopicGroups(make(GSMTopicModel).fit(X)).transform(X)


def test_covariates_and_embeddings_go_through():
    E, labels = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    given = {"embeddings": E, "covariates": labels}
    model = make(GSMTopicModel, n_components=3).fit(X, **given)
    groups = TopicGroups(model, {"a": [0, 1]})
    found = groups.fit_transform(X, **given)
    np.testing.assert_allclose(found[:, 1], model.transform(X, **given)[:, 2])
    assert topic_sizes(groups, X, **given).index.tolist() == ["a", "topic 2"]
    with pytest.raises(ValueError, match="needs them here"):
        groups.transform(X)


def squared_errors(model, X=X, **given):
    """Those of all documents as one group; (n_topics,)."""
    found = topic_prevalence(model, X, np.zeros(60, int), **given)
    return found["std_error"].to_numpy() ** 2


def test_new_names_leave_standard_errors_as_they_are(model):
    groups = TopicGroups(model, {"sport": [3], "space": [0]}).fit(X)
    order = [3, 0, 1, 2, 4]
    expected = squared_errors(model)[order]
    twice = TopicGroups(groups, {"news": ["sport"]}).fit(X)
    for renamed in (groups, twice):
        np.testing.assert_allclose(squared_errors(renamed), expected, rtol=1e-12)
    assert (expected > model.transform(X).var(axis=0, ddof=1)[order] / 60).all()


@pytest.mark.parametrize("drop", [(), (1,)])
def test_standard_errors_of_merged_topics_are_those_of_their_sums(drop, model):
    groups = TopicGroups(model, GROUPS, drop=drop).fit(X)
    of_topics = draws_of(model, X)
    draws = np.stack([of_topics[..., of].sum(-1) for of in groups.topics_], axis=2)
    draws /= draws.sum(axis=2, keepdims=True)
    variance = groups.transform(X).var(axis=0, ddof=1) + draws.var(axis=0).mean(axis=0)
    np.testing.assert_allclose(squared_errors(groups), variance / 60, rtol=0.03)


def test_blocks_of_draws_change_nothing(model, monkeypatch):
    labels = np.array(["a", "b"])[np.arange(60) % 2]
    groups = TopicGroups(make(GSMTopicModel).fit(X, covariates=labels))
    expected = squared_errors(groups.fit(X, covariates=labels), covariates=labels)
    monkeypatch.setattr("skvae.models.fitted.BLOCK_SIZE", 64 * 2 * 7)
    found = squared_errors(groups, covariates=labels)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_groups_of_models_without_a_posterior_have_the_error_of_the_sample():
    groups = TopicGroups(clone(LDA).fit(TABLE), {"a": [0, 2]}).fit(TABLE)
    expected = groups.transform(TABLE).var(axis=0, ddof=1) / 60
    np.testing.assert_allclose(squared_errors(groups, TABLE), expected)


# --- topic models themselves ------------------------------------------------------


@pytest.mark.parametrize("last", [make(GSMTopicModel, n_components=4), LDA])
def test_pipelines_of_texts(last, tmp_path):
    texts = load_docstrings(packages=["joblib"]).data[:60]
    counts = CountVectorizer(stop_words="english", min_df=2)
    pipeline = make_pipeline(counts, clone(last)).fit(texts)
    groups = TopicGroups(pipeline, {"both": [0, 3]}, drop=[1]).fit(texts)
    shares = pipeline.transform(texts)
    expected = shares[:, [0, 3]].sum(axis=1) / shares[:, [0, 2, 3]].sum(axis=1)
    np.testing.assert_allclose(groups.transform(texts)[:, 0], expected)
    words = top_words(groups, 3)
    assert words.index[0] == "both" and words.shape == (2, 3)
    assert set(words.to_numpy().ravel()) <= set(counts.get_feature_names_out())
    assert topic_sizes(groups, texts).index[0] == "both"
    assert len(skvae.inspection.most_similar(groups, topic="both", among="topics")) == 1
    closest = skvae.inspection.representative_documents(groups, texts, n_documents=1)
    assert closest.shape == (2, 6)
    prevalence = topic_prevalence(groups, texts, np.arange(60) % 2)
    assert prevalence["topic"].tolist()[::2] == ["both", "both"]
    assert skvae.metrics.npmi_coherence(groups, texts, n_words=3) <= 1
    assert document_completion_perplexity(groups, texts) > 1
    path = skvae.report(groups, texts, path=tmp_path / "report.html", baseline=None)
    assert "Topic 0: both" in path.read_text()
    draw = skvae.plotting.TopicDocumentsDisplay.from_estimator
    shares = draw(groups, texts, np.arange(60) % 2).shares
    assert sorted(name.split()[0] for name in shares.index)[0] == "both"


def test_names_of_columns_are_known():
    model = make(GSMTopicModel).fit(TABLE)
    groups = TopicGroups(model, {"a": [0]}).fit(TABLE)
    expected = top_words(model, 2).iloc[0].tolist()
    assert top_words(groups, 2).loc["a"].tolist() == expected


def test_groups_of_groups(model):
    inner = TopicGroups(model, GROUPS).fit(X)
    outer = TopicGroups(inner, {"all": ["sport", "space"]}).fit(X)
    expected = model.transform(X)[:, [0, 2, 3]].sum(axis=1)
    np.testing.assert_allclose(outer.transform(X)[:, 0], expected)
    # No groups change nothing.
    same = TopicGroups(model).fit(X)
    np.testing.assert_allclose(same.transform(X), model.transform(X), rtol=1e-12)
    np.testing.assert_allclose(same.components_, model.components_, rtol=1e-6)


def test_groups_of_clusters_predict_words_as_the_clusters_do():
    """Components of clusters are what is specific, not what documents consist of."""
    corpus = make_topic_corpus(200, 40, 3, random_state=0)
    model = ClusterTopicModel(3, estimator=make(NVDMTopicModel), random_state=0)
    model.fit(corpus.data)
    same = TopicGroups(model).fit(corpus.data)
    proportions = model.transform(corpus.data)
    np.testing.assert_allclose(
        same.inverse_transform(proportions), model.inverse_transform(proportions)
    )
    shares = proportions.mean(axis=0)
    merged = TopicGroups(model, {"two": [0, 2]}).fit(corpus.data)
    two = shares[[0, 2]] @ model.word_probabilities_[[0, 2]] / shares[[0, 2]].sum()
    np.testing.assert_allclose(merged.inverse_transform([[1, 0]])[0], two)
    perplexity = document_completion_perplexity(same, corpus.data)
    assert perplexity == document_completion_perplexity(model, corpus.data)
