"""Covariates: what they explain, the bound given them, and where they travel."""

import re
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import torch
from helpers import (
    MODELS,
    TOPIC_MODELS,
    digest,
    each_model,
    make,
    through_file,
    through_joblib,
)
from scipy.special import log_softmax, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from torch import nn

import skvae
from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.export import model_card
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
from skvae.models.inference import own_noise
from skvae.shards import write_shards

each_topic_model = pytest.mark.parametrize("cls", TOPIC_MODELS)
GROUPS = np.array(["alps", "baltic", "coast"])


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
    X = np.random.default_rng(0).poisson(1.0, (40, 9)).astype(float)
    return X, GROUPS[np.arange(40) % 3], np.random.default_rng(1).normal(size=(40, 2))


@pytest.fixture(scope="module")
def fitted(small):
    X, labels, numbers = small
    return {
        (cls, kind): make(cls).fit(X, covariates=c)
        for cls in MODELS
        for kind, c in [("none", None), ("labels", labels), ("numbers", numbers)]
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


# --- the bound, by hand -----------------------------------------------------------


def linear(weights, name, x):
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def standardise(weights, name, x):
    mean, var = (weights[f"{name}.running_{k}"] for k in ("mean", "var"))
    return (x - mean) / np.sqrt(var + 1e-5)


def encode(weights, x):
    hidden = np.maximum(linear(weights, "encoder.body.layers.0", x), 0)
    mean = linear(weights, "encoder.mean", hidden)
    log_var = linear(weights, "encoder.log_variance", hidden)
    return mean, np.exp(0.5 * log_var.clip(-10, 10))


def log_probs(cls, weights, z):
    """Log-probabilities of words without covariates, up to a constant of each row."""
    if cls is NVDMTopicModel:
        return linear(weights, "decoder.output", z)
    if cls is ProdLDATopicModel:
        proportions = softmax(weights["link.sharpness"] * z, axis=-1)
        mixed = proportions @ weights["decoder.topics"]
        offset = weights["decoder.standardise.offset"]
        spread = weights["decoder.standardise.scale"]
        return standardise(weights, "decoder.standardise", mixed) * spread + offset
    theta = softmax(linear(weights, "link.linear", z), axis=-1)
    products = (
        weights["decoder.topic_embeddings"] @ weights["decoder.word_embeddings"].T
    )
    topics = softmax(products + weights["decoder.background"], axis=-1)
    return np.log(theta @ topics)


def bound(reconstruction, mean, std, prior_mean=0.0, prior_std=1.0):
    variance = (std / prior_std) ** 2
    kl = 0.5 * (
        variance + ((mean - prior_mean) / prior_std) ** 2 - 1 - np.log(variance)
    )
    return reconstruction.mean(axis=0) - kl.sum(axis=-1)


def standardised_columns(numbers):
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)


def draws_of(mean, std):
    return mean + std * own_noise(torch.from_numpy(mean), 32).numpy()


def weights_of(model):
    weights = model.net_.module_.state_dict()
    return {name: value.double().numpy() for name, value in weights.items()}


@pytest.mark.parametrize("kind", ["labels", "numbers"])
@each_topic_model
def test_the_bound_of_counts_is_the_one_worked_out_by_hand(cls, kind, fitted, small):
    X, labels, numbers = small
    given = labels if kind == "labels" else numbers
    indicators = (labels[:, None] == GROUPS).astype(float)
    c = indicators if kind == "labels" else standardised_columns(numbers)
    model = fitted[cls, kind]
    weights = weights_of(model)
    scaled = X**0.75 / np.linalg.norm(X**0.75, axis=1, keepdims=True)
    length = np.log1p(X.sum(axis=1, keepdims=True))
    mean, std = encode(weights, np.hstack([scaled, length, c]))
    mean = standardise(weights, "encoder.standardise", mean)
    tilt = c @ weights["decoder.covariate_components"]
    assert np.abs(tilt).max() > 0.01
    logits = log_probs(cls, weights, draws_of(mean, std)) + tilt
    words = (X * log_softmax(logits, axis=-1)).sum(axis=-1)
    prior = weights["prior.mean"], np.exp(weights["prior.log_std"])
    expected = bound(words, mean, std, *prior)
    found = model.score_samples(X, covariates=given)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    dense = model.score_samples(sp.csr_array(X), covariates=given)
    np.testing.assert_allclose(dense, expected, rtol=1e-5)


def test_the_bound_of_a_table_is_the_one_worked_out_by_hand(small):
    X, _, numbers = small
    model = make(VAETransformer, batch_norm=False).fit(X, covariates=numbers)
    weights = weights_of(model)
    start = (X - weights["encoder.preprocess.offset"]) / weights[
        "encoder.preprocess.unit"
    ]
    c = standardised_columns(numbers)
    mean, std = encode(weights, np.hstack([start, c]))
    z = draws_of(mean, std)
    z = np.concatenate([z, np.broadcast_to(c, (len(z), *c.shape))], axis=-1)
    hidden = np.maximum(linear(weights, "decoder.body.layers.0", z), 0)
    output = linear(weights, "decoder.body.output", hidden)
    error = (X - weights["decoder.output.unit"] * output) / model.scale_
    density = -0.5 * (error**2 + np.log(2 * np.pi)) - np.log(model.scale_)
    expected = bound(density.sum(axis=-1), mean, std)
    found = model.score_samples(X, covariates=numbers)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


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


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_names_of_numbers_are_remembered(frame, small):
    frame = pytest.importorskip(frame)
    X, _, numbers = small
    table = frame.DataFrame({"age": numbers[:, 0], "year": numbers[:, 1]})
    model = make(GSMTopicModel).fit(X, covariates=table)
    assert model.covariate_names_.tolist() == ["age", "year"]
    model = through_file(model)
    np.testing.assert_array_equal(
        model.transform(X, covariates=table), model.transform(X, covariates=numbers)
    )
    for other, found in (
        (table[["year", "age"]], "year"),
        (frame.DataFrame({"size": numbers[:, 0], "year": numbers[:, 1]}), "size"),
    ):
        for method in (model.transform, model.partial_fit):
            match = f"Column 0 of covariates is {found!r}, but .*fit is 'age'"
            with pytest.raises(ValueError, match=match):
                method(X, covariates=other)


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
BAD = {  # what is made of labels and numbers, for models fitted with which, message
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


@pytest.mark.parametrize("case", BAD)
@each_model
def test_bad_covariates_are_refused_without_a_trace(cls, case, fitted, small):
    """By models that are fitted, that would go on from that, and that are new."""
    X, labels, numbers = small
    spoil, kinds, message = BAD[case]
    message = message.replace("{model}", cls.__name__)
    for kind in kinds.split():
        bad = spoil(numbers if kind == "numbers" else labels)
        if kind == "new":
            model = make(cls)
            calls = [
                lambda c, f=f: f(X, covariates=c)
                for f in (model.fit, model.partial_fit, model.fit_transform)
            ]
        else:
            model = fitted[cls, kind]
            calls = [*methods_of(model, X).values()]
            calls.append(lambda c, m=model: m.partial_fit(X, covariates=c))
        before = dict(vars(model))
        for call in calls:
            with pytest.raises(ValueError, match=message):
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
    ],
)
@each_model
def test_training_goes_on_as_if_never_interrupted(cls, kind, trip, fitted, small):
    """Epoch by epoch, and through files, as in one fit."""
    X, labels, numbers = small
    given = {"covariates": labels if kind == "labels" else numbers}
    model = make(cls)
    for _ in range(3):
        model = trip(model.partial_fit(X, **given))
    assert digest(model) == digest(fitted[cls, kind])
    np.testing.assert_array_equal(
        model.score_samples(X, **given), fitted[cls, kind].score_samples(X, **given)
    )
    ours = trip(model).set_params(warm_start=True).fit(X, **given)
    theirs = through_joblib(fitted[cls, kind]).set_params(warm_start=True)
    assert digest(ours) == digest(theirs.fit(X, **given))


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
    X, labels, _ = small
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    names = [f"w{i}" for i in range(9)]
    with pytest.raises(ValueError, match="LatentDirichletAllocation knows no covar"):
        top_words(lda, 3, feature_names=names, covariates="alps")
    for function in (topic_sizes, representative_documents, document_embeddings):
        with pytest.raises(ValueError, match="LatentDirichletAllocation knows no cov"):
            function(lda, X, covariates=labels)


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


@each_model
def test_fit_transform_needs_no_routing(cls, small):
    X, labels, _ = small
    model = make(cls).set_output(transform="pandas")
    codes = model.fit_transform(X, covariates=labels)
    pd.testing.assert_frame_equal(codes, model.transform(X, covariates=labels))


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
