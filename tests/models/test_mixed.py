"""Columns of several kinds: their log-densities add up, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make, through_file
from scipy import sparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skvae import VAETransformer
from skvae.nn.likelihoods import LIKELIHOODS, MixedOutput

PARTS = [
    ("gaussian", [0, 8]),
    ("bernoulli", [4]),
    ("categorical", [1, 2, 3]),
    ("poisson", [5]),
    ("negative-binomial", [7]),
    ("multinomial", [6, 9]),
]

NO_WORDS = [part for part in PARTS if part[0] != "multinomial"] + [("poisson", [6, 9])]


def table(n=200, seed=0):
    """A factor makes numbers, a category, a bit and counts."""
    rng = np.random.default_rng(seed)
    t = rng.normal(size=n)
    X = np.empty((n, 10))
    X[:, 0], X[:, 8] = 3 + 2 * t + 0.3 * rng.normal(size=n), -t + rng.normal(size=n)
    group = np.digitize(t + 0.3 * rng.normal(size=n), [-0.5, 0.5])
    X[:, 1:4] = np.eye(3)[group]
    X[:, 4] = rng.random(n) < 1 / (1 + np.exp(-2 * t))
    X[:, 5] = rng.poisson(np.exp(1 + 0.7 * t))
    X[:, 7] = rng.poisson(np.exp(2 + t) * rng.gamma(2, 0.5, n))
    X[:, [6, 9]] = rng.poisson(3, (n, 2))
    return X


X = table()


def test_log_densities_add_up_and_columns_keep_their_places(rng):
    parts = tuple((kind, tuple(columns)) for kind, columns in PARTS)
    output = MixedOutput(parts, "per-feature").double().requires_grad_(False)
    mean, std = torch.from_numpy(X.mean(axis=0)), torch.from_numpy(X.std(axis=0))
    output.take_unit(mean, std)
    raw = torch.from_numpy(rng.normal(size=(3, 5, 10)))  # of three draws
    mixed, expected = output(raw), np.zeros((3, 5))
    for part, (kind, columns) in zip(output.parts, PARTS):
        alone = part(raw[..., columns])
        expected += alone.log_prob(torch.from_numpy(X[:5, columns])).numpy()
        np.testing.assert_allclose(mixed.mean[..., columns], alone.mean)
        single = LIKELIHOODS[kind](len(columns), "per-feature").double()
        single.requires_grad_(False)
        single.take_unit(mean[columns], std[columns])
        at_mean = single.at_mean(mean[columns], torch.full((len(columns),), 200.0))
        found = output.at_mean(mean, torch.full((10,), 200.0))[columns]
        np.testing.assert_allclose(found, at_mean)
    np.testing.assert_allclose(mixed.log_prob(torch.from_numpy(X[:5])), expected)
    assert mixed.batch_shape == (3, 5) and mixed.event_shape == (10,)


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "multinomial"])
def test_a_list_of_one_kind_is_that_kind(kind):
    rows = X[:, 5:8]
    one, same = (
        make(VAETransformer, likelihood=likelihood).fit(rows).score_samples(rows)
        for likelihood in (kind, [(kind, [1, 2, 0])])
    )
    np.testing.assert_allclose(same, one, rtol=1e-5)


# --- the model --------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    params = dict(likelihood=PARTS, max_epochs=60, scale="per-feature", random_state=0)
    return VAETransformer(2, hidden_layer_sizes=(20,), **params).fit(X)


def test_what_is_learnt_is_worth_it(fitted):
    health = fitted.health_
    assert health["bound"] > health["bound_without_codes"] + 1
    bound = fitted.score_samples(X, bound="importance", n_draws=512)
    assert (bound > fitted.score_samples(X)).mean() > 0.95
    t = (X[:, 0] - 3) / 2
    codes = fitted.transform(X)
    assert max(abs(np.corrcoef(t, code)[0, 1]) for code in codes.T) > 0.9


def test_rebuilt_rows_are_means_of_their_kinds(fitted):
    means = fitted.reconstruct(X)
    np.testing.assert_allclose(means[:, 1:4].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(means[:, [6, 9]].sum(axis=1), 1, rtol=1e-6)
    assert ((means[:, 4] > 0) & (means[:, 4] < 1)).all() and (means[:, 5] > 0).all()
    assert np.corrcoef(means[:, 5], X[:, 5])[0, 1] > 0.6
    assert (means[:, 1:4].argmax(1) == X[:, 1:4].argmax(1)).mean() > 0.7


def test_samples_are_values_of_their_kinds(fitted):
    rows = fitted.sample(2000, random_state=0)
    assert set(np.unique(rows[:, 4])) == {0, 1}
    assert (np.sort(rows[:, 1:4], axis=1) == [0, 0, 1]).all()
    counts = rows[:, 5:8]
    assert (counts == counts.round()).all() and (counts >= 0).all()
    for j in (0, 4, 5, 6, 9):
        assert rows[:, j].mean() == pytest.approx(X[:, j].mean(), rel=0.35, abs=0.2)
    scale = fitted.scale_
    assert np.isfinite(scale[[0, 8]]).all() and np.isnan(np.delete(scale, [0, 8])).all()
    lengths = fitted.mean_length_
    assert lengths[5] == pytest.approx(X[:, [6, 9]].sum(axis=1).mean())


OPTIONS = [{"variational": False}, {"denoising": 0.2}, {"early_stopping": True}]
OPTIONS += [{"hidden_layer_sizes": ()}, {"scale": 0.5}, {"scale": [1.0] * 9 + [2.0]}]


@pytest.mark.parametrize("params", [*OPTIONS, {"center": False}], ids=str)
def test_gaps_and_options(params):
    gaps = X.copy()
    gaps[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    gaps[3], labels = np.nan, np.arange(200) % 2
    model = make(VAETransformer, likelihood=NO_WORDS, **params)
    model.fit(gaps, covariates=labels)
    assert np.isfinite(model.score_samples(gaps, covariates=labels)).all()
    filled = model.impute(gaps, covariates=labels)
    missing = np.isnan(gaps)
    np.testing.assert_array_equal(filled[~missing], gaps[~missing])
    assert np.isfinite(filled).all()
    drawn = model.impute(gaps, covariates=labels, sample=True, random_state=0)
    whole = missing[:, 1:4].all(axis=1)
    assert (np.sort(drawn[whole, 1:4], axis=1) == [0, 0, 1]).all()
    np.testing.assert_allclose(filled[whole, 1:4].sum(axis=1), 1, rtol=1e-6)
    if not model.hidden_layer_sizes:
        assert model.components_.shape == (2, 10)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson", "categorical"])
def test_rows_of_zeros_are_rows(kind):
    nothing = sparse.csr_array((20, 3))
    model = make(VAETransformer, likelihood=kind).fit(nothing)
    assert np.isfinite(model.score_samples(nothing)).all()


def test_sparse_rows_give_what_dense_rows_give():
    dense, of_sparse = (
        make(VAETransformer, likelihood=PARTS).fit_transform(rows)
        for rows in (X, sparse.csr_array(X))
    )
    np.testing.assert_array_equal(of_sparse, dense)


# --- how columns are chosen -------------------------------------------------------


def test_columns_may_be_chosen_in_any_way():
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(10)])
    expected = make(VAETransformer, likelihood=PARTS).fit(X).transform(X)
    likelihood = [("gaussian", ["c0", "c8"]), ("bernoulli", "c4")]
    likelihood += [("categorical", slice("c1", "c3")), ("poisson", 5)]
    likelihood += [("negative-binomial", lambda frame: ["c7"])]
    likelihood += [("multinomial", np.isin(np.arange(10), [6, 9]))]
    model = make(VAETransformer, likelihood=likelihood).fit(frame)
    np.testing.assert_array_equal(model.transform(frame), expected)
    assert np.isfinite(model.partial_fit(frame).transform(frame)).all()
    assert model.likelihood is likelihood
    again = through_file(model)
    np.testing.assert_array_equal(again.transform(frame), model.transform(frame))


def test_one_hot_blocks_are_parted_and_a_column_transformer_fits():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, 90), "visits": rng.poisson(2, 90)})
    frame["city"] = rng.choice(["Bonn", "Lyon", "Oslo"], 90)
    frame["size"] = rng.choice(["L", "S"], 90)
    encode = make_column_transformer(
        (StandardScaler(), ["age"]),
        (OneHotEncoder(sparse_output=False), ["city", "size"]),
        ("passthrough", ["visits"]),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    rows = encode.fit_transform(frame)
    of_words = make_column_selector(pattern="city|size")
    kinds = [("gaussian", ["age"]), ("categorical", of_words), ("poisson", ["visits"])]
    model = make(VAETransformer, likelihood=kinds).fit(rows)
    found = model.net_.config["likelihood"]
    expected = [("gaussian", (0,)), ("categorical", (1, 2, 3))]
    expected += [("categorical", (4, 5)), ("poisson", (6,))]
    assert list(found) == expected
    drawn = model.sample(30, random_state=0)
    for block in (drawn[:, 1:4], drawn[:, 4:6]):
        assert (block.sum(axis=1) == 1).all()
    rows.iloc[0, 2:4] = 1
    with pytest.raises(ValueError, match="rows of zeros with a single 1"):
        model.score(rows)


@pytest.mark.parametrize(
    "likelihood, place, value, match",
    [
        (PARTS, 5, -1.0, r"'poisson' for the columns \[5\] takes values in \[0, inf\]"),
        (PARTS, 6, np.nan, "'multinomial' for the columns.* takes no missing values"),
        ("poisson", 1, -1.0, "Negative values"),
        ("categorical", 1, 0.5, "takes rows of zeros with a single 1"),
    ],
)
def test_values_that_a_kind_has_not(likelihood, place, value, match):
    bad = X.copy() if likelihood is PARTS else X[:, 1:4].copy()
    model = make(VAETransformer, likelihood=likelihood)
    if place == 6:  # where other kinds have gaps
        bad[2, 5] = np.nan
        assert np.isfinite(model.fit(bad).transform(bad)).all()
    bad[2, place] = value
    with pytest.raises(ValueError, match=match):
        model.fit(bad)
