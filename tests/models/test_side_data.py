"""Covariates and embeddings beside X: what they tell, and where they travel."""

import copy
from datetime import datetime
from functools import cache
from itertools import product

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
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import normalize
from torch import nn

import skvae
from skvae import (
    ClusterTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
    inspection,
)
from skvae.export import model_card, to_onnx
from skvae.metrics import document_completion_perplexity as completion
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


def centered(factors):
    """Without what the words or the groups have in common, which nothing tells."""
    factors = factors - factors.mean(axis=0)
    return factors - factors.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "of_numbers", [False, pytest.param(True, marks=pytest.mark.slow)]
)
@each_topic_model
def test_planted_factors_are_recovered(cls, of_numbers, trained):
    X, given, factors = planted(cls, of_numbers)
    model = train(cls, X, given) if of_numbers else trained[cls][1]
    found = model.covariate_components_
    if of_numbers:  # What words have in common, nothing tells.
        assert not hasattr(model, "covariate_values_")
        found, factors = found - found.mean(), factors - factors.mean()
    else:
        assert model.covariate_values_.tolist() == GROUPS.tolist()
        found, factors = centered(found), centered(factors)
    assert np.corrcoef(found.ravel(), factors.ravel())[0, 1] > 0.95
    assert 0.8 < (found * factors).sum() / (factors**2).sum() < 1.2  # in nats


@each_topic_model
def test_codes_leave_out_what_covariates_explain(cls, trained):
    """So that held-out words are more probable given covariates."""
    X, labels, _ = planted(cls)
    accuracies = []
    for model, given in zip(trained[cls], ({}, {"covariates": labels})):
        codes = model.transform(X, **given)
        probe = LogisticRegression(max_iter=500).fit(codes[:600], labels[:600])
        accuracies.append(probe.score(codes[600:], labels[600:]))
    assert accuracies[0] > 0.5 > accuracies[1]  # a third by guessing
    X, labels, (without, given) = X[600:], labels[600:], trained[cls]
    assert given.score(X, covariates=labels) > without.score(X) + 0.05
    others = np.roll(GROUPS, 1)[np.searchsorted(GROUPS, labels)]
    assert given.score(X, covariates=others) < without.score(X)
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
    assert not np.allclose(model.components_given("baltic"), plain, rtol=1e-3)
    of_numbers = fitted[cls, "numbers"]
    place = [2, 1] - of_numbers.covariate_mean_
    for one, given, change in [
        (model, "baltic", model.covariate_components_[1]),
        (of_numbers, [2, 1], place @ of_numbers.covariate_components_),
    ]:
        expected = softmax(np.log(one.components_given()) + change, axis=1)
        np.testing.assert_allclose(one.components_given(given), expected, rtol=1e-6)


@each_topic_model
def test_top_words_given_covariates(cls, trained):
    model, given = trained[cls][1], {"feature_names": [f"w{i}" for i in range(30)]}
    for by in ("probability", "frex", "term_score"):
        words = inspection.top_words(model, 3, by=by, covariates="alps", **given)
        assert words.shape == (model.n_components, 3)
    best = inspection.top_words(model, 1, covariates="alps", **given)[0]
    expected = model.components_given("alps").argmax(axis=1)
    assert best.tolist() == [f"w{j}" for j in expected]
    # Without covariates, all works as it does on other models.
    inspection.top_words(model, 3, by="relevance", **given)
    inspection.term_scores(model, **given)


def methods_of(model, X):
    """Calls of all methods that take covariates."""
    names = ["transform", "score_samples", "effective_sample_size", "score"]
    names += ["reconstruct" if isinstance(model, VAETransformer) else "perplexity"]
    calls = [
        lambda c, name=name: getattr(model, name)(X, covariates=c) for name in names
    ]
    calls.append(lambda c: np.hstack(model.posterior(X, covariates=c)))
    codes = np.random.default_rng(0).dirichlet([1, 1], size=len(X))
    calls.append(lambda c: model.inverse_transform(codes, covariates=c))
    calls.append(lambda c: model.sample(len(X), 0, covariates=c))
    if isinstance(model, VAETransformer):
        means = {"from_": "posterior", "mean": True}
        calls.append(lambda c: model.sample(len(X), 0, covariates=c, **means))
    return calls


@pytest.mark.parametrize("kind, one", [("labels", "coast"), ("numbers", [0.5, -1])])
@each_model
def test_one_label_or_row_holds_for_all(cls, kind, one, fitted, small):
    for call in methods_of(fitted[cls, kind], small[0]):
        a, b = (
            c.toarray() if sp.issparse(c) else c for c in (call(one), call([one] * 40))
        )
        np.testing.assert_array_equal(a, b)


@each_model
def test_a_document_does_not_depend_on_those_beside_it(cls, fitted, small):
    X, labels, _ = small
    model, rows = fitted[cls, "labels"], [7, 3, 30]
    for method in (model.transform, model.score_samples):
        alone = method(X[rows], covariates=labels[rows])
        together = method(X, covariates=labels)[rows]
        np.testing.assert_allclose(alone, together, rtol=1e-10)
    bounds = model.score_samples(X, covariates=labels)
    score = model.score(X, covariates=labels)
    size = len(X) if cls is VAETransformer else X.sum()
    assert score == pytest.approx(bounds.sum() / size, rel=1e-9)
    if cls is not VAETransformer:
        perplexity = model.perplexity(X, covariates=labels)
        assert perplexity == pytest.approx(np.exp(-score))


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
def test_networks_of_all_kinds_see_what_is_known(params, small, beside):
    X, labels, _ = small
    E = beside[1]
    model = make(VAETransformer, **params).fit(X, covariates=labels, embeddings=E)
    codes, others, of_others = (
        model.transform(X, covariates=c, embeddings=e)
        for c, e in [("alps", E), ("coast", E), ("alps", E[::-1])]
    )
    assert not np.allclose(codes, others) and not np.allclose(codes, of_others)
    rows = model.inverse_transform(codes, covariates="alps")
    assert not np.allclose(rows, model.inverse_transform(codes, covariates="coast"))
    if params == dict(hidden_layer_sizes=()):
        change = model.inverse_transform([[1, 0], [0, 0]], covariates="alps")
        change, component = change[0] - change[1], model.components_[0]
        np.testing.assert_allclose(change, component, rtol=1e-5, atol=1e-6)
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
    "column": lambda labels: labels[:, None],
    "DataFrame": lambda labels: pd.DataFrame({"group": labels}),
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
    X, labels, numbers = small
    indicators = (labels[:, None] == GROUPS).astype(float)
    for container in (np.asfortranarray, pd.DataFrame, sp.coo_array, list):
        for kind, given in [("labels", indicators), ("numbers", numbers)]:
            model = make(GSMTopicModel).fit(X, covariates=container(given))
            assert digest(model) == digest(fitted[GSMTopicModel, kind])
    X = planted()[0]  # of more rows, whose sums depend on their order
    numbers = np.random.default_rng(0).normal(size=(900, 2))
    model = make(NVDMTopicModel, max_epochs=1)
    dense = clone(model).fit(X, covariates=numbers)
    sparse = model.fit(X, covariates=sp.csr_array(numbers))
    np.testing.assert_array_equal(dense.covariate_mean_, sparse.covariate_mean_)
    np.testing.assert_array_equal(dense.covariate_scale_, sparse.covariate_scale_)


@each_model
def test_units_and_origin_of_numbers_do_not_matter(cls, fitted, small):
    """Years and incomes are as good as numbers about 0."""
    X, _, numbers = small
    scale = np.array([1e5, 0.01])
    moved = numbers * scale + [1e6, 2020]
    model, other = fitted[cls, "numbers"], make(cls).fit(X, covariates=moved)
    expected = model.score(X, covariates=numbers)
    assert other.score(X, covariates=moved) == pytest.approx(expected, rel=1e-4)
    if cls is not VAETransformer:
        found = other.covariate_components_ * scale[:, None]
        close = dict(rtol=1e-2, atol=1e-4)
        np.testing.assert_allclose(found, model.covariate_components_, **close)


def test_numbers_are_scaled_as_they_were_at_first(small):
    X, _, numbers = small
    model = make(NVDMTopicModel).partial_fit(X, covariates=numbers)
    mean = model.covariate_mean_.copy()
    model.partial_fit(X, covariates=numbers + 5)
    np.testing.assert_array_equal(model.covariate_mean_, mean)
    # A column that never varies, and one of indicators.
    table = np.column_stack([np.full(40, 7.0), np.arange(40) % 2, numbers])
    for given in (table, sp.csr_array(table)):
        model.fit(X, covariates=given)
        np.testing.assert_allclose(model.covariate_mean_[:2], [7, 0])
        np.testing.assert_allclose(model.covariate_scale_[:2], 1)
        assert np.isfinite(model.score(X, covariates=given))
    # Squares of these overflow in single precision.
    model.fit(X, covariates=np.float32(1e30 * numbers))
    np.testing.assert_allclose(model.covariate_scale_, 1e30 * numbers.std(axis=0), 1e-5)


@pytest.mark.parametrize("kind", ["numbers", "embeddings"])
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_numbers_are_remembered(frame, kind, given, small):
    ((parameter, numbers),) = given[kind].items()
    attribute = "covariate_names_" if kind == "numbers" else "embedding_names_"
    X, names = small[0], list("abcd"[: numbers.shape[1]])
    table = frame(dict(zip(names, numbers.T)))
    model = make(GSMTopicModel).fit(X, **{parameter: table})
    assert getattr(model, attribute).tolist() == names
    model = through_file(model)
    codes = model.transform(X, **{parameter: table})
    np.testing.assert_array_equal(codes, model.transform(X, **{parameter: numbers}))
    told = "Column . of (covariates|embeddings) is '.', but .*fit is '.'"
    for other in (table[names[::-1]], frame(dict(zip("bcde", numbers.T)))):
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
    model = make(VAETransformer, lr=0.02, max_epochs=30, batch_size=25)
    with pytest.warns(
        ConvergenceWarning, match="no latent unit.*covariates explain every"
    ):
        model.fit(X, covariates=labels)


# --- what is refused --------------------------------------------------------------

ONE_COLUMN = r"reshape\(-1, 1\)"
NEEDED = r"fitted with covariates and needs.*set_transform_request\(covariates"
SHORT = "{model} was given covariates of 39 rows, but X has 40"
UNSEEN = "{model} was not fitted with the label 'davos'. It knows 'alps', 'baltic', 'c"
MISSING = "{model} found a missing label.*such as 'unknown'"
KINDS = "{model} takes covariates in one dimension as labels.*of the kind '%s"
WORDS = "{model} found values of the kind '.*' among the covariates.*ColumnTransformer"
DATES = "{model} found values of the kind 'date.*among the covariates, .*dates as num"
HUGE = "Input covariates of {model} contains infinity or a value too large"

FRACTIONS = np.linspace(0, 1, 40)
DAYS = {"day": [datetime(2020, 1, 1)] * 40, "b": [1.0] * 40}


def poisoned(E, value):
    E = E.astype(float)
    E[3, 1] = value
    return E


BAD = {  # what is made of what was given, for models fitted with which, message
    "none": (lambda c: None, "labels", NEEDED),
    "no numbers": (lambda c: None, "numbers", NEEDED),
    "some": (lambda c: c, "none", "{model} was fitted without covariates.*Leave them"),
    "short": (lambda c: c[:39], "labels numbers new", SHORT),
    "unseen": (lambda c: ["davos", *c[1:]], "labels", UNSEEN),
    "missing": (lambda c: [None, *c[1:]], "labels new", MISSING),
    "mixed": (lambda c: [1, *c[1:]], "labels new", KINDS % "mixed-integer'"),
    "fractions": (lambda c: FRACTIONS, "new", KINDS % "floating.*" + ONE_COLUMN),
    "fractions for labels": (
        lambda c: FRACTIONS,
        "labels",
        KINDS % "floating.*" + ONE_COLUMN,
    ),
    "large integers": (lambda c: [2**70, *range(39)], "new", "64 bits. Pass strings"),
    "both signs": (lambda c: [2**63, *range(-1, 38)], "new", "64 bits. Pass strings"),
    "a table": (lambda c: np.ones((40, 3)), "labels", "covariates that are labels"),
    "one word": (lambda c: "alps", "numbers", "found values of the kind 'string'"),
    "a word below": (lambda c: [[1, 2]] * 39 + [[3, "a"]], "numbers new", WORDS),
    "days of pandas": (lambda c: pd.DataFrame(DAYS), "numbers new", DATES),
    "days of polars": (lambda c: pl.DataFrame(DAYS), "numbers new", DATES),
    "one dimension": (lambda c: c[:, 0], "numbers", "40 covariates a row.* with 2"),
    "narrow": (lambda c: c[:, :1], "numbers", "given 1 covariates a row.* with 2"),
    "NaN in a table": (
        lambda c: poisoned(c, np.nan),
        "numbers",
        "covar.* contains NaN",
    ),
    "huge": (lambda c: np.full((40, 2), 1e300), "numbers new", HUGE),
    "deep": (lambda c: np.ones((40, 2, 2)), "numbers new", "Found 3 dimensions"),
    "one for all": (lambda c: "alps", "new", "row for each row of X. Found 0 dim"),
    "no columns": (lambda c: np.ones((40, 0)), "new", r"0 feature\(s\)"),
}
BAD_EMBEDDINGS = {
    "width": (lambda E: E[:, :3], "old", "3 numbers a row, but was fitted with 4"),
    "none": (lambda E: None, "old", "fitted with embeddings and needs"),
    "some": (lambda E: E, "none", "fitted without embeddings"),
    "rows": (lambda E: E[:7], "old new", "7 rows, but X has 40"),
    "infinity": (lambda E: poisoned(E, np.inf), "old new", "embeddings contains inf"),
    "huge": (lambda E: poisoned(E, 1e39), "old new", "embeddings .*too"),
    "one dimension": (lambda E: E[:, 0], "old new", "Expected 2D array"),
    "sparse": (sp.csr_array, "old new", "takes dense embeddings"),
    "words": (
        lambda E: E.astype(str),
        "old new",
        "'string' among the embeddings.*Enco",
    ),
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
    error = TypeError if case == "sparse" else ValueError
    for kind in kinds.split():
        good = given["labels" if kind in ("new", "none") else kind]
        bad = spoil(given["embeddings"][name] if name == "embeddings" else good[name])
        model = make(cls) if kind == "new" else fitted[cls, kind]
        if kind == "new":
            methods = [model.fit, model.partial_fit, model.fit_transform]
        elif name == "covariates":
            methods = [model.partial_fit]
        else:
            methods = [model.transform, model.score, model.posterior]
            methods += [model.score_samples, model.partial_fit]
        if kind == "embeddings":
            methods.append(copy.copy(model).set_params(warm_start=True).fit)
        calls = [lambda c, f=f: f(X, **{name: c}) for f in methods]
        if name == "covariates" and kind != "new":
            calls += methods_of(model, X)
        before = dict(vars(model))
        for call in calls:
            with pytest.raises(error, match=message.replace("{model}", cls.__name__)):
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
    expected = completion(model, X[1:], covariates=labels[1:])
    found = completion(model, X, covariates=labels)
    assert found == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        completion(model, X, covariates=labels[1:])
    # As many numbers in a row as there are documents.
    table = np.array([[0.1, 0.2, 0.3]] * 40)
    model = make(GSMTopicModel).fit(X, covariates=table + np.arange(40)[:, None])
    one = completion(model, X[:3], covariates=table[0])
    assert one == completion(model, X[:3], covariates=table[:3])


# --- the same again ---------------------------------------------------------------


@pytest.mark.parametrize("trip", [lambda model: model, through_file])
@pytest.mark.parametrize("kind", ["labels", "numbers", "embeddings"])
@each_model
def test_training_goes_on_as_if_never_interrupted(
    cls, kind, trip, fitted, given, small
):
    """Epoch by epoch, and through files, as in one fit."""
    X, known, model = small[0], given[kind], make(cls)
    for _ in range(3):
        model = trip(model.partial_fit(X, **known))
    expected = through_joblib(fitted[cls, kind])
    assert digest(model) == digest(expected)
    bounds = model.score_samples(X, **known)
    np.testing.assert_array_equal(bounds, expected.score_samples(X, **known))
    for one in (model, expected):
        one.set_params(warm_start=True)
    assert digest(trip(model).fit(X, **known)) == digest(expected.fit(X, **known))


@pytest.mark.parametrize("cls", [GSMTopicModel, VAETransformer])
def test_early_stopping_holds_covariates_out_with_their_rows(cls, small):
    X, labels, _ = small
    X = np.hstack([X, 9.0 * (labels[:, None] == GROUPS)])  # which labels foretell
    params = dict(early_stopping=True, validation_fraction=0.3, max_epochs=30)
    if cls is VAETransformer:  # with covariates there is none
        params["linear_path"] = False
    given, without = (
        make(cls, **params).fit(X, covariates=c).history_["validation_loss"].min()
        for c in (labels, None)
    )
    assert given < without


def test_sparse_and_dense_batches_train_alike(monkeypatch):
    """Up to rounding: of the two ways, the share of zeros decides."""
    X, labels, _ = planted()
    X = sp.hstack([X, sp.csr_array((900, 300))], format="csr")
    model = make(GSMTopicModel, max_epochs=1)
    sparse = model.fit(X, covariates=labels).covariate_components_
    monkeypatch.setattr("skvae.training.net.MAX_DENSITY", 0.0)
    dense = model.fit(X, covariates=labels).covariate_components_
    np.testing.assert_allclose(sparse, dense, rtol=1e-2, atol=1e-4)


# --- reports and tables -------------------------------------------------------------


def test_documents_are_inspected_given_covariates(fitted, small, tmp_path):
    X, labels, _ = small
    model, given = fitted[GSMTopicModel, "labels"], {"covariates": labels}
    named = given | {"feature_names": NAMES[:9]}
    codes = model.transform(X, covariates=labels)
    shares = X.sum(axis=1) @ codes / X.sum()
    np.testing.assert_allclose(
        inspection.topic_sizes(model, X, **given)["share"], shares
    )
    points = inspection.document_embeddings(model, X, **given)
    np.testing.assert_allclose(points, codes @ model.topic_embeddings_)
    assert (
        len(inspection.representative_documents(model, X, n_documents=40, **given))
        == 2 * 40
    )
    told = inspection.to_topicwizard(model, X, ["text"] * 40, **named)
    np.testing.assert_allclose(told["document_topic_matrix"], codes)
    assert (inspection.embedding_map(model, X, **named)["kind"] == "document").any()
    held_out = {"X_test": X[30:], "covariates_test": labels[30:]}
    named |= {"covariates": labels[:30], "path": tmp_path / "report.html"}
    path = skvae.report(model, X[:30], **named, **held_out, baseline=None)
    completed = completion(model, X[30:], covariates=labels[30:])
    assert f"{completed:,.1f}" in path.read_text()
    assert "3 labels: alps, baltic, coast" in path.read_text()
    card = model_card(model, **held_out)
    assert f"{completed:,.2f}" in card and "3 labels: alps" in card
    model = fitted[VAETransformer, "numbers"]
    score = model.score(X, covariates=[1, 2])
    card = model_card(model, X_test=X, covariates_test=[1, 2])
    assert f"{score:.2f}" in card and "covariates: 2 numbers" in card


@pytest.mark.parametrize("kind", ["labels", "numbers", "embeddings"])
def test_documents_are_compared_by_what_is_known_of_them(kind, given, fitted, small):
    X, model = small[0], fitted[GSMTopicModel, kind]
    ((name, known),) = given[kind].items()
    points = normalize(inspection.document_embeddings(model, X, **{name: known}))
    options = {"among": "documents", "n": 39, "X": X, name: known}
    found = inspection.most_similar(model, document=7, **options)
    assert 7 not in found["document"].tolist()
    cosine = points[found["document"]] @ points[7]
    np.testing.assert_allclose(found["similarity"], cosine)
    # What is known of this document alone, which is given itself.
    own = {name: known[7:8] if kind == "embeddings" else known[7]}
    options = {"among": "topics", "n": 2}
    pd.testing.assert_frame_equal(
        inspection.most_similar(model, document=7, X=X, **{name: known}, **options),
        inspection.most_similar(model, document=X[7], **own, **options),
    )
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        inspection.most_similar(model, document=7, X=X, **{name: known[1:]})


def test_other_models_know_no_covariates(small):
    X, labels, _ = small
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    with pytest.raises(ValueError, match="LatentDirichletAllocation knows no covar"):
        inspection.top_words(lda, 3, feature_names=NAMES[:9], covariates="alps")
    with pytest.raises(ValueError, match="LatentDirichletAllocation knows no covar"):
        completion(lda, X, covariates=labels)


# --- metadata routing -------------------------------------------------------------


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def asking(cls):
    """A model that asks for all that is known beside X."""
    model = make(cls).set_inverse_transform_request(covariates=True)
    for method in ("fit", "partial_fit", "transform", "score"):
        request = getattr(model, f"set_{method}_request")
        request(covariates=True, embeddings=True)
    return model


@each_model
def test_a_pipeline_hands_on_what_is_known_beside_x(cls, few_texts, routing):
    texts, E = few_texts, Letters().transform(few_texts)
    given = {"covariates": np.arange(60) % 3, "embeddings": E}
    with pytest.raises(Exception, match="covariates, embeddings. are passed but"):
        make_pipeline(CountVectorizer(), make(cls)).fit(texts, **given)
    pipeline = make_pipeline(CountVectorizer(), asking(cls))
    if cls is VAETransformer:
        pipeline[-1].set_params(likelihood="multinomial")
    pipeline.fit(texts, **given)
    counts = pipeline[0].transform(texts)
    expected = clone(pipeline[-1]).fit(counts, **given)
    assert digest(pipeline[-1]) == digest(expected)
    codes = pipeline.transform(texts, **given)
    np.testing.assert_array_equal(codes, expected.transform(counts, **given))
    again = clone(pipeline).fit_transform(texts, **given)
    np.testing.assert_array_equal(again, codes)
    assert pipeline.score(texts, **given) == expected.score(counts, **given)


@pytest.mark.parametrize("kind", ["labels", "embeddings"])
@each_model
def test_fit_transform_needs_no_routing(cls, kind, given, small):
    model = make(cls).set_output(transform="pandas")
    codes = model.fit_transform(small[0], **given[kind])
    pd.testing.assert_frame_equal(codes, model.transform(small[0], **given[kind]))


def assert_split(model, X, **given):
    """In searches and cross-validation, what is known of rows goes with them."""
    prefix = "gsmtopicmodel__" if isinstance(model, Pipeline) else ""
    grid = {f"{prefix}n_components": [2, 3]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, **given)
    scores = cross_val_score(model, X, params=given, cv=2)
    first = [search.cv_results_[f"split{i}_test_score"][0] for i in (0, 1)]
    np.testing.assert_array_equal(scores, first)
    half = len(X) // 2
    ends, starts = (
        {key: values[part] for key, values in given.items()}
        for part in (slice(half, None), slice(half))
    )
    expected = clone(model).fit(X[half:], **ends).score(X[:half], **starts)
    assert scores[0] == expected
    return search


@pytest.mark.parametrize("trip", [clone, through_joblib, through_file])
@pytest.mark.parametrize("kind", ["labels", "embeddings"])
def test_searches_and_cross_validation_split_what_is_known(
    kind, trip, given, small, routing
):
    """What a model asks for goes with it."""
    X, known = small[0], given[kind]
    assert_split(trip(asking(GSMTopicModel).fit(X, **known)), X, **known)


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8),
    reason="score of Pipelines gets no metadata in searches (scikit-learn #30937)",
)
def test_searches_over_pipelines_split_covariates(few_texts, routing):
    labels = GROUPS[np.arange(60) % 3]
    pipeline = make_pipeline(CountVectorizer(), asking(GSMTopicModel))
    search = assert_split(pipeline, few_texts, covariates=labels)
    assert 1 < completion(search, few_texts, covariates=labels.tolist()) < 10


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
    blind, seeing, alone = (
        adjusted_rand_score(topic[800:], codes.argmax(axis=1))
        for codes in (blind, seeing, alone)
    )
    # Two words in five mislead, and embeddings do not.
    assert blind < 0.7 and min(seeing, alone) > 0.99


@each_model
def test_the_encoder_alone_sees_them(cls, beside, fitted):
    X, E = beside
    model = fitted[cls, "embeddings"]
    codes = model.transform(X, embeddings=E)
    assert not np.allclose(codes, model.transform(X, embeddings=E[::-1]))
    module = model.net_.module_
    plain = fitted[cls, "none"].net_.module_
    shapes, expected = (
        {key: w.shape for key, w in of.items() if not key.startswith("encoder.")}
        for of in (module.state_dict(), plain.state_dict())
    )
    assert shapes == expected
    assert model.inverse_transform(codes).shape == X.shape
    assert model.sample(3, random_state=0).shape == (3, N_WORDS)


@each_model
def test_place_and_unit_of_them_do_not_matter(cls, beside, fitted):
    X, E = beside
    codes = fitted[cls, "embeddings"].transform(X, embeddings=E)
    for other, close in [(1024 * E, 0), (E.astype(float) - 7, 0.02)]:
        model = make(cls).fit(X, embeddings=other)
        found = model.transform(X, embeddings=other)
        np.testing.assert_allclose(found, codes, rtol=0, atol=close)
    constant = np.ones_like(E)
    model.fit(X, embeddings=constant)
    assert np.isfinite(model.score(X, embeddings=constant))


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
@pytest.mark.parametrize(
    "frame, columns",
    [
        *product([pd.DataFrame, pl.DataFrame], [NAMES[-WIDTH:], slice(N_WORDS, None)]),
        (pd.DataFrame, make_column_selector(pattern="^e")),
    ],
)
def test_columns_of_frames(frame, columns, cls, beside, fitted):
    X, E = beside
    Z = frame(dict(zip(NAMES, together(X, E).T)))
    model = make(cls, embedding_columns=columns).fit(Z)
    assert model.feature_names_in_.tolist() == NAMES[:N_WORDS]
    assert model.embedding_names_.tolist() == NAMES[N_WORDS:]
    expected = fitted[cls, "embeddings"].transform(X, embeddings=E)
    np.testing.assert_allclose(model.transform(Z), expected, atol=1e-5)
    wrong = frame(dict(zip([*NAMES[:-1], "f0"], together(X, E).T)))
    with pytest.raises(ValueError, match="e3|f0"):
        model.transform(wrong)


@pytest.mark.parametrize(
    "columns", [slice(0, None), slice(5, 5), [], [99], ["e0"], [0.5], "e", lambda X: X]
)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_unusable_columns_are_refused(columns, cls, beside):
    params = dict(embedding_columns=columns)
    if cls is ClusterTopicModel:
        model = ClusterTopicModel(2, estimator=make(GSMTopicModel), **params)
    else:
        model = make(GSMTopicModel, **params)
    with pytest.raises(ValueError, match="'embedding_columns' parameter of"):
        model.fit(together(*beside))
    assert not hasattr(model, "n_features_in_")


def test_files_hold_columns_by_number_and_mask_but_no_functions(beside, tmp_path):
    Z = together(*beside)
    model = make(GSMTopicModel, embedding_columns=COLUMNS["function"])
    with pytest.raises(TypeError, match="embedding_columns"):
        model.fit(Z).save(tmp_path / "model")
    for columns in ([-4, -3, -2, -1], COLUMNS["mask"], COLUMNS["slice"]):
        loaded = through_file(model.set_params(embedding_columns=columns).fit(Z))
        np.testing.assert_array_equal(loaded.embedding_columns, columns)


@pytest.mark.parametrize("cls", [GSMTopicModel, VAETransformer])
def test_shards_go_with_what_is_in_memory(cls, small, beside, tmp_path):
    X, E = beside
    np.save(tmp_path / "E.npy", E)
    write_shards([X[:25], X[25:]], tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    mapped = {"embeddings": np.load(tmp_path / "E.npy", mmap_mode="r")}
    given = {"covariates": small[1], "embeddings": E}
    model = make(cls).fit(shards, **given | mapped)
    assert digest(model) == digest(make(cls).fit(X, **given))
    codes = model.transform(shards, **given)
    np.testing.assert_array_equal(codes, model.transform(X, **given))
    with pytest.raises(TypeError, match="no embedding_columns of Shards"):
        make(cls, embedding_columns=[0]).fit(shards)


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
    counts = CountVectorizer().fit_transform(few_texts)
    E = Letters().transform(few_texts)
    expected = make(GSMTopicModel).fit_transform(counts, embeddings=E)
    np.testing.assert_array_equal(pipeline.transform(few_texts), expected)
    grid = {"gsmtopicmodel__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(few_texts)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- completion: halves -----------------------------------------------------------


def test_completion_takes_embeddings_of_first_halves_alone(beside, fitted):
    X, E = beside
    model = fitted[GSMTopicModel, "embeddings"]
    with pytest.raises(ValueError, match="embeddings.* of whole documents tell"):
        completion(model, X, embeddings=E)
    with pytest.raises(ValueError, match="needs them here"):
        completion(model, X)
    first = np.random.default_rng(1).binomial(X.astype(int), 0.5)
    second = X - first
    with pytest.raises(ValueError, match=r"held_out has the shape \(39, 9\)"):
        completion(model, first, embeddings=E, held_out=second[1:])
    lda = LatentDirichletAllocation(2, max_iter=1, random_state=0).fit(X)
    words = lda.components_ / lda.components_.sum(axis=1)[:, None]
    codes = model.transform(first, embeddings=E)
    for any_model, given, p in [
        (model, {"embeddings": E}, model.inverse_transform(codes)),
        (lda, {}, lda.transform(first) @ words),
    ]:
        found = completion(any_model, first, held_out=second, **given)
        expected = np.exp(-(second * np.log(p)).sum() / second.sum())
        assert found == pytest.approx(expected)


def test_models_are_compared_on_halves_of_texts(few_texts, pipeline):
    train, test = few_texts[:40], few_texts[40:]
    lda = make_pipeline(CountVectorizer(), LatentDirichletAllocation(2, max_iter=2))
    table, models = compare_models(
        {"GSM": pipeline, "LDA": lda}, train, X_test=test, return_estimator=True
    )
    first, second = (
        [" ".join(text.split()[part]) for text in test]
        for part in (slice(3), slice(3, None))
    )
    for name, (model,) in models.items():
        found = completion(model, first, held_out=second)
        assert table.loc[name, "perplexity"] == pytest.approx(found)
    # Embeddings of whole documents would reveal the words.
    assert completion(models["GSM"][0], test) == table.loc["GSM", "perplexity"]


def test_compared_by_counts_they_have_no_perplexity(beside):
    model = make(GSMTopicModel, embedding_columns=slice(-WIDTH, None))
    table = compare_models({"GSM": model}, together(*beside), y=np.arange(40) % 2)
    assert np.isnan(table.loc["GSM", "perplexity"])
    assert np.isfinite(table.loc["GSM", ["npmi", "nmi"]].to_numpy(float)).all()


# --- readers ----------------------------------------------------------------------

TEXTS, NAMED = ["text"] * 40, {"feature_names": NAMES[:9]}
OTHERS = {"among": "documents"}
READERS = {
    "viewer": lambda m, X, **given: inspection.to_topicwizard(
        m, X, TEXTS, **NAMED, **given
    )["document_topic_matrix"],
    "sizes": inspection.topic_sizes,
    "space": inspection.document_embeddings,
    "documents": inspection.representative_documents,
    "map": lambda m, X, **given: inspection.embedding_map(m, X, **NAMED, **given),
    "similar": lambda m, X, **given: inspection.most_similar(
        m, document=3, X=X, **OTHERS, **given
    ),
    "classes": lambda m, X, **given: (
        TopicDocumentsDisplay.from_estimator(m, X, np.arange(40) % 2, **given).shares
    ),
    "drawn map": lambda m, X, **given: (
        EmbeddingMapDisplay.from_estimator(m, X, **NAMED, **given).points
    ),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_readers_take_them_beside_or_within(read, cls, beside):
    X, E = beside
    model = make(GSMTopicModel)
    if cls is ClusterTopicModel:
        model = cls(2, estimator=model, random_state=0)
    models = [
        clone(model).set_params(embedding_columns=c) for c in (None, slice(9, None))
    ]
    beside = read(models[0].fit(X, embeddings=E), X, embeddings=E)
    within = read(models[1].fit(together(X, E)), together(X, E))
    np.testing.assert_array_equal(np.asarray(within), np.asarray(beside))
    with pytest.raises(ValueError, match="needs them here"):
        read(models[0], X)
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    for name in ("embeddings", "covariates"):
        with pytest.raises(ValueError, match=f"LatentDir.* knows no {name}"):
            read(lda, X, **{name: E})


def test_reports_and_cards(beside, fitted, few_texts, pipeline, tmp_path):
    X, E = beside
    model, held_out = fitted[GSMTopicModel, "embeddings"], slice(20)
    given = {"X_test": X[held_out], "embeddings_test": E[held_out]}
    named = {"path": tmp_path / "report.html", "feature_names": NAMES[:9]}
    path = skvae.report(model, X, embeddings=E, y=np.arange(20) % 2, **given, **named)
    assert "4 numbers a row" in path.read_text()
    skvae.report(pipeline, few_texts, path=tmp_path / "texts.html")
    assert "4 numbers a row" in model_card(model, **given)
    assert "score" in model_card(fitted[VAETransformer, "embeddings"], **given)
    with pytest.raises(ValueError, match="fitted with embeddings"):
        to_onnx(model, tmp_path / "graph")


# --- models of their own kind -----------------------------------------------------


def test_clusters_of_codes_with_embeddings(told_by_vectors):
    X, E, topic = told_by_vectors
    estimator = NVDMTopicModel(4, hidden_layer_sizes=(32,), batch_size=200)
    model = ClusterTopicModel(4, estimator=estimator, random_state=0)
    labels = model.fit_predict(X, embeddings=E)
    blind = clone(model).fit_predict(X)
    assert adjusted_rand_score(topic, blind) + 0.2 < adjusted_rand_score(topic, labels)
    shares = model.transform(X, embeddings=E)
    np.testing.assert_array_equal(model.predict(X, embeddings=E), shares.argmax(axis=1))
    assert np.isfinite(model.score(X))
    with pytest.raises(ValueError, match="needs them here"):
        model.predict(X)


def test_clusters_know_covariates_too(given, small):
    X, known = small[0], given["labels"]
    known = known | given["embeddings"]
    model = ClusterTopicModel(2, estimator=make(GSMTopicModel), random_state=0)
    shares = model.fit_transform(X, **known)
    np.testing.assert_array_equal(model.transform(X, **known), shares)
    model.fit(X, **given["labels"])
    assert completion(model, X, **given["labels"]) > 1


@pytest.mark.parametrize("kind", ["labels", "embeddings"])
def test_rows_of_autoencoders(kind, given, small, fitted):
    X, model = small[0], fitted[VAETransformer, kind]
    known, ends = dict(given[kind]), {"covariates": "alps"}
    if kind == "embeddings":
        ends = {"embeddings": known["embeddings"][:2]}
    rebuilt = model.reconstruct(X, **known)
    decoded = {key: known[key] for key in known if key == "covariates"}
    expected = model.inverse_transform(model.transform(X, **known), **decoded)
    np.testing.assert_array_equal(rebuilt, expected)
    path = model.interpolate(X[0], X[1], 5, **ends)
    expected = model.reconstruct(X[:2], **ends)
    np.testing.assert_allclose(path[[0, -1]], expected, rtol=1e-6)
    known = {key: values[:5] for key, values in known.items()}
    n_rows = 1 if kind == "labels" else 2
    with pytest.raises(ValueError, match=f"5 rows, but X has {n_rows}"):
        model.interpolate(X[0], X[1], **known)
