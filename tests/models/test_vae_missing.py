"""Missing values: the likelihood is that of what was observed, the rest is filled."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make, through_file
from scipy import stats
from sklearn.datasets import load_digits

from skvae import VAETransformer
from skvae.nn.layers import MLP


def with_gaps(X, rate=0.3, seed=0):
    """X with a share of its values missing, and which they are."""
    missing = np.random.default_rng(seed).random(X.shape) < rate
    missing[0], missing[1] = False, True  # a whole row, and one of nothing
    return np.where(missing, np.nan, X), missing


@pytest.fixture(scope="module")
def table():
    """400 rows of 6 columns that two factors and noise make."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(2, 6))
    return rng.normal(size=(400, 2)) @ loadings + 0.5 * rng.normal(size=(400, 6)) + 3


@pytest.fixture(scope="module")
def linear(table):
    """A linear model: probabilistic PCA."""
    gaps, _ = with_gaps(table)
    params = dict(hidden_layer_sizes=(), lr=0.03, max_epochs=60, random_state=0)
    return VAETransformer(2, **params).fit(gaps)


def moments(linear):
    """Mean and covariance of x under the fitted linear model."""
    mean = linear.inverse_transform(np.zeros((1, 2)))[0].astype(float)
    W = linear.components_.astype(float)
    return mean, W.T @ W + linear.scale_**2 * np.eye(6)


def test_means_and_units_are_those_of_the_observed_values(table):
    gaps, _ = with_gaps(table * np.arange(1, 7))
    vae = make(VAETransformer, scale="per-feature", batch_size=50).fit(gaps)
    start = vae.net_.module_.encoder.preprocess
    np.testing.assert_allclose(start.offset, np.nanmean(gaps, axis=0), rtol=1e-6)
    np.testing.assert_allclose(start.unit, np.nanstd(gaps, axis=0), rtol=1e-6)
    bits = (gaps > np.nanmean(gaps, axis=0)).astype(float)
    bits[np.isnan(gaps)] = np.nan
    model = make(VAETransformer, likelihood="bernoulli", batch_size=50).fit(bits)
    p = np.nanmean(bits, axis=0)
    terms = np.where(bits == 1, np.log(p), np.log(1 - p))
    alone = np.where(np.isnan(bits), 0, terms).sum(axis=1).mean()
    assert model.health_["bound_without_codes"] == pytest.approx(alone, rel=1e-3)


def test_the_importance_bound_is_the_exact_density_of_what_was_observed(linear, table):
    """Of the linear Gaussian model it is known: a normal one, of those columns."""
    gaps, missing = with_gaps(table, seed=1)
    mean, covariance = moments(linear)
    exact = np.zeros(len(gaps))
    for i, o in enumerate(~missing):
        if o.any():
            known = stats.multivariate_normal(mean[o], covariance[np.ix_(o, o)])
            exact[i] = known.logpdf(gaps[i, o])
    bound = linear.score_samples(gaps, bound="importance", n_draws=4096)
    # Below it where the linear encoder is far off, by no more than noise above.
    assert np.abs(bound - exact).mean() < 0.01
    assert (bound - exact).max() < 0.05
    elbo = linear.score_samples(gaps)
    assert (elbo < exact + 1e-3).all() and elbo[1] <= 0  # of nothing: minus the KL


def test_rows_without_gaps_are_scored_and_encoded_as_ever(linear, table):
    gaps, _ = with_gaps(table)
    for method in (linear.score_samples, linear.transform):
        alone = method(table[:1])
        np.testing.assert_allclose(method(gaps)[:1], alone, rtol=1e-12)


# --- what is filled ---------------------------------------------------------------


def test_the_mean_and_the_draws_are_those_given_what_was_observed(linear, table):
    gaps, missing = with_gaps(table, seed=2)
    mean, covariance = moments(linear)
    filled = linear.impute(gaps, n_draws=2048)
    np.testing.assert_array_equal(filled[~missing], gaps[~missing])
    draws = np.array(
        [linear.impute(gaps[:40], sample=True, random_state=s) for s in range(400)]
    )
    for i in range(2, 40):
        o, m = ~missing[i], missing[i]
        gain = covariance[np.ix_(m, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
        expected = mean[m] + gain @ (gaps[i, o] - mean[o])
        np.testing.assert_allclose(filled[i, m], expected, atol=0.15)
        within = covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]
        std = np.sqrt(np.diag(within))
        error = 5 * std.max(initial=0) / 20
        np.testing.assert_allclose(draws[:, i, m].mean(axis=0), expected, atol=error)
        np.testing.assert_allclose(draws[:, i, m].std(axis=0), std, rtol=0.25)
    repeated = linear.impute(gaps[:40], sample=True, random_state=3)
    np.testing.assert_array_equal(repeated, draws[3])


def test_nothing_missing_is_a_copy(linear, table):
    filled = linear.impute(table)
    np.testing.assert_array_equal(filled, table)
    assert filled is not table and not np.shares_memory(filled, table)
    assert linear.impute(table.astype(np.float32)).dtype == np.float32


def test_it_fills_better_than_means():
    X = load_digits().data[:300] / 16
    gaps, missing = with_gaps(X, 0.2)
    of_means = np.mean((np.nanmean(gaps, axis=0) - X)[missing] ** 2)
    for params in ({}, {"likelihood": "bernoulli"}, {"denoising": 0.2}):
        model = VAETransformer(8, max_epochs=30, random_state=0, **params).fit(gaps)
        assert np.mean((model.impute(gaps) - X)[missing] ** 2) < 0.6 * of_means
        assert np.isfinite(model.reconstruct(gaps)).all()
    plain = VAETransformer(8, variational=False, max_epochs=5, random_state=0)
    filled = plain.fit(gaps).impute(gaps)[missing]
    expected = plain.reconstruct(gaps)[missing]
    np.testing.assert_allclose(filled, expected, rtol=1e-6)


# --- everywhere -------------------------------------------------------------------


def encoder(n_features):
    return torch.nn.Linear(n_features, 5)


KINDS = [{}, {"likelihood": "bernoulli"}, {"scale": "per-feature"}, {"denoising": 0.3}]
KINDS += [{"denoising": 0.1, "corruption": "gaussian"}, {"early_stopping": True}]
KINDS += [{"architecture": "conv", "image_shape": (8, 8), "channels": (3,)}]
KINDS += [{"encoder": encoder}, {"variational": False}, {"center": False}]


@pytest.mark.parametrize("params", KINDS, ids=lambda p: " ".join(p) or "default")
def test_all_kinds_of_models_take_gaps(params):
    X = load_digits().data[:60] / 16
    gaps, missing = with_gaps(X)
    given = {"covariates": np.arange(60) % 2, "embeddings": X[:, :2]}
    model = make(VAETransformer, **params).fit(gaps, **given)
    assert np.isfinite(model.transform(gaps, **given)).all()
    assert np.isfinite(model.score_samples(gaps, **given)).all()
    filled = model.impute(gaps, **given)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~missing], X[~missing])
    assert np.isfinite(model.impute(gaps, **given, sample=True)).all()
    if params.get("encoder") is None:
        again = through_file(model)
        np.testing.assert_array_equal(again.impute(gaps, **given), filled)
        after, expected = (
            one.partial_fit(gaps, **given).transform(gaps, **given)
            for one in (again, model)
        )
        np.testing.assert_array_equal(after, expected)


def test_any_container_of_gaps_gives_the_same(table):
    gaps, _ = with_gaps(table[:50])
    names = list("abcdef")
    expected = make(VAETransformer).fit(gaps)
    objects = np.where(np.isnan(gaps), None, gaps)
    frame = pd.DataFrame(gaps, columns=names)
    for X in (gaps.tolist(), objects, frame, frame.astype("Float64")):
        model = make(VAETransformer).fit(X)
        np.testing.assert_array_equal(model.transform(X), expected.transform(gaps))
        np.testing.assert_array_equal(model.impute(X), expected.impute(gaps))
    mixed = frame.assign(a=frame["a"].round().astype("Int64"))
    assert np.isfinite(make(VAETransformer).fit(mixed).impute(mixed)).all()


def test_the_encoder_is_told_what_is_missing(table):
    """Only after a fit to rows with gaps: others are left as they are without."""
    gaps, _ = with_gaps(table)
    told = make(VAETransformer, max_epochs=20, batch_size=50, lr=0.03).fit(gaps)
    at_means = np.where(np.isnan(gaps), np.nanmean(gaps, axis=0), gaps)
    assert not np.allclose(told.transform(gaps), told.transform(at_means))
    untold = make(VAETransformer, batch_size=50).fit(table)
    body = untold.net_.module_.encoder.body
    assert isinstance(body, MLP) and body.layers[0].weight.shape[0] == 6
    mean = np.where(np.isnan(gaps), table.mean(axis=0), gaps)
    found, expected = untold.transform(gaps), untold.transform(mean)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_training_goes_on_with_gaps_or_without(table):
    gaps, _ = with_gaps(table)
    for first, then in [(table, gaps), (gaps, table)]:
        model = make(VAETransformer, batch_size=50).partial_fit(first)
        shape = model.net_.module_.encoder.body.layers[0].weight.shape
        model.partial_fit(then)
        assert model.net_.module_.encoder.body.layers[0].weight.shape == shape
        assert np.isfinite(model.impute(gaps)).all()


def test_features_of_which_nothing_is_known_are_named(table):
    gaps, _ = with_gaps(table)
    gaps[:, [1, 4]] = np.nan
    with pytest.raises(
        ValueError, match=r"features without any value, .*columns \[1, 4\]"
    ):
        make(VAETransformer).fit(gaps)
    model = make(VAETransformer).fit(table)
    assert np.isfinite(model.impute(gaps)).all()
    with pytest.raises(ValueError, match="n_draws == 0"):
        model.impute(gaps, n_draws=0)
