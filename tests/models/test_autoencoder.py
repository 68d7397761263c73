"""The start at probabilistic PCA, exact bounds, plain and denoising autoencoders."""

import copy

import numpy as np
import pytest
import torch
from helpers import NOISE, low_rank, through_file
from helpers import make_vae as make
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skvae import VAETransformer
from skvae.models.autoencoder import CORRUPTIONS
from skvae.training.data import Data, RowDataset


def test_linear_vae_spans_the_principal_subspace(linear):
    basis, _ = np.linalg.qr(linear.components_.T)
    principal = PCA(2).fit(low_rank()).components_
    assert np.linalg.svd(principal @ basis, compute_uv=False).min() > 0.99


def test_linear_vae_reaches_the_evidence_of_probabilistic_pca(linear):
    """PCA.score is the largest evidence of any such model; the ELBO is below it."""
    X = low_rank()
    evidence = PCA(2).fit(X).score(X)
    # Above: PCA divides the covariance by n - 1, and 128 draws are not all. Below: the
    # exact posterior is diagonal for the right rotation of z, so only training limits
    # the bound. Measured over 3 seeds, it is off by 0.03 to 0.04.
    assert evidence - 0.2 < linear.score(X) < evidence + 0.02
    independent = -0.5 * (np.log(2 * np.pi * X.var(axis=0)) + 1).sum()
    assert independent < evidence - 1  # what the model without z would get


def test_gaussian_vae_reconstructs_all_but_the_noise(linear):
    X = low_rank()
    error = X - linear.inverse_transform(linear.transform(X))
    # Of 8 directions of noise, 2 lie in the plane.
    assert (error**2).mean() == pytest.approx(NOISE**2 * 6 / 8, rel=0.1)
    assert (error**2).mean() < 0.2 * X.var()


def test_new_rows_have_the_covariance_of_the_old_ones(linear):
    """Measured over 3 seeds: off by 0.23 to 0.27, relative to its norm."""
    X, rows = low_rank(), linear.sample(5000, random_state=0)
    difference = np.cov(rows.T) - np.cov(X.T)
    assert np.linalg.norm(difference) < 0.4 * np.linalg.norm(np.cov(X.T))


# --- the linear model that training starts at ------------------------------------


def untrained(**params):
    return make(**params, lr=1e-9, max_epochs=1)


each_depth = pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])


@each_depth
def test_training_starts_at_probabilistic_pca(hidden_layer_sizes):
    """In units of the data; PCA divides the covariance by n - 1."""
    X = 10 * low_rank() + 3
    model = untrained(hidden_layer_sizes=hidden_layer_sizes).fit(X)
    assert model.score(X) == pytest.approx(PCA(2).fit(X).score(X), abs=0.02)


@each_depth
def test_a_start_with_a_scale_per_feature_knows_what_pca_leaves_of_each(
    hidden_layer_sizes,
):
    X = StandardScaler().fit_transform(low_rank())
    model = untrained(hidden_layer_sizes=hidden_layer_sizes, scale="per-feature").fit(X)
    pca = PCA(2).fit(X)
    common = pca.get_covariance() - pca.noise_variance_ * np.eye(8)
    expected = np.sqrt(1 - np.diag(common))
    np.testing.assert_allclose(model.scale_, expected, atol=0.01)
    assert model.score(X) > pca.score(X)


@each_depth
def test_a_start_with_a_given_scale_is_pca_with_this_noise(hidden_layer_sizes):
    X, scale = low_rank(), 2 * NOISE
    model = untrained(hidden_layer_sizes=hidden_layer_sizes, scale=scale).fit(X)
    pca = PCA(2).fit(X)
    explained = pca.explained_variance_ - scale**2
    covariance = pca.components_.T * explained @ pca.components_
    covariance += scale**2 * np.eye(8)
    evidence = stats.multivariate_normal(np.zeros(8), covariance).logpdf(X).mean()
    assert model.score(X) == pytest.approx(evidence, abs=0.02)


def test_a_plain_autoencoder_starts_at_the_reconstructions_of_pca():
    X, pca = low_rank(), PCA(2)
    expected = pca.inverse_transform(pca.fit_transform(X))
    found = untrained(variational=False).fit(X).reconstruct(X)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_only_real_columns_have_a_linear_start(rng):
    X, bits = low_rank(), rng.random((300, 2)) < [0.3, 0.6]
    rows = np.column_stack([bits[:, 0], X, bits[:, 1]])
    kinds = [("bernoulli", [0, 9]), ("gaussian", slice(1, 9))]
    share = bits.mean(axis=0)
    of_bits = (share * np.log(share) + (1 - share) * np.log1p(-share)).sum()
    expected = PCA(2).fit(X).score(X) + of_bits
    found = untrained(likelihood=kinds).fit(rows).score(rows)
    assert found == pytest.approx(expected, abs=0.02)
    only_bits = make(likelihood="bernoulli").fit(bits.astype(float))
    assert not only_bits.net_.module_.decoder.body.skip


def test_layers_add_what_is_not_linear(rng):
    train, test = (
        np.hstack([2 * t, t**2, t**3]) + 0.1 * rng.normal(size=(500, 3))
        for t in rng.uniform(-1, 1, (2, 500, 1))
    )
    params = dict(n_components=1, hidden_layer_sizes=(32,), max_epochs=50)
    hidden = make(**params, batch_size=50, lr=0.03).fit(train)
    assert hidden.score(test) > PCA(1).fit(train).score(test) + 0.5


def test_few_wide_rows_are_not_learnt_by_heart(rng):
    basis = rng.normal(size=(3, 120))
    train, test = (
        rng.normal(size=(n, 3)) @ basis + rng.normal(size=(n, 120)) for n in (60, 500)
    )
    wide = dict(n_components=3, hidden_layer_sizes=(200,), max_epochs=50)
    found = make(**wide).fit(train).score(test)
    assert found > PCA(3).fit(train).score(test)
    left_alone = make(**wide, early_stopping=False, dropout=0.0, linear_path=False)
    assert found > left_alone.fit(train).score(test) + 1


def test_a_constant_matrix_and_a_single_row_start_without_pca():
    for X in (np.full((20, 3), 2.0), np.arange(6.0)[None]):
        model = untrained().fit(X)
        assert np.isfinite(model.score(X))
        assert not model.net_.module_.decoder.body.output.weight.isnan().any()


def test_dropout_and_early_stopping_go_by_the_shape_of_x(rng):
    def trained(n_samples, n_features, **params):
        X = rng.normal(size=(n_samples, n_features))
        model = make(max_epochs=1, **params).fit(X)
        return model.net_.config["dropout"], "validation_loss" in model.history_

    assert trained(30, 4) == (0.2, False)
    assert trained(750, 300) == (0.2, False)
    assert trained(1500, 800) == (0.1, True)
    assert trained(9, 20) == (0.2, False)
    assert trained(30, 40, early_stopping=False, dropout=0.0) == (0.0, False)
    assert trained(30, 40, linear_path=False) == (0.0, False)


def test_batch_norm_goes_by_likelihood_rows_and_rate(rng):
    def normed(n_samples, **params):
        X = rng.poisson(1.0, size=(5000, 3))
        short = dict(batch_size=512, max_epochs=1, warm_start=True)
        model = make(batch_norm="auto", **short, **params).fit(X[:n_samples])
        found = model.net_.config["batch_norm"]
        for rows in (X, X[:30]):  # further fits keep it
            assert model.fit(rows).net_.config["batch_norm"] == found
            assert through_file(model).fit(rows).net_.config["batch_norm"] == found
        return found

    plain = dict(variational=False)
    assert not normed(30, likelihood="multinomial")
    assert [normed(n, **plain, lr=1e-3) for n in (30, 4097)] == [True, False]
    assert normed(4097, **plain) and normed(4097, lr=1e-3)


def test_further_fits_keep_their_dropout(rng):
    X = rng.normal(size=(30, 40))
    model = make(warm_start=True).partial_fit(X)
    assert "validation_loss" not in model.history_
    model.fit(np.tile(X, (100, 1))).partial_fit(X)
    assert model.net_.config["dropout"] == 0.2
    assert make(max_epochs=1).fit(X, covariates=X).net_.config["dropout"] == 0
    with pytest.raises(ValueError, match="dropout"):
        model.set_params(dropout=0.5).partial_fit(X)


# --- the bound against an exact evidence -----------------------------------------


@pytest.fixture(scope="module")
def exact():
    """A linear model with the true posterior for an encoder, put in by hand.

    x | z ~ N(W z + m, s^2 I) with orthogonal columns in W makes z | x normal with the
    diagonal covariance S = (I + W'W / s^2)^-1 and the mean S W'(x - m) / s^2.
    """
    X, s = low_rank(), 0.7
    model = make(hidden_layer_sizes=(), scale=s, max_epochs=1).fit(X + 3)
    m = (X + 3).mean(axis=0)
    basis, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 2)))
    W = basis * [2.0, 0.5]
    S = 1 / (1 + (W**2).sum(axis=0) / s**2)
    module = model.net_.module_
    new = {
        "encoder.preprocess.offset": m,
        # What comes in counts in its width: 8 features, 2 components.
        "encoder.mean.weight": 8 * W * S / s**2,
        "encoder.mean.bias": np.zeros(2),
        "encoder.log_variance.bias": np.log(S),
        "encoder.log_variance.weight": np.zeros((8, 2)),
        "decoder.body.output.weight": 2 * W.T,
        "decoder.body.output.bias": m,
    }
    tensors = {key: torch.from_numpy(value) for key, value in new.items()}
    module.load_state_dict({**module.state_dict(), **tensors})
    covariance = W @ W.T + s**2 * np.eye(8)
    evidence = stats.multivariate_normal(m, covariance).logpdf(X + 3)
    return model, X + 3, evidence


@pytest.mark.parametrize(
    "bound, n_draws", [("elbo", 8), ("elbo", 128), ("importance", 1), ("importance", 7)]
)
def test_bounds_are_the_evidence_at_the_exact_posterior(bound, n_draws, exact):
    """Without an error of sampling: log p(x | z) is quadratic in z, and every weight
    p(x, z) / q(z | x) is p(x), the evidence of probabilistic PCA.
    """
    model, X, evidence = exact
    found = model.score_samples(X, bound=bound, n_draws=n_draws)
    np.testing.assert_allclose(found, evidence, atol=1e-4)


def test_elbo_loses_the_divergence_from_the_exact_posterior(exact):
    model, X, evidence = exact
    model = copy.deepcopy(model)
    with torch.no_grad():  # twice the variance in one direction
        model.net_.module_.encoder.log_variance.bias[0] += np.log(2)
    lost = 0.5 * (2 - 1 - np.log(2))
    np.testing.assert_allclose(evidence - model.score_samples(X), lost, atol=1e-4)


# --- plain autoencoders ----------------------------------------------------------


def test_linear_plain_autoencoder_reconstructs_like_pca():
    """Squared error of the best linear map through two numbers is PCA's."""
    X = low_rank()
    pca = PCA(2).fit(X)
    best = ((X - pca.inverse_transform(pca.transform(X))) ** 2).mean()
    params = dict(hidden_layer_sizes=(), variational=False, scale=1.0)
    model = make(**params, lr=0.03, max_epochs=60, batch_size=50).fit(X)
    error = ((X - model.reconstruct(X)) ** 2).mean()
    assert best <= error < 1.05 * best
    basis, _ = np.linalg.qr(model.components_.T)
    assert np.linalg.svd(pca.components_ @ basis, compute_uv=False).min() > 0.99


def test_plain_autoencoder_scores_rows_at_their_codes(rng):
    """It has no prior and no importance weights."""
    X = rng.normal(size=(30, 6))
    model = make(variational=False).fit(X)
    codes, std = model.posterior(X)
    assert (std == 0).all()
    np.testing.assert_array_equal(codes, model.transform(X))
    rebuilt = model.inverse_transform(codes)
    expected = stats.norm.logpdf(X, rebuilt, model.scale_).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-6)
    np.testing.assert_array_equal(model.reconstruct(X, sample=True), rebuilt)
    assert (model.history_["kl"] == 0).all() and model.health_["active_units"] == 2
    loss = -model.history_["reconstruction"]
    np.testing.assert_allclose(model.history_["loss"], loss, rtol=1e-6)
    with pytest.raises(ValueError, match="from_='posterior'"):
        model.sample()
    assert model.sample(4, 0, from_="posterior").shape == (4, 6)
    with pytest.raises(ValueError, match="variational=False"):
        model.score_samples(X, bound="importance")
    with pytest.raises(ValueError, match="variational=False"):
        model.effective_sample_size(X)


# --- denoising -------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_masking_hides_its_share_of_the_values(container, rng):
    hidden = CORRUPTIONS["masking"](container(np.ones((400, 50))), rng, 0.3)
    assert set(np.unique(hidden)) == {0, 1}
    # 5 standard errors of 20,000 draws
    assert hidden.mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / 20_000))


def test_noise_has_the_given_deviation(rng):
    rows = rng.normal(size=(400, 50))
    noise = CORRUPTIONS["gaussian"](rows, rng, 0.3) - rows
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(20_000)
    assert noise.std() == pytest.approx(0.3, rel=5 / np.sqrt(40_000))


@pytest.mark.parametrize("likelihood", ["gaussian", "multinomial"])
@pytest.mark.parametrize("corruption", ["masking", "gaussian"])
def test_denoising_explains_intact_rows_from_corrupted_ones(
    corruption, likelihood, rng
):
    X = sparse.csr_array(rng.poisson(1.0, (30, 6)).astype(float))
    model = make(denoising=0.5, corruption=corruption, likelihood=likelihood)
    options = model._training_options(Data(X))
    dataset = RowDataset(Data(X), np.arange(X.shape[0]), options["corrupt"])
    dataset.rng = rng
    (seen, *_), target = dataset.__getitems__([3, 0, 7])
    np.testing.assert_array_equal(target, X[[3, 0, 7]].toarray())
    assert not torch.equal(seen, target)
    of_dense = clone(model).fit_transform(X.toarray())
    np.testing.assert_array_equal(model.fit_transform(X), of_dense)
    assert np.isfinite(model.score(X))


def test_denoising_learns_to_fill_in_what_is_missing(rng):
    """Held-out rows with 4 of 8 values masked, better than by a plain autoencoder."""
    train, test = np.split(low_rank(600), [500])
    masked = np.where(rng.random(test.shape) < 0.5, 0, test)
    params = dict(hidden_layer_sizes=(32,), max_epochs=40, batch_size=50, lr=0.03)
    plain, denoising = (
        make(**params, variational=False, denoising=rate).fit(train).reconstruct(masked)
        for rate in (0.0, 0.5)
    )
    assert ((denoising - test) ** 2).mean() < 0.8 * ((plain - test) ** 2).mean()


# --- units of the data -----------------------------------------------------------


def test_codes_do_not_depend_on_where_the_data_are_centred():
    X = low_rank(100)
    shift = np.linspace(-4, 4, 8)
    here, there = make().fit(X), make().fit(X + shift)
    close = dict(atol=0.05)  # single precision, and training that amplifies rounding
    np.testing.assert_allclose(there.transform(X + shift), here.transform(X), **close)
    np.testing.assert_allclose(
        there.reconstruct(X + shift), here.reconstruct(X) + shift, **close
    )


@pytest.mark.parametrize("power", [-70, 10, 70])
@pytest.mark.parametrize("scale", ["shared", "per-feature"])
def test_codes_do_not_depend_on_the_unit_of_the_data(scale, power):
    """Powers of 2 round nothing; densities change by the logarithm of the unit."""
    X = low_rank(100)
    powers = np.zeros(8) if scale == "shared" else np.arange(-4, 4)
    units = 2.0 ** (powers + power)
    small, large = make(scale=scale).fit(X), make(scale=scale).fit(X * units)
    np.testing.assert_array_equal(large.transform(X * units), small.transform(X))
    np.testing.assert_allclose(
        large.scale_, small.scale_ * (units[0] if scale == "shared" else units)
    )
    expected = small.score_samples(X) - np.log(units).sum()
    np.testing.assert_allclose(large.score_samples(X * units), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_scale_for_each_feature_finds_their_noise(rng):
    noise = np.array([0.1, 0.2, 0.4, 0.8] * 3)
    X = rng.normal(size=(2000, 1)) + noise * rng.normal(size=(2000, 12))
    params = dict(n_components=1, hidden_layer_sizes=(), lr=0.03, max_epochs=30)
    model = make(**params, scale="per-feature", batch_size=50).fit(X)
    np.testing.assert_allclose(model.scale_, noise, rtol=0.15)
    shared = make(**params, scale="shared", batch_size=50).fit(X)
    assert model.score(X) > shared.score(X)


def test_features_of_very_different_scales_are_no_constants():
    """Standard deviations from 0.003 to 570; only rounding makes constants vary."""
    X = load_breast_cancer().data
    vae = VAETransformer(5, scale="per-feature", max_epochs=10, random_state=0).fit(X)
    standardized = clone(vae).fit((X - X.mean(axis=0)) / X.std(axis=0))
    last = standardized.history_.iloc[-1]
    # The same model but for rounding, which training carries on.
    found = vae.score(X) + np.log(X.std(axis=0)).sum()
    assert found == pytest.approx(last["reconstruction"] - last["kl"], rel=0.1)


def test_constant_features_do_no_harm():
    X = np.hstack([low_rank(100), np.full((100, 3), 5.0)])
    for scale in ("shared", "per-feature"):
        model = make(scale=scale, max_epochs=20).fit(X)
        assert np.isfinite(model.score(X)) and np.all(model.scale_ > 0)
        np.testing.assert_allclose(model.reconstruct(X)[:, 8:], 5, atol=0.5)


def test_a_given_scale_is_kept(rng):
    X, given = rng.normal(size=(30, 6)), np.arange(1, 7) / 8
    assert make(scale=0.25).fit(X).scale_ == 0.25
    for model in (
        make(scale=given).fit(X),
        make(scale=given, variational=False).fit(X),
    ):
        np.testing.assert_array_equal(model.scale_, given)
    expected = stats.norm.logpdf(X, model.reconstruct(X), given).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-6)
