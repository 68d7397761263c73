"""Covariates and embeddings beside X: what they tell, and where they travel."""

import copy
import re
import warnings
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from helpers import (
    MODELS,
    TOPIC_MODELS,
    digest,
    each_model,
    each_topic_model,
    make,
    through_file,
    through_joblib,
)
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_selector
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, normalize
from torch import nn

import skvae
from skvae import (
    ClusterTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.export import model_card, to_onnx
from skvae.inspection import (
    document_embeddings,
    embedding_map,
    most_similar,
    representative_documents,
    term_scores,
    to_topicwizard,
    top_words,
    topic_sizes,
)
from skvae.metrics import document_completion_perplexity
from skvae.model_selection import compare_models
from skvae.plotting import EmbeddingMapDisplay, TopicDocumentsDisplay
from skvae.shards import Shards, write_shards

GROUPS = np.array(["alps", "baltic", "coast"])
N_WORDS, WIDTH = 9, 4


@cache
def planted(cls=GSMTopicModel, of_numbers=False, n=900, n_words=30):
    """Counts drawn from the model that a class has: of 3 topics that do not depend on
    the covariates, labels of 3 groups or a number, whose factors are the last result.
    """
    rng = np.random.default_rng(0)
    if cls is GSMTopicModel:
        topics = 0.7 * rng.dirichlet(np.full(n_words, 0.3), size=3) + 0.3 / n_words
        logits = np.log(rng.dirichlet(np.full(3, 0.3), size=n) @ topics)
    else:
        z = rng.normal(size=(n, 3))
        z = softmax(2 * z, axis=1) if cls is ProdLDATopicModel else z
        logits = z @ rng.normal(size=(3, n_words))
        logits = (logits - logits.mean(axis=0)) / logits.std(axis=0)
    factors = rng.normal(size=(1 if of_numbers else 3, n_words))
    given = rng.normal(size=(n, 1)) if of_numbers else rng.integers(3, size=n)
    logits += given @ factors if of_numbers else factors[given]
    counts = np.array([rng.multinomial(80, p) for p in softmax(logits, axis=1)])
    return sp.csr_array(counts), given if of_numbers else GROUPS[given], factors


def train(cls, X, covariates=None):
    # Proportions of four topics have three dimensions, as codes of NVDM have.
    n_components = 4 if cls is ProdLDATopicModel else 3
    params = dict(hidden_layer_sizes=(32,), lr=0.05, max_epochs=60, batch_size=100)
    return make(cls, n_components=n_components, **params).fit(X, covariates=covariates)


@pytest.fixture(scope="module")
def trained():
    """Topic models with and without labels, trained on two thirds of documents."""
    models = {}
    for cls in TOPIC_MODELS:
        X, labels, _ = planted(cls)
        models[cls] = train(cls, X[:600]), train(cls, X[:600], labels[:600])
    return models


@pytest.fixture(scope="module")
def small():
    """40 rows of counts, of 9 words, with labels and with numbers."""
    X = np.random.default_rng(0).poisson(1.0, (40, N_WORDS)).astype(float)
    return X, GROUPS[np.arange(40) % 3], np.random.default_rng(1).normal(size=(40, 2))


@pytest.fixture(scope="module")
def beside(small):
    """The same counts with vectors, in single precision as those of encoders are."""
    E = np.random.default_rng(2).normal(size=(40, WIDTH)).astype(np.float32)
    return small[0], E


@pytest.fixture(scope="module")
def given(small, beside):
    """What is known beside X, by its kind."""
    _, labels, numbers = small
    return {
        "none": {},
        "labels": {"covariates": labels},
        "numbers": {"covariates": numbers},
        "embeddings": {"embeddings": beside[1]},
    }


@pytest.fixture(scope="module")
def fitted(small, given):
    return {
        (cls, kind): make(cls).fit(small[0], **known)
        for cls in MODELS
        for kind, known in given.items()
    }


# --- what covariates explain ------------------------------------------------------


def centred(factors):
    """Without what the words or the groups have in common, which nothing tells."""
    factors = factors - factors.mean(axis=0)
    return factors - factors.mean(axis=1, keepdims=True)


def assert_recovered(found, factors):
    assert np.corrcoef(found.ravel(), factors.ravel())[0, 1] > 0.95
    slope = (found * factors).sum() / (factors**2).sum()
    assert 0.8 < slope < 1.2  # in nats


@each_topic_model
def test_planted_factors_of_labels_are_recovered(cls, trained):
    model, factors = trained[cls][1], planted(cls)[2]
    assert model.covariate_values_.tolist() == GROUPS.tolist()
    assert_recovered(centred(model.covariate_components_), centred(factors))


@pytest.mark.slow
@each_topic_model
def test_planted_factors_of_a_number_are_recovered(cls):
    X, numbers, factors = planted(cls, of_numbers=True)
    model = train(cls, X, numbers)
    assert not hasattr(model, "covariate_values_")
    # What words have in common, nothing tells.
    found = model.covariate_components_
    assert_recovered(found - found.mean(), factors - factors.mean())


@each_topic_model
def test_codes_leave_out_what_covariates_explain(cls, trained):
    X, labels, _ = planted(cls)
    accuracies = []
    for model, given in zip(trained[cls], ({}, {"covariates": labels})):
        codes = model.transform(X, **given)
        probe = LogisticRegression(max_iter=500).fit(codes[:600], labels[:600])
        accuracies.append(probe.score(codes[600:], labels[600:]))
    assert accuracies[0] > 0.5 > accuracies[1]  # a third by guessing


@each_topic_model
def test_held_out_words_are_more_probable_given_covariates(cls, trained):
    X, labels, _ = planted(cls)
    X, labels = X[600:], labels[600:]
    without, given = trained[cls]
    assert given.score(X, covariates=labels) > without.score(X) + 0.05
    others = np.roll(GROUPS, 1)[np.searchsorted(GROUPS, labels)]
    assert given.score(X, covariates=others) < without.score(X)
    completion = document_completion_perplexity
    assert completion(given, X, covariates=labels) < completion(without, X)


def test_a_conditional_autoencoder_codes_the_rest(rng):
    """x = a_label + b t + noise: one dimension for t, none for the labels."""
    places, direction = 5 * rng.normal(size=(3, 6)), rng.normal(size=6)
    label, t = rng.integers(3, size=600), rng.normal(size=600)
    X = places[label] + np.outer(t, direction) + 0.1 * rng.normal(size=(600, 6))
    params = dict(n_components=1, hidden_layer_sizes=(32,), max_epochs=40)
    model = make(VAETransformer, **params, batch_size=50)
    given = clone(model).fit(X, covariates=label)
    codes = given.transform(X, covariates=label)
    assert abs(np.corrcoef(codes[:, 0], t)[0, 1]) > 0.95
    assert given.score(X, covariates=label) > clone(model).fit(X).score(X) + 1
    # The same rows, had they another label.
    others = given.inverse_transform(codes, covariates=(label + 1) % 3)
    expected = X - places[label] + places[(label + 1) % 3]
    assert np.sqrt(((others - expected) ** 2).mean()) < 0.15 * X.std()


# --- topics and rows given covariates ---------------------------------------------


@each_topic_model
def test_topics_given_covariates_are_topics_times_factors(cls, fitted):
    model = fitted[cls, "labels"]
    plain = model.components_given()
    if cls is not NVDMTopicModel:
        np.testing.assert_allclose(plain, model.components_, rtol=1e-12)
    given = model.components_given("baltic")
    expected = softmax(np.log(plain) + model.covariate_components_[1], axis=1)
    np.testing.assert_allclose(given, expected, rtol=1e-6)
    assert not np.allclose(given, plain, rtol=1e-3)
    model = fitted[cls, "numbers"]
    change = ([2, 1] - model.covariate_mean_) @ model.covariate_components_
    expected = np.log(model.components_given()) + change
    np.testing.assert_allclose(
        model.components_given([2, 1]), softmax(expected, axis=1), rtol=1e-6
    )


@each_topic_model
def test_top_words_given_covariates(cls, trained):
    model = trained[cls][1]
    names = [f"w{i}" for i in range(30)]
    for by in ("probability", "frex", "term_score"):
        words = top_words(model, 3, feature_names=names, by=by, covariates="alps")
        assert words.shape == (model.n_components, 3)
    words = top_words(model, 1, feature_names=names, covariates="alps")[0]
    best = model.components_given("alps").argmax(axis=1)
    assert words.tolist() == [names[j] for j in best]
    # Without covariates, all works as it does on other models.
    top_words(model, 3, feature_names=names, by="relevance")
    term_scores(model, feature_names=names)


def methods_of(model, X):
    codes = np.random.default_rng(0).dirichlet([1, 1], size=len(X))
    calls = {
        "transform": lambda c: model.transform(X, covariates=c),
        "posterior": lambda c: np.hstack(model.posterior(X, covariates=c)),
        "inverse_transform": lambda c: model.inverse_transform(codes, covariates=c),
        "score_samples": lambda c: model.score_samples(X, covariates=c),
        "effective_sample_size": lambda c: model.effective_sample_size(X, covariates=c),
        "score": lambda c: model.score(X, covariates=c),
        "sample": lambda c: model.sample(len(X), 0, covariates=c),
    }
    if isinstance(model, VAETransformer):
        calls["reconstruct"] = lambda c: model.reconstruct(X, covariates=c)
        calls["mean of sample"] = lambda c: model.sample(
            len(X), 0, covariates=c, from_="posterior", mean=True
        )
    else:
        calls["perplexity"] = lambda c: model.perplexity(X, covariates=c)
    return calls


@each_model
def test_one_label_or_row_holds_for_all(cls, fitted, small):
    X = small[0]
    for kind, one, all_rows in [
        ("labels", "coast", ["coast"] * 40),
        ("numbers", [0.5, -1], np.tile([0.5, -1], (40, 1))),
    ]:
        for call in methods_of(fitted[cls, kind], X).values():
            a, b = (
                c.toarray() if sp.issparse(c) else c
                for c in (call(one), call(all_rows))
            )
            np.testing.assert_array_equal(a, b)


def test_a_row_between_two_others_keeps_their_covariates(fitted, small):
    X, model = small[0], fitted[VAETransformer, "labels"]
    path = model.interpolate(X[0], X[1], 5, covariates="alps")
    ends = model.reconstruct(X[:2], covariates="alps")
    np.testing.assert_allclose(path[[0, -1]], ends, rtol=1e-9)


@each_model
def test_a_document_does_not_depend_on_those_beside_it(cls, fitted, small):
    X, labels, _ = small
    model = fitted[cls, "labels"]
    rows = [7, 3, 30]
    for method in (model.transform, model.score_samples):
        np.testing.assert_allclose(
            method(X[rows], covariates=labels[rows]),
            method(X, covariates=labels)[rows],
            rtol=1e-10,
        )


def test_scores_of_folds_add_up(fitted, small):
    """The bound per token of all is the mean over folds, weighted by their tokens."""
    X, labels, _ = small
    model = fitted[GSMTopicModel, "labels"]
    halves = [
        X[part].sum() * model.score(X[part], covariates=labels[part])
        for part in (slice(0, 10), slice(10, 40))
    ]
    expected = sum(halves) / X.sum()
    assert model.score(X, covariates=labels) == pytest.approx(expected, rel=1e-9)
    assert model.perplexity(X, covariates=labels) == pytest.approx(np.exp(-expected))


class OwnEncoder(nn.Sequential):
    def __init__(self, n_in):
        super().__init__(nn.Linear(n_in, 4), nn.Tanh())


@pytest.mark.parametrize(
    "params",
    [
        dict(architecture="conv", image_shape=(3, 3), channels=(3, 2)),
        dict(encoder=OwnEncoder, decoder=nn.Linear),
        dict(hidden_layer_sizes=()),
        dict(likelihood="multinomial"),
        dict(denoising=0.3, variational=False),
    ],
    ids=lambda params: "-".join(params),
)
def test_networks_of_all_kinds_see_covariates(params, small):
    X, labels, _ = small
    model = make(VAETransformer, **params).fit(X, covariates=labels)
    codes = model.transform(X, covariates="alps")
    assert not np.allclose(codes, model.transform(X, covariates="coast"))
    rows = model.inverse_transform(codes, covariates="alps")
    assert not np.allclose(rows, model.inverse_transform(codes, covariates="coast"))
    if params == dict(hidden_layer_sizes=()):
        change = model.inverse_transform([[1, 0], [0, 0]], covariates="alps")
        np.testing.assert_allclose(
            change[0] - change[1], model.components_[0], rtol=1e-5, atol=1e-6
        )
        assert model.components_.shape == (2, 9)


# --- containers -------------------------------------------------------------------

CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "list of numpy's strings": np.ndarray.tolist,
    "objects": lambda labels: labels.astype(object),
    "Series": pd.Series,
    "Series of strings": lambda labels: pd.Series(labels, dtype="string"),
    "categories": pd.Categorical,
    "Series of categories": lambda labels: pd.Series(pd.Categorical(labels)),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_labels_in_any_container_are_the_same(container, fitted, small):
    X, labels, _ = small
    given = CONTAINERS[container](labels)
    model = make(NVDMTopicModel).fit(X, covariates=given)
    assert digest(model) == digest(fitted[NVDMTopicModel, "labels"])
    assert model.covariate_values_.tolist() == GROUPS.tolist()
    assert {type(value) for value in model.covariate_values_} == {str}
    np.testing.assert_array_equal(
        model.transform(X, covariates=given), model.transform(X, covariates=labels)
    )


@pytest.mark.parametrize("dtype", [int, np.int32, np.uint8, np.uint64, bool, object])
def test_integers_are_labels(dtype, small):
    X, labels, _ = small
    numbers = (labels == "alps").astype(int).astype(dtype)
    model = make(NVDMTopicModel).fit(X, covariates=numbers)
    assert model.covariate_values_.tolist() == [0, 1]
    model.transform(X, covariates=1)
    with pytest.raises(ValueError, match="the label 2. It knows"):
        model.transform(X, covariates=2)
    through_file(model)


def test_tables_in_any_container_are_the_same(fitted, small):
    X, _, numbers = small
    expected = digest(fitted[NVDMTopicModel, "numbers"])
    for container in (np.asfortranarray, pd.DataFrame, sp.coo_array, list):
        given = container(numbers)
        assert digest(make(NVDMTopicModel).fit(X, covariates=given)) == expected
    X = planted()[0]  # of more rows, whose sums depend on their order
    numbers = np.random.default_rng(0).normal(size=(900, 2))
    dense, sparse = (
        make(NVDMTopicModel, max_epochs=1).fit(X, covariates=given)
        for given in (numbers, sp.csr_array(numbers))
    )
    np.testing.assert_array_equal(dense.covariate_mean_, sparse.covariate_mean_)
    np.testing.assert_array_equal(dense.covariate_scale_, sparse.covariate_scale_)


def test_large_numbers_in_single_precision_are_standardised(small):
    X, _, numbers = small
    model = make(NVDMTopicModel).fit(X, covariates=np.float32(1e30 * numbers))
    np.testing.assert_allclose(model.covariate_scale_, 1e30 * numbers.std(axis=0), 1e-5)


def test_indicators_are_what_labels_become(fitted, small):
    X, labels, _ = small
    table = (labels[:, None] == GROUPS).astype(float)
    for given in (table, sp.csr_matrix(table)):
        model = make(GSMTopicModel).fit(X, covariates=given)
        assert digest(model) == digest(fitted[GSMTopicModel, "labels"])


def test_a_column_of_labels_is_labels(fitted, small):
    X, labels, _ = small
    for given in (labels[:, None], pd.DataFrame({"group": labels})):
        model = make(GSMTopicModel).fit(X, covariates=given)
        assert digest(model) == digest(fitted[GSMTopicModel, "labels"])
        np.testing.assert_array_equal(
            model.transform(X, covariates=given), model.transform(X, covariates=labels)
        )


@each_model
def test_units_and_origin_of_numbers_do_not_matter(cls, small):
    """Years and incomes are as good as numbers about 0."""
    X, _, numbers = small
    a, b = [1e5, 0.01], [1e6, 2020]
    model = make(cls).fit(X, covariates=numbers)
    other = make(cls).fit(X, covariates=numbers * a + b)
    assert other.score(X, covariates=numbers * a + b) == pytest.approx(
        model.score(X, covariates=numbers), rel=1e-4
    )
    if cls is not VAETransformer:
        np.testing.assert_allclose(
            other.covariate_components_ * np.array(a)[:, None],
            model.covariate_components_,
            rtol=1e-2,
            atol=1e-4,
        )


def test_numbers_are_scaled_as_they_were_at_first(small):
    X, _, numbers = small
    model = make(NVDMTopicModel).partial_fit(X, covariates=numbers)
    mean = model.covariate_mean_.copy()
    model.partial_fit(X, covariates=numbers + 5)
    np.testing.assert_array_equal(model.covariate_mean_, mean)
    # A column that never varies, and one of indicators.
    table = np.column_stack([np.full(40, 7.0), np.arange(40) % 2, numbers])
    for given in (table, sp.csr_array(table)):
        model = make(NVDMTopicModel).fit(X, covariates=given)
        np.testing.assert_allclose(model.covariate_mean_[:2], [7, 0])
        np.testing.assert_allclose(model.covariate_scale_[:2], 1)
        assert np.isfinite(model.score(X, covariates=given))


@pytest.mark.parametrize("kind", ["numbers", "embeddings"])
@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_names_of_numbers_are_remembered(frame, kind, given, small):
    frame = pytest.importorskip(frame)
    ((parameter, numbers),) = given[kind].items()
    attribute = "covariate_names_" if kind == "numbers" else "embedding_names_"
    X, names = small[0], list("abcd"[: numbers.shape[1]])
    table = frame.DataFrame(dict(zip(names, numbers.T)))
    model = make(GSMTopicModel).fit(X, **{parameter: table})
    assert getattr(model, attribute).tolist() == names
    model = through_file(model)
    codes = model.transform(X, **{parameter: table})
    np.testing.assert_array_equal(codes, model.transform(X, **{parameter: numbers}))
    told = "Column . of (covariates|embeddings) is '.', but .*fit is '.'"
    for other in (table[names[::-1]], frame.DataFrame(dict(zip("bcde", numbers.T)))):
        for method in (model.transform, model.partial_fit):
            with pytest.raises(ValueError, match=told):
                method(X, **{parameter: other})
    assert not hasattr(model.fit(X, **{parameter: numbers}), attribute)
    assert not hasattr(model.fit(X), attribute)


def test_covariates_that_tell_all_are_named_as_a_reason():
    """A label fixes the row up to noise: codes have nothing left to tell."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    X = 5 * rng.normal(size=(3, 6))[labels] + 0.1 * rng.normal(size=(200, 6))
    model = make(VAETransformer, n_components=2, lr=0.01, max_epochs=30)
    with pytest.warns(ConvergenceWarning, match="no latent unit.*covariates tell all"):
        model.fit(X, covariates=labels)


# --- what is refused --------------------------------------------------------------

N_ROWS = "{model} was given covariates of 39 rows, but X has 40"

KINDS = "{model} takes covariates in one dimension as labels.*of the kind '%s'"

MISSING = "{model} found a missing label.*such as 'unknown'"


def poisoned(E, value):
    E = E.astype(float)
    E[3, 1] = value
    return E


BAD = {  # what is made of what was given, for models fitted with which, message
    "none": (
        lambda c: None,
        "labels",
        r"fitted with covariates, labels, and needs.*set_score_request\(covariates",
    ),
    "no numbers": (lambda c: None, "numbers", "with covariates, 2 numbers a row, and"),
    "some": (lambda c: c, "none", "{model} was fitted without covariates.*Leave them"),
    "short": (lambda c: c[:39], "labels numbers", N_ROWS),
    "unseen": (
        lambda c: ["davos", *c[1:]],
        "labels",
        "{model} was not fitted with the label 'davos'. It knows 'alps', 'baltic', 'c",
    ),
    "one unseen": (lambda c: "davos", "labels", "not fitted with the label 'davos'"),
    "missing": (lambda c: [None, *c[1:]], "labels new", MISSING),
    "NaN": (lambda c: [np.nan, *c[1:]], "labels new", MISSING),
    "NaN among numbers": (lambda c: [*range(39), np.nan], "labels new", MISSING),
    "mixed": (lambda c: [1, *c[1:]], "labels new", KINDS % "mixed-integer"),
    "fractions": (
        lambda c: np.linspace(0, 1, 40),
        "new",
        KINDS % "floating" + r".*reshape\(-1, 1\)",
    ),
    "fractions for labels": (
        lambda c: np.linspace(0, 1, 40),
        "labels",
        KINDS % "floating" + r"\.$",
    ),
    "large integers": (lambda c: [2**70, *range(39)], "new", "64 bits.*as strings"),
    "both signs": (lambda c: [2**63, *range(-1, 38)], "new", "64 bits.*as strings"),
    "a table": (lambda c: np.ones((40, 3)), "labels", "covariates that are labels"),
    "words": (lambda c: GROUPS[np.arange(40) % 3], "numbers", "found words among"),
    "one word": (lambda c: "alps", "numbers", "found words among covariates"),
    "a table of words": (lambda c: [["a", "b"]] * 40, "numbers new", "found words"),
    "a word below": (
        lambda c: [[1, 2]] * 39 + [[3, "a"]],
        "numbers new",
        "found words among.*ColumnTransformer",
    ),
    "days": (
        lambda c: np.full((40, 2), "2020-01-01", dtype="datetime64[D]"),
        "numbers new",
        "{model} found dates or times",
    ),
    "days in a table": (
        lambda c: pd.DataFrame({"day": [pd.Timestamp(0)] * 40, "b": 1.0}),
        "numbers new",
        "{model} found dates or times",
    ),
    "days beside numbers": (
        lambda c: pytest.importorskip("polars").DataFrame(
            {"day": [date(2020, 1, 1)] * 40, "b": [1.0] * 40}
        ),
        "numbers new",
        "{model} found dates or times",
    ),
    "months": (
        lambda c: pd.DataFrame({"month": [pd.Period("2020-01")] * 40, "b": 1.0}),
        "numbers new",
        "{model} found dates or times",
    ),
    "one dimension": (
        lambda c: c[:, 0],
        "numbers",
        r"given 40 covariates a row.*reshape\(-1, 1\)",
    ),
    "narrow": (lambda c: c[:, :1], "numbers", "given 1 covariates a row.* with 2"),
    "a wide row": (lambda c: [1, 2, 3], "numbers", "given 3 covariates a row.* with 2"),
    "NaN in a table": (
        lambda c: np.full((40, 2), np.nan),
        "numbers new",
        "Input covariates contains NaN",
    ),
    "infinity": (
        lambda c: np.full((40, 2), np.inf),
        "numbers new",
        "Input covariates contains infinity",
    ),
    "huge": (
        lambda c: np.full((40, 2), 1e300),
        "numbers new",
        "Input covariates of {model} contains infinity or a value too large",
    ),
    "deep": (lambda c: np.ones((40, 2, 2)), "numbers new", "Found 3 dimensions"),
    "one for all": (lambda c: "alps", "new", "row for each row of X. Found 0 dim"),
    "short in a fit": (lambda c: GROUPS[np.arange(39) % 3], "new", N_ROWS),
    "no columns": (lambda c: np.ones((40, 0)), "new", r"0 feature\(s\)"),
}
BAD_EMBEDDINGS = {
    "width": (lambda E: E[:, :3], "old", "3 numbers a row, but was fitted with 4"),
    "none": (lambda E: None, "old", "fitted with embeddings of 4 numbers"),
    "some": (lambda E: E, "none", "fitted without embeddings"),
    "rows": (lambda E: E[:7], "old new", "7 rows, but X has 40"),
    "NaN": (lambda E: poisoned(E, np.nan), "old new", "embeddings contains NaN"),
    "infinity": (lambda E: poisoned(E, np.inf), "old new", "embeddings contains inf"),
    "huge": (lambda E: poisoned(E, 1e39), "old new", "embeddings .*too"),
    "one dimension": (lambda E: E[:, 0], "old new", "Expected 2D array"),
    "three": (lambda E: E[:, :, None], "old new", "dim"),
    "sparse": (sp.csr_array, "old new", "takes dense embeddings"),
    "words": (lambda E: E.astype(str), "old new", "words or dates"),
}
BAD = {("covariates", case): bad for case, bad in BAD.items()} | {
    ("embeddings", case): (spoil, kinds.replace("old", "embeddings"), message)
    for case, (spoil, kinds, message) in BAD_EMBEDDINGS.items()
}


@pytest.mark.parametrize("name, case", BAD)
@each_model
def test_bad_side_data_are_refused_without_a_trace(
    cls, name, case, fitted, given, small
):
    """By models that are fitted, that would go on from that, and that are new."""
    X = small[0]
    spoil, kinds, message = BAD[name, case]
    message = message.replace("{model}", cls.__name__)
    error = TypeError if case == "sparse" else ValueError
    for kind in kinds.split():
        good = given["labels" if kind in ("new", "none") else kind]
        bad = spoil(given["embeddings"][name] if name == "embeddings" else good[name])
        if kind == "new":
            model = make(cls)
            methods = [model.fit, model.partial_fit, model.fit_transform]
            calls = [lambda c, f=f: f(X, **{name: c}) for f in methods]
        elif name == "covariates":
            model = fitted[cls, kind]
            calls = [*methods_of(model, X).values()]
            calls.append(lambda c, m=model: m.partial_fit(X, covariates=c))
        else:
            model = fitted[cls, kind]
            methods = [model.transform, model.score, model.posterior]
            methods += [model.score_samples, model.partial_fit]
            if kind == "embeddings":
                methods.append(copy.copy(model).set_params(warm_start=True).fit)
            calls = [lambda c, f=f: f(X, **{name: c}) for f in methods]
        before = dict(vars(model))
        for call in calls:
            with pytest.raises(error, match=message):
                call(bad)
        assert vars(model) == before


def test_a_fit_anew_forgets_covariates(small):
    X, labels, numbers = small
    model = make(GSMTopicModel).fit(X, covariates=labels)
    model.fit(X, covariates=numbers)
    assert not hasattr(model, "covariate_values_")
    model.fit(X)
    assert not hasattr(model, "covariate_components_")
    assert digest(model) == digest(make(GSMTopicModel).fit(X))


def test_completion_checks_covariates_of_all_documents(fitted, small):
    X, labels, _ = small
    X = X.copy()
    X[0] = 0  # which is left out
    model = fitted[GSMTopicModel, "labels"]
    expected = document_completion_perplexity(model, X[1:], covariates=labels[1:])
    found = document_completion_perplexity(model, X, covariates=labels)
    assert found == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        document_completion_perplexity(model, X, covariates=labels[1:])
    # As many numbers in a row as there are documents.
    table = np.array([[0.1, 0.2, 0.3]] * 40)
    model = make(GSMTopicModel).fit(X, covariates=table + np.arange(40)[:, None])
    one, all_rows = (
        document_completion_perplexity(model, X[:3], covariates=given)
        for given in (table[0], table[:3])
    )
    assert one == all_rows
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    with pytest.raises(ValueError, match="LatentDir.* knows no covariates"):
        document_completion_perplexity(lda, X, covariates=labels)


# --- the same again ---------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, trip",
    [
        ("labels", lambda model: model),
        ("labels", through_file),
        ("numbers", through_joblib),
        ("numbers", through_file),
        ("embeddings", lambda model: model),
    ],
)
@each_model
def test_training_goes_on_as_if_never_interrupted(
    cls, kind, trip, fitted, given, small
):
    """Epoch by epoch, and through files, as in one fit."""
    X, known = small[0], given[kind]
    model = make(cls)
    for _ in range(3):
        model = trip(model.partial_fit(X, **known))
    assert digest(model) == digest(fitted[cls, kind])
    np.testing.assert_array_equal(
        model.score_samples(X, **known), fitted[cls, kind].score_samples(X, **known)
    )
    ours = trip(model).set_params(warm_start=True).fit(X, **known)
    theirs = through_joblib(fitted[cls, kind]).set_params(warm_start=True)
    assert digest(ours) == digest(theirs.fit(X, **known))


@pytest.mark.parametrize("cls", [GSMTopicModel, VAETransformer])
def test_early_stopping_holds_covariates_out_with_their_rows(cls, small):
    X, labels, _ = small
    X = np.hstack([X, 9.0 * (labels[:, None] == GROUPS)])  # which labels foretell
    params = dict(early_stopping=True, validation_fraction=0.3, max_epochs=30)
    if cls is VAETransformer:  # with covariates there is none
        params["linear_path"] = False
    given, without = (make(cls, **params).fit(X, covariates=c) for c in (labels, None))
    best = [model.history_["validation_loss"].min() for model in (given, without)]
    assert best[0] < best[1]


@pytest.mark.parametrize("cls", [GSMTopicModel, VAETransformer])
def test_shards_go_with_covariates_in_memory(cls, tmp_path):
    X, labels, _ = planted()
    shards = write_shards((X[i : i + 400] for i in range(0, 900, 400)), tmp_path / "X")
    params = dict(max_epochs=2, batch_size=100)
    model = make(cls, **params).fit(shards, covariates=labels)
    assert digest(model) == digest(make(cls, **params).fit(X, covariates=labels))
    np.testing.assert_array_equal(
        model.transform(shards, covariates=labels),
        model.transform(X, covariates=labels),
    )


def test_sparse_and_dense_batches_train_alike(small):
    """Up to rounding: of the two ways, the share of zeros decides."""
    X, labels, _ = planted()
    sparse = sp.hstack([X, sp.csr_array((900, 300))], format="csr")
    model = make(GSMTopicModel, max_epochs=1).fit(sparse, covariates=labels)
    dense = make(GSMTopicModel, max_epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skvae.training.net.MAX_DENSITY", 0.0)
        dense.fit(sparse, covariates=labels)
    np.testing.assert_allclose(
        model.covariate_components_, dense.covariate_components_, rtol=1e-2, atol=1e-4
    )


# --- reports and tables -------------------------------------------------------------


def test_documents_are_inspected_given_covariates(fitted, small, tmp_path):
    X, labels, _ = small
    model, given = fitted[GSMTopicModel, "labels"], {"covariates": labels}
    names = [f"w{i}" for i in range(9)]
    codes = model.transform(X, covariates=labels)
    shares = X.sum(axis=1) @ codes / X.sum()
    np.testing.assert_allclose(topic_sizes(model, X, **given)["share"], shares)
    np.testing.assert_allclose(
        document_embeddings(model, X, **given), codes @ model.topic_embeddings_
    )
    closest = representative_documents(model, X, n_documents=40, **given)
    assert len(closest) == 2 * 40
    told = to_topicwizard(model, X, ["text"] * 40, feature_names=names, **given)
    np.testing.assert_allclose(told["document_topic_matrix"], codes)
    points = embedding_map(model, X, feature_names=names, **given)
    assert (points["kind"] == "document").any()
    path = skvae.report(
        model,
        X[:30],
        path=tmp_path / "report.html",
        covariates=labels[:30],
        X_test=X[30:],
        covariates_test=labels[30:],
        feature_names=names,
        baseline=None,
    )
    completed = document_completion_perplexity(model, X[30:], covariates=labels[30:])
    assert f"{completed:,.1f}" in path.read_text()
    assert "3 labels: alps, baltic, coast" in path.read_text()
    card = model_card(model, X_test=X[30:], covariates_test=labels[30:])
    assert f"{completed:,.2f}" in card and "3 labels: alps" in card
    model = fitted[VAETransformer, "numbers"]
    score = model.score(X, covariates=[1, 2])
    card = model_card(model, X_test=X, covariates_test=[1, 2])
    assert f"{score:.2f}" in card and "covariates: 2 numbers" in card


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_documents_are_compared_given_covariates(kind, fitted, small):
    X, *given = small
    given = given[kind == "numbers"]
    model = fitted[GSMTopicModel, kind]
    points = normalize(document_embeddings(model, X, covariates=given))
    options = {"among": "documents", "n": 39, "X": X}
    found = most_similar(model, document=7, covariates=given, **options)
    assert 7 not in found["document"].tolist()
    cosine = points[found["document"]] @ points[7]
    np.testing.assert_allclose(found["similarity"], cosine)
    # What is known of this document alone, which is given itself.
    options = {"among": "topics", "n": 2}
    pd.testing.assert_frame_equal(
        most_similar(model, document=7, X=X, covariates=given, **options),
        most_similar(model, document=X[7], covariates=given[7], **options),
    )
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        most_similar(model, document=7, X=X, covariates=given[1:])


def test_other_models_know_no_covariates(small):
    X = small[0]
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    names = [f"w{i}" for i in range(9)]
    with pytest.raises(ValueError, match="LatentDirichletAllocation knows no covar"):
        top_words(lda, 3, feature_names=names, covariates="alps")


# --- metadata routing -------------------------------------------------------------


@pytest.fixture
def texts():
    X, labels, _ = planted(n=60)
    words = np.array([f"word{chr(97 + j)}x{j}" for j in range(30)])
    texts = [" ".join(np.repeat(words, row.astype(int))) for row in X.toarray()]
    return texts, labels


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def asking(cls):
    return (
        make(cls)
        .set_fit_request(covariates=True)
        .set_transform_request(covariates=True)
        .set_score_request(covariates=True)
        .set_partial_fit_request(covariates=True)
        .set_inverse_transform_request(covariates=True)
    )


@each_model
def test_a_pipeline_hands_covariates_on(cls, texts, routing):
    texts, labels = texts
    pipeline = make_pipeline(CountVectorizer(), asking(cls))
    if cls is VAETransformer:
        pipeline[-1].set_params(likelihood="multinomial")
    pipeline.fit(texts, covariates=labels)
    counts = pipeline[0].transform(texts)
    expected = clone(pipeline[-1]).fit(counts, covariates=labels)
    assert digest(pipeline[-1]) == digest(expected)
    codes = pipeline.transform(texts, covariates=labels)
    np.testing.assert_array_equal(codes, expected.transform(counts, covariates=labels))
    np.testing.assert_array_equal(
        clone(pipeline).fit_transform(texts, covariates=labels), codes
    )
    score = pipeline.score(texts, covariates=labels)
    assert score == expected.score(counts, covariates=labels)


@pytest.mark.parametrize("kind", ["labels", "embeddings"])
@each_model
def test_fit_transform_needs_no_routing(cls, kind, given, small):
    model = make(cls).set_output(transform="pandas")
    codes = model.fit_transform(small[0], **given[kind])
    pd.testing.assert_frame_equal(codes, model.transform(small[0], **given[kind]))


def test_searches_and_cross_validation_split_covariates(small, routing):
    X, labels, _ = small
    model = asking(GSMTopicModel)
    search = GridSearchCV(model, {"n_components": [2, 3]}, cv=2, error_score="raise")
    search.fit(X, covariates=labels)
    scores = cross_val_score(model, X, params={"covariates": labels}, cv=2)
    first = [search.cv_results_[f"split{i}_test_score"][0] for i in (0, 1)]
    np.testing.assert_array_equal(scores, first)
    half = clone(model).fit(X[20:], covariates=labels[20:])
    assert scores[0] == half.score(X[:20], covariates=labels[:20])


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8),
    reason="score of Pipelines gets no metadata in searches (scikit-learn #30937)",
)
def test_searches_over_pipelines_split_covariates(texts, routing):
    texts, labels = texts
    pipeline = make_pipeline(CountVectorizer(), asking(GSMTopicModel))
    grid = {"gsmtopicmodel__n_components": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(texts, covariates=labels)
    scores = cross_val_score(pipeline, texts, params={"covariates": labels}, cv=2)
    first = [search.cv_results_[f"split{i}_test_score"][0] for i in (0, 1)]
    np.testing.assert_array_equal(scores, first)
    half = clone(pipeline).fit(texts[30:], covariates=labels[30:])
    assert scores[0] == half.score(texts[:30], covariates=labels[:30])
    completion = document_completion_perplexity(
        search, texts, covariates=labels.tolist()
    )
    assert 1 < completion < 30


@pytest.mark.parametrize("trip", [through_joblib, through_file])
def test_what_a_model_asks_for_goes_with_it(trip, small, routing):
    X, labels, _ = small
    model = trip(asking(GSMTopicModel).fit(X, covariates=labels))
    scores = cross_val_score(model, X, params={"covariates": labels}, cv=2)
    expected = asking(GSMTopicModel)
    expected = cross_val_score(expected, X, params={"covariates": labels}, cv=2)
    np.testing.assert_array_equal(scores, expected)


def test_without_a_request_scikit_learn_asks_for_one(texts, routing):
    texts, labels = texts
    pipeline = make_pipeline(CountVectorizer(), make(GSMTopicModel))
    with pytest.raises(Exception, match=re.escape("[covariates] are passed")):
        pipeline.fit(texts, covariates=labels)


@pytest.fixture(scope="module")
def told_by_vectors():
    """Documents of 3 words, each of one of 4 topics of 10 words, which vectors tell."""
    rng = np.random.default_rng(0)
    topic = rng.integers(4, size=1200)
    words = 10 * topic[:, None] + rng.integers(10, size=(1200, 3))
    anywhere = rng.random(words.shape) < 0.4
    words[anywhere] = rng.integers(40, size=anywhere.sum())
    X = np.zeros((1200, 40))
    np.add.at(X, (np.arange(1200)[:, None], words), 1)
    E = np.eye(4)[topic] @ rng.normal(size=(4, 16)) + rng.normal(size=(1200, 16)) / 3
    return sp.csr_array(X), E, topic


# --- what they tell ---------------------------------------------------------------


@pytest.mark.parametrize("cls", TOPIC_MODELS[1:])
def test_they_tell_what_few_words_do_not(cls, told_by_vectors):
    X, E, topic = told_by_vectors
    model = cls(4, hidden_layer_sizes=(32,), batch_size=200, random_state=0)
    blind = clone(model).fit(X[:800]).transform(X[800:])
    model.fit(X[:800], embeddings=E[:800])
    seeing = model.transform(X[800:], embeddings=E[800:])
    # Documents without any word that was counted, as those in another language.
    alone = model.transform(sp.csr_array(X[800:].shape), embeddings=E[800:])
    agreement = [
        adjusted_rand_score(topic[800:], codes.argmax(axis=1))
        for codes in (blind, seeing, alone)
    ]
    # Two words in five mislead, and embeddings do not.
    assert agreement[0] < 0.7 < 0.8 < agreement[1] < agreement[2]


@each_model
def test_the_encoder_alone_sees_them(cls, beside, fitted):
    X, E = beside
    model = fitted[cls, "embeddings"]
    codes = model.transform(X, embeddings=E)
    assert not np.allclose(codes, model.transform(X, embeddings=E[::-1]))
    module = model.net_.module_
    plain = make(cls).fit(X).net_.module_
    for part in ("decoder", "prior", "link"):
        shapes, expected = (
            {key: w.shape for key, w in getattr(m, part).state_dict().items()}
            for m in (module, plain)
        )
        assert shapes == expected
    assert model.inverse_transform(codes).shape == X.shape
    assert model.sample(3, random_state=0).shape == (3, N_WORDS)


@each_model
def test_place_and_unit_of_them_do_not_matter(cls, beside, fitted):
    X, E = beside
    codes = fitted[cls, "embeddings"].transform(X, embeddings=E)
    scaled, moved = 1024 * E, E.astype(float) - 7
    model = make(cls).fit(X, embeddings=scaled)
    np.testing.assert_array_equal(model.transform(X, embeddings=scaled), codes)
    model = make(cls).fit(X, embeddings=moved)
    np.testing.assert_allclose(model.transform(X, embeddings=moved), codes, atol=0.02)


@each_model
def test_constant_ones_tell_nothing(cls, beside):
    X, E = beside
    model = make(cls).fit(X, embeddings=np.ones_like(E))
    assert np.isfinite(model.score(X, embeddings=np.ones_like(E)))


# --- columns of X -----------------------------------------------------------------

NAMES = [*(f"w{j}" for j in range(N_WORDS)), *(f"e{j}" for j in range(WIDTH))]

COLUMNS = {
    "slice": slice(-WIDTH, None),
    "numbers": list(range(N_WORDS, N_WORDS + WIDTH)),
    "negative numbers": [-4, -3, -2, -1],
    "mask": np.arange(N_WORDS + WIDTH) >= N_WORDS,
    "function": lambda X: slice(N_WORDS, None),
}


def together(X, E):
    return np.hstack([X, E])


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, np.ndarray.tolist])
def test_columns_of_X_are_as_embeddings_beside_it(columns, container, beside, fitted):
    X, E = beside
    Z = container(together(X, E))
    model = make(GSMTopicModel, embedding_columns=columns).fit(Z)
    assert digest(model) == digest(fitted[GSMTopicModel, "embeddings"])
    expected = fitted[GSMTopicModel, "embeddings"].transform(X, embeddings=E)
    np.testing.assert_array_equal(model.transform(Z), expected)
    # And both ways for the same model.
    np.testing.assert_array_equal(model.transform(X, embeddings=E), expected)
    assert model.n_features_in_ == N_WORDS
    assert model.components_.shape == (2, N_WORDS)


@each_model
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("columns", [NAMES[-WIDTH:], slice(N_WORDS, None)])
def test_columns_of_frames(frame, columns, cls, beside, fitted):
    X, E = beside
    Z = frame(dict(zip(NAMES, together(X, E).T)))
    model = make(cls, embedding_columns=columns).fit(Z)
    assert model.feature_names_in_.tolist() == NAMES[:N_WORDS]
    assert model.embedding_names_.tolist() == NAMES[N_WORDS:]
    np.testing.assert_allclose(
        model.transform(Z),
        fitted[cls, "embeddings"].transform(X, embeddings=E),
        atol=1e-5,
    )
    wrong = frame(dict(zip([*NAMES[:-1], "f0"], together(X, E).T)))
    with pytest.raises(ValueError, match="e3|f0"):
        model.transform(wrong)


def test_columns_by_a_selector(beside):
    X, E = beside
    Z = pd.DataFrame(together(X, E), columns=NAMES)
    selector = make_column_selector(pattern="^e")
    model = make(GSMTopicModel, embedding_columns=selector).fit(Z)
    assert model.embedding_names_.tolist() == NAMES[N_WORDS:]


@pytest.mark.parametrize(
    "columns", [slice(0, None), slice(5, 5), [], [99], ["e0"], [0.5], "e", lambda X: X]
)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_unusable_columns_are_refused(columns, cls, beside):
    model = make(GSMTopicModel, embedding_columns=columns)
    if cls is ClusterTopicModel:
        model = ClusterTopicModel(2, estimator=model)
    with pytest.raises(ValueError, match="'embedding_columns' parameter of"):
        model.fit(together(*beside))
    assert not hasattr(model, "n_features_in_")


@each_model
@pytest.mark.parametrize("trip", [through_file, through_joblib])
def test_files_and_pickles_keep_them(cls, trip, beside, fitted):
    X, E = beside
    with config_context(enable_metadata_routing=True):
        model = make(cls, embedding_columns=slice(-WIDTH, None))
        model.set_transform_request(embeddings=True)
        model.fit(pd.DataFrame(together(X, E), columns=NAMES))
        loaded = trip(model)
        requests = loaded.get_metadata_routing().transform.requests
    assert requests["embeddings"] is True
    assert loaded.embedding_columns == slice(-WIDTH, None)
    assert loaded.embedding_names_.tolist() == NAMES[-WIDTH:]
    X = pd.DataFrame(X, columns=NAMES[:N_WORDS])
    np.testing.assert_array_equal(
        loaded.transform(X, embeddings=E), model.transform(X, embeddings=E)
    )
    again = [m.partial_fit(X, embeddings=E) for m in (loaded, model)]
    assert digest(again[0]) == digest(again[1])


def test_files_hold_columns_by_name_and_mask_but_no_functions(beside, tmp_path):
    X, E = beside
    for columns in ([-4, -3, -2, -1], COLUMNS["mask"]):
        model = make(GSMTopicModel, embedding_columns=columns).fit(together(X, E))
        loaded = through_file(model)
        np.testing.assert_array_equal(loaded.embedding_columns, columns)
    model = make(GSMTopicModel, embedding_columns=COLUMNS["function"])
    model.fit(together(X, E))
    with pytest.raises(TypeError, match="embedding_columns"):
        model.save(tmp_path / "model")


def test_memory_maps_beside_shards(beside, fitted, tmp_path):
    X, E = beside
    np.save(tmp_path / "E.npy", E)
    write_shards([X[:25], X[25:]], tmp_path / "shards")
    mapped = np.load(tmp_path / "E.npy", mmap_mode="r")
    model = make(GSMTopicModel).fit(Shards(tmp_path / "shards"), embeddings=mapped)
    assert digest(model) == digest(fitted[GSMTopicModel, "embeddings"])
    columns = make(GSMTopicModel, embedding_columns=[0])
    with pytest.raises(TypeError, match="no embedding_columns of Shards"):
        columns.fit(Shards(tmp_path / "shards"))


def test_metadata_routing(beside):
    X, E = beside
    with config_context(enable_metadata_routing=True):
        model = make(GSMTopicModel)
        model.set_fit_request(embeddings=True).set_score_request(embeddings=True)
        model.set_transform_request(embeddings=True)
        pipeline = make_pipeline(FunctionTransformer(validate=True), model)
        pipeline.fit(X, embeddings=E)
        codes = pipeline.transform(X, embeddings=E)
        search = GridSearchCV(pipeline, {"gsmtopicmodel__n_components": [1, 2]}, cv=2)
        search.fit(X, embeddings=E)
        scores = cross_val_score(model, X, cv=2, params={"embeddings": E})
    expected = make(GSMTopicModel).fit(X, embeddings=E).transform(X, embeddings=E)
    np.testing.assert_array_equal(codes, expected)
    found = search.cv_results_["mean_test_score"]
    assert found[1] == pytest.approx(scores.mean(), rel=1e-9)
    assert np.isfinite(found).all()


class Letters(TransformerMixin, BaseEstimator):
    """A sentence encoder: the shares of letters, whatever the words."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([[t.count(c) / (len(t) + 1) for c in "abcdefgh"] for t in X])

    def get_feature_names_out(self, names=None):
        return np.array(list("abcdefgh"), dtype=object)


@pytest.fixture(scope="module")
def few_texts():
    rng = np.random.default_rng(0)
    words = [["cab", "bad", "dab", "bed"], ["hug", "egg", "fog", "huge"]]
    return [" ".join(rng.choice(words[i % 2], size=7)) for i in range(60)]


@pytest.fixture(scope="module")
def pipeline(few_texts):
    """From raw few_texts to topics, without routing."""
    model = make(GSMTopicModel, embedding_columns=slice(-8, None))
    return make_pipeline(make_union(CountVectorizer(), Letters()), model).fit(few_texts)


def test_pipelines_of_texts_need_no_routing(few_texts, pipeline):
    counts, E = (
        CountVectorizer().fit_transform(few_texts),
        Letters().transform(few_texts),
    )
    model = make(GSMTopicModel).fit(counts, embeddings=E)
    np.testing.assert_array_equal(
        pipeline.transform(few_texts), model.transform(counts, embeddings=E)
    )
    grid = {"gsmtopicmodel__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(few_texts)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- completion: halves -----------------------------------------------------------


def test_completion_takes_embeddings_of_first_halves_alone(beside, fitted):
    X, E = beside
    model = fitted[GSMTopicModel, "embeddings"]
    with pytest.raises(ValueError, match="embeddings.* of whole documents tell"):
        document_completion_perplexity(model, X, embeddings=E)
    with pytest.raises(ValueError, match="needs them here"):
        document_completion_perplexity(model, X)
    rng = np.random.default_rng(1)
    first = rng.binomial(X.astype(int), 0.5)
    second = X - first
    found = document_completion_perplexity(model, first, embeddings=E, held_out=second)
    p = model.inverse_transform(model.transform(first, embeddings=E))
    assert found == pytest.approx(np.exp(-(second * np.log(p)).sum() / second.sum()))
    with pytest.raises(ValueError, match=r"held_out has the shape \(39, 9\)"):
        document_completion_perplexity(model, first, embeddings=E, held_out=second[1:])
    # For any model: LDA too.
    lda = LatentDirichletAllocation(2, max_iter=1, random_state=0).fit(X)
    p = lda.transform(first) @ (lda.components_ / lda.components_.sum(1)[:, None])
    found = document_completion_perplexity(lda, first, held_out=second)
    assert found == pytest.approx(np.exp(-(second * np.log(p)).sum() / second.sum()))


def test_models_are_compared_on_halves_of_texts(few_texts, pipeline):
    lda = make_pipeline(CountVectorizer(), LatentDirichletAllocation(2, max_iter=2))
    table, models = compare_models(
        {"GSM": pipeline, "LDA": lda},
        few_texts[:40],
        X_test=few_texts[40:],
        return_estimator=True,
    )
    halves = [
        [" ".join(text.split()[part]) for text in few_texts[40:]]
        for part in (slice(3), slice(3, None))
    ]
    for name, (model,) in models.items():
        found = document_completion_perplexity(model, halves[0], held_out=halves[1])
        assert table.loc[name, "perplexity"] == pytest.approx(found)
    # Those of whole documents would tell.
    with pytest.raises(ValueError, match="held_out"):
        document_completion_perplexity(pipeline, few_texts)


def test_compared_by_counts_they_have_no_perplexity(beside):
    model = make(GSMTopicModel, embedding_columns=slice(-WIDTH, None))
    table = compare_models({"GSM": model}, together(*beside), y=np.arange(40) % 2)
    assert np.isnan(table.loc["GSM", "perplexity"])
    assert np.isfinite(table.loc["GSM", ["npmi", "nmi"]].to_numpy(float)).all()


# --- readers ----------------------------------------------------------------------

READERS = {
    "sizes": topic_sizes,
    "space": document_embeddings,
    "documents": representative_documents,
    "map": lambda m, X, **given: embedding_map(m, X, feature_names=NAMES[:9], **given),
    "by number": lambda m, X, **given: most_similar(
        m, document=3, among="documents", X=X, **given
    ),
    "classes": lambda m, X, **given: (
        TopicDocumentsDisplay.from_estimator(m, X, np.arange(40) % 2, **given).shares
    ),
    "drawn map": lambda m, X, **given: (
        EmbeddingMapDisplay.from_estimator(
            m, X, feature_names=NAMES[:9], **given
        ).points
    ),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_readers_take_them_beside_or_within(read, cls, beside):
    X, E = beside
    models = [make(GSMTopicModel, embedding_columns=c) for c in (None, slice(9, None))]
    if cls is ClusterTopicModel:
        models = [cls(2, estimator=model, random_state=0) for model in models]
    beside = read(models[0].fit(X, embeddings=E), X, embeddings=E)
    within = read(models[1].fit(together(X, E)), together(X, E))
    np.testing.assert_array_equal(np.asarray(within), np.asarray(beside))
    with pytest.raises(ValueError, match="needs them here"):
        read(models[0], X)
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    for name in ("embeddings", "covariates"):
        with pytest.raises(ValueError, match=f"LatentDir.* knows no {name}"):
            read(lda, X, **{name: E})


def test_a_document_of_its_own(beside, fitted):
    X, E = beside
    model = fitted[GSMTopicModel, "embeddings"]
    found = most_similar(model, document=X[3], among="topics", embeddings=E[3:4])
    expected = most_similar(model, document=3, among="topics", X=X, embeddings=E)
    pd.testing.assert_frame_equal(found, expected)


def test_viewers_take_columns(beside):
    Z = together(*beside)
    model = make(GSMTopicModel, embedding_columns=slice(9, None)).fit(Z)
    few_texts = [f"text {i}" for i in range(40)]
    told = to_topicwizard(model, Z, few_texts, feature_names=NAMES[:9])
    kept = Z[:, :9].any(axis=1)
    np.testing.assert_allclose(
        told["document_topic_matrix"], model.transform(Z)[kept], rtol=1e-12
    )


def test_reports_and_cards(beside, fitted, few_texts, pipeline, tmp_path):
    X, E = beside
    given = {"embeddings": E, "X_test": X[:20], "embeddings_test": E[:20]}
    path = skvae.report(
        fitted[GSMTopicModel, "embeddings"],
        X,
        path=tmp_path / "report.html",
        feature_names=NAMES[:9],
        y=np.arange(20) % 2,
        **given,
    )
    assert "4 numbers a row" in path.read_text()
    skvae.report(pipeline, few_texts, path=tmp_path / "texts.html")
    del given["embeddings"]
    card = model_card(fitted[GSMTopicModel, "embeddings"], **given)
    assert "4 numbers a row" in card
    assert "score" in model_card(fitted[VAETransformer, "embeddings"], **given)
    with pytest.raises(ValueError, match="fitted with embeddings"):
        to_onnx(fitted[GSMTopicModel, "embeddings"], tmp_path / "graph")


# --- models of their own kind -----------------------------------------------------


def test_clusters_of_codes_with_embeddings(told_by_vectors):
    X, E, topic = told_by_vectors
    estimator = NVDMTopicModel(4, hidden_layer_sizes=(32,), batch_size=200)
    model = ClusterTopicModel(4, estimator=estimator, random_state=0)
    estimator.set_params(random_state=0)
    labels = model.fit_predict(X, embeddings=E)
    blind = clone(model).fit_predict(X)
    assert adjusted_rand_score(topic, blind) + 0.2 < adjusted_rand_score(topic, labels)
    shares = model.transform(X, embeddings=E)
    np.testing.assert_array_equal(model.predict(X, embeddings=E), shares.argmax(axis=1))
    np.testing.assert_array_equal(clone(model).fit_transform(X, embeddings=E), shares)
    assert np.isfinite(model.score(X))
    with pytest.raises(ValueError, match="needs them here"):
        model.predict(X)


def test_clusters_know_covariates_too(beside):
    X, _ = beside
    labels = np.array(["a", "b"])[np.arange(40) % 2]
    model = ClusterTopicModel(2, estimator=make(GSMTopicModel), random_state=0)
    shares = model.fit_transform(X, covariates=labels)
    np.testing.assert_array_equal(model.transform(X, covariates=labels), shares)
    assert document_completion_perplexity(model, X, covariates=labels) > 1


def test_rows_of_autoencoders(beside, fitted):
    X, E = beside
    model = fitted[VAETransformer, "embeddings"]
    codes = model.transform(X, embeddings=E)
    np.testing.assert_array_equal(
        model.reconstruct(X, embeddings=E), model.inverse_transform(codes)
    )
    path = model.interpolate(X[0], X[1], 2, embeddings=E[:2])
    np.testing.assert_allclose(path, model.inverse_transform(codes[:2]), rtol=1e-6)
    with pytest.raises(ValueError, match="5 rows, but X has 2"):
        model.interpolate(X[0], X[1], embeddings=E[:5])


@pytest.mark.parametrize("conv", [False, True])
def test_networks_see_them_behind_x(conv, beside):
    X, E = beside
    params = {"architecture": "conv", "image_shape": (3, 3), "channels": (2,)}
    model = make(VAETransformer, **(params if conv else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, embeddings=E, covariates=np.arange(40) % 2)
    given = {"embeddings": E, "covariates": 1}
    assert not np.allclose(
        model.transform(X, **given),
        model.transform(X, covariates=1, embeddings=E[::-1]),
    )
