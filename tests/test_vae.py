"""VAETransformer: likelihoods, architectures, linear models against exact results."""

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import through_file
from scipy import signal, sparse, stats
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skvae import NVDMTopicModel, VAETransformer
from skvae.models.autoencoder import corruption
from skvae.training.data import Data, RowDataset
from skvae.utils.counts import feature_moments


def make(**params):
    small = dict(
        n_components=2,
        hidden_layer_sizes=(8,),
        activation="tanh",
        lr=0.01,
        max_epochs=4,
        batch_size=16,
        device="cpu",
        random_state=0,
    )
    return VAETransformer(**{**small, **params})


NOISE = 0.5


def low_rank(n_samples=300, n_features=8):
    """Rows near a plane, centred; the two directions differ in variance."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(n_features, 2)))
    X = rng.normal(size=(n_samples, 2)) * [3, 2] @ basis.T
    X += NOISE * rng.normal(size=X.shape)
    return X - X.mean(axis=0)


@pytest.fixture(scope="module")
def linear():
    """A VAE without hidden layers: probabilistic PCA, fitted by gradient steps."""
    params = dict(lr=0.03, max_epochs=80, batch_size=50, kl_warmup=0.3)
    return make(hidden_layer_sizes=(), **params).fit(low_rank())


def test_linear_vae_spans_the_principal_subspace(linear):
    X = low_rank()
    decoded = linear.inverse_transform(np.vstack([np.zeros(2), np.eye(2)]))
    basis, _ = np.linalg.qr((decoded[1:] - decoded[0]).T)
    principal = PCA(2).fit(X).components_
    cosines = np.linalg.svd(principal @ basis, compute_uv=False)
    assert cosines.min() > 0.99


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


def test_layers_add_what_is_not_linear():
    rng = np.random.default_rng(0)
    train, test = (
        np.hstack([2 * t, t**2, t**3]) + 0.1 * rng.normal(size=(500, 3))
        for t in rng.uniform(-1, 1, (2, 500, 1))
    )
    hidden = make(n_components=1, hidden_layer_sizes=(32,), max_epochs=50).fit(train)
    assert hidden.score(test) > PCA(1).fit(train).score(test) + 0.5


def test_few_wide_rows_are_not_learnt_by_heart():
    rng = np.random.default_rng(0)
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


LIKELIHOODS = {
    "gaussian": lambda rng: rng.normal(size=(30, 6)),
    "bernoulli": lambda rng: (rng.random((30, 6)) < 0.4).astype(float),
    "multinomial": lambda rng: rng.poisson(1.0, (30, 6)).astype(float),
}
each_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS)


@each_likelihood
def test_score_is_the_mean_over_rows(likelihood, rng):
    X = LIKELIHOODS[likelihood](rng)
    model = make(likelihood=likelihood).fit(X)
    assert model.score(X) == pytest.approx(model.score_samples(X).mean(), abs=1e-12)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
@each_likelihood
def test_sparse_rows_give_what_dense_rows_give(likelihood, container, rng):
    X = LIKELIHOODS[likelihood](rng)
    dense, other = make(likelihood=likelihood), make(likelihood=likelihood)
    codes = dense.fit_transform(X)
    np.testing.assert_array_equal(other.fit_transform(container(X)), codes)
    close = dict(rtol=1e-12)
    np.testing.assert_allclose(other.score(container(X)), dense.score(X), **close)


@each_likelihood
def test_training_raises_the_bound(likelihood, rng):
    X = LIKELIHOODS[likelihood](rng)
    params = dict(likelihood=likelihood, linear_path=False)
    start = make(**params, lr=1e-9, max_epochs=1).fit(X).score(X)
    assert make(**params, max_epochs=30).fit(X).score(X) > start


@each_likelihood
def test_samples_are_values_of_the_likelihood(likelihood, rng):
    model = make(likelihood=likelihood).fit(LIKELIHOODS[likelihood](rng))
    rows = model.sample(20, random_state=0)
    rows = rows.toarray() if sparse.issparse(rows) else rows
    assert rows.shape == (20, 6) and np.isfinite(rows).all()
    if likelihood == "bernoulli":
        assert set(np.unique(rows)) == {0.0, 1.0}
    elif likelihood == "multinomial":
        assert (rows >= 0).all() and (rows % 1 == 0).all() and rows.max() > 1


def test_the_likelihood_is_that_of_the_fit(rng):
    """A parameter changed after the fit waits for the next one."""
    X = low_rank(n_features=6)
    model = make(likelihood="gaussian").fit(X)
    codes, rows = model.transform(X), model.sample(5, random_state=0)
    for likelihood in ("bernoulli", "multinomial"):
        model.set_params(likelihood=likelihood)
        np.testing.assert_array_equal(model.transform(X), codes)
        np.testing.assert_array_equal(model.sample(5, random_state=0), rows)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_bernoulli_takes_values_from_zero_to_one_only(value, container, rng):
    X = LIKELIHOODS["bernoulli"](rng)
    model = make(likelihood="bernoulli").fit(X)
    X[4, 2] = value
    for method in (model.fit, model.partial_fit, model.score, model.score_samples):
        with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
            method(container(X))
    fractions = np.clip(X, 0, 1) / 2
    assert np.isfinite(model.fit(container(fractions)).score(container(fractions)))


@pytest.mark.parametrize(
    "likelihood", ["bernoulli", "poisson", "categorical", "multinomial"]
)
def test_encoders_take_noise_beyond_the_values_of_the_likelihood(likelihood, rng):
    """They have been trained on it."""
    X = LIKELIHOODS["bernoulli"](rng)
    if likelihood == "categorical":
        X = np.eye(6)[rng.integers(6, size=30)]
    noisy = X + 0.5 * rng.standard_normal(X.shape)
    assert noisy.min() < 0
    params = dict(corruption="gaussian", denoising=0.5)
    model = make(likelihood=likelihood, **params).fit(X)
    mean, _ = model.posterior(noisy)
    np.testing.assert_array_equal(model.transform(noisy), mean)
    restored = model.reconstruct(noisy)
    np.testing.assert_array_equal(restored, model.inverse_transform(mean))
    assert (restored >= 0).all() and np.isfinite(model.interpolate(*noisy[:2])).all()
    # Scaled counts below 0 count as 0.
    if likelihood == "multinomial":
        clipped = model.transform(noisy.clip(min=0))
        np.testing.assert_allclose(model.transform(noisy), clipped, rtol=1e-6)
    for method in (model.fit, model.score, model.effective_sample_size, model.impute):
        with pytest.raises(ValueError, match=r"takes (values|rows)|Negative values"):
            method(noisy)


def test_codes_of_words_tell_topics_as_those_of_nvdm_do():
    """The encoder sees counts by their shares, whatever the lengths of documents."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=400)
    topics = rng.dirichlet(np.full(300, 0.1), 4)
    topics = 0.5 * topics + 0.5 * rng.dirichlet(np.full(300, 0.1))
    lengths = rng.pareto(1, 400) * 20 + 20
    X = sparse.csr_array(rng.poisson(lengths.clip(max=2000)[:, None] * topics[y]))

    def found(model):
        codes = model.fit(X).transform(X)
        clusters = KMeans(4, n_init=5, random_state=0).fit_predict(codes)
        return normalized_mutual_info_score(y, clusters)

    ours = found(VAETransformer(4, likelihood="multinomial", random_state=0))
    assert ours > 0.95 * found(NVDMTopicModel(4, random_state=0))


@pytest.mark.parametrize("corruption", ["masking", "gaussian"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_words_are_denoised_from_any_container(corruption, container, rng):
    X = LIKELIHOODS["multinomial"](rng)
    params = dict(likelihood="multinomial", corruption=corruption, denoising=0.5)
    model, same = (make(**params).fit(rows) for rows in (X, container(X)))
    assert np.isfinite(model.score(X))
    np.testing.assert_array_equal(same.transform(container(X)), model.transform(X))


@pytest.mark.parametrize("likelihood", ["bernoulli", "multinomial"])
def test_means_are_probabilities(likelihood, rng):
    model = make(likelihood=likelihood).fit(LIKELIHOODS[likelihood](rng))
    means = model.inverse_transform(3 * rng.normal(size=(9, 2)))
    assert (means >= 0).all() and (means <= 1).all()
    if likelihood == "multinomial":
        np.testing.assert_allclose(means.sum(axis=1), 1, rtol=1e-12)


def test_a_large_kl_weight_ties_the_posterior_to_the_prior():
    X, divergence = low_rank(60), []
    for kl_weight in (0.0, 1.0, 100.0):
        model = make(kl_weight=kl_weight, max_epochs=20, lr=0.03).fit(X)
        mean, std = model.posterior(X)
        kl = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum(axis=1)
        divergence.append(kl.mean())
    assert divergence[0] > divergence[1] > divergence[2]
    assert divergence[2] < 0.5


def test_a_code_without_information_is_told():
    """A posterior that is the prior for every row, put there by hand."""
    X = low_rank()
    model = make(warm_start=True).fit(X)
    assert model.health_["active_units"] == 2
    encoder = model.net_.module_.encoder
    with torch.no_grad():
        for parameter in (
            *encoder.mean.parameters(),
            *encoder.log_variance.parameters(),
        ):
            parameter.zero_()
    with pytest.warns(ConvergenceWarning, match="no latent unit is active.*`lr`"):
        model.set_params(lr=1e-12, max_epochs=1).fit(X)
    assert model.health_["active_units"] == 0
    assert model.health_["best_epoch"] == model.n_iter_


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


def test_importance_weighted_bound_is_the_evidence_at_the_exact_posterior(exact):
    """Every weight p(x, z) / q(z | x) is then p(x), the evidence of PPCA."""
    model, X, evidence = exact
    for n_draws in (1, 7):
        bound = model.score_samples(X, bound="importance", n_draws=n_draws)
        np.testing.assert_allclose(bound, evidence, atol=1e-4)


@pytest.mark.parametrize("n_draws", [8, 128])
def test_elbo_is_the_evidence_at_the_exact_posterior(n_draws, exact):
    """Without an error of sampling: log p(x | z) is quadratic in z."""
    model, X, evidence = exact
    bound = model.score_samples(X, n_draws=n_draws)
    np.testing.assert_allclose(bound, evidence, atol=1e-4)


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
    principal = np.linalg.qr(model.components_.T)[0]
    cosines = np.linalg.svd(pca.components_ @ principal, compute_uv=False)
    assert cosines.min() > 0.99


def test_plain_autoencoder_scores_rows_at_their_codes(rng):
    X = rng.normal(size=(30, 6))
    model = make(variational=False).fit(X)
    codes, std = model.posterior(X)
    assert (std == 0).all()
    np.testing.assert_array_equal(codes, model.transform(X))
    expected = stats.norm.logpdf(X, model.inverse_transform(codes), model.scale_)
    np.testing.assert_allclose(model.score_samples(X), expected.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(
        model.reconstruct(X, sample=True), model.reconstruct(X)
    )
    assert (model.history_["kl"] == 0).all()
    assert model.health_["active_units"] == 2
    loss = -model.history_["reconstruction"]
    np.testing.assert_allclose(model.history_["loss"], loss, rtol=1e-6)


def test_plain_autoencoder_has_no_prior_and_no_importance_weights(rng):
    X = rng.normal(size=(30, 6))
    model = make(variational=False).fit(X)
    with pytest.raises(ValueError, match="from_='posterior'"):
        model.sample()
    assert model.sample(4, 0, from_="posterior").shape == (4, 6)
    for call in (
        lambda: model.score_samples(X, bound="importance"),
        lambda: model.effective_sample_size(X),
    ):
        with pytest.raises(ValueError, match="variational=False"):
            call()


# --- denoising -------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_masking_hides_its_share_of_the_values(container, rng):
    rows = container(np.ones((400, 50)))
    hidden = corruption("masking", 0.3)(rows, rng)
    assert set(np.unique(hidden)) == {0, 1}
    # 5 standard errors of 20,000 draws
    assert hidden.mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / 20_000))


def test_noise_has_the_given_deviation(rng):
    rows = rng.normal(size=(400, 50))
    noise = corruption("gaussian", 0.3)(rows, rng) - rows
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(20_000)
    assert noise.std() == pytest.approx(0.3, rel=5 / np.sqrt(40_000))


@pytest.mark.parametrize("corruption", ["masking", "gaussian"])
def test_denoising_explains_intact_rows_from_corrupted_ones(corruption, rng):
    X = sparse.csr_array(rng.poisson(1.0, (30, 6)).astype(float))
    model = make(denoising=0.5, corruption=corruption)
    options = model._training_options(Data(X))
    dataset = RowDataset(Data(X), np.arange(X.shape[0]), options["corrupt"])
    dataset.rng = rng
    (seen, *_), target = dataset.__getitems__([3, 0, 7])
    np.testing.assert_array_equal(target, X[[3, 0, 7]].toarray())
    assert not torch.equal(seen, target)
    np.testing.assert_array_equal(
        model.fit_transform(X), clone(model).fit_transform(X.toarray())
    )


def test_denoising_learns_to_fill_in_what_is_missing():
    """Held-out rows with 4 of 8 values masked, better than by a plain autoencoder."""
    X = low_rank(600)
    train, test = X[:500], X[500:]
    masked = np.where(np.random.default_rng(1).random(test.shape) < 0.5, 0, test)
    params = dict(variational=False, hidden_layer_sizes=(32,), max_epochs=40)
    errors = [
        (
            (make(**params, denoising=d).fit(train).reconstruct(masked) - test) ** 2
        ).mean()
        for d in (0.0, 0.5)
    ]
    assert errors[1] < 0.8 * errors[0]


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
    np.testing.assert_allclose(
        large.score_samples(X * units),
        small.score_samples(X) - np.log(units).sum(),
        rtol=1e-5,
    )


@pytest.mark.slow
def test_a_scale_for_each_feature_finds_their_noise():
    rng = np.random.default_rng(0)
    noise = np.array([0.1, 0.2, 0.4, 0.8] * 3)
    X = rng.normal(size=(2000, 1)) @ np.ones((1, 12)) + noise * rng.normal(
        size=(2000, 12)
    )
    params = dict(hidden_layer_sizes=(), scale="per-feature", lr=0.03, max_epochs=30)
    model = make(n_components=1, **params, batch_size=50).fit(X)
    np.testing.assert_allclose(model.scale_, noise, rtol=0.15)
    assert model.score(X) > make(
        **{**params, "scale": "shared"}, n_components=1, batch_size=50
    ).fit(X).score(X)


def test_moments_are_summed_up_in_blocks(rng):
    X = 1e4 + rng.normal(size=(23, 6)) * [1, 1, 1, 1e-3, 0, 10]
    for container in (np.asarray, np.asfortranarray, sparse.csr_array):
        mean, std, number = feature_moments(container(X), n_values=30)
        assert (number == 23).all()
        np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(std, X.std(axis=0), rtol=1e-9, atol=1e-11)
        for part, dense in zip((mean, std), feature_moments(X, n_values=30)):
            np.testing.assert_array_equal(part, dense)


def test_features_of_very_different_scales_are_no_constants():
    """Standard deviations from 0.003 to 570; only rounding makes constants vary."""
    X = load_breast_cancer().data
    vae = VAETransformer(5, scale="per-feature", max_epochs=10, random_state=0).fit(X)
    standardised = clone(vae).fit((X - X.mean(axis=0)) / X.std(axis=0))
    jacobian = np.log(X.std(axis=0)).sum()
    # The same model but for rounding, which training carries on.
    assert vae.score(X) + jacobian == pytest.approx(
        standardised.history_["reconstruction"].iloc[-1]
        - standardised.history_["kl"].iloc[-1],
        rel=0.1,
    )


def test_constant_features_do_no_harm():
    X = np.hstack([low_rank(100), np.full((100, 3), 5.0)])
    for scale in ("shared", "per-feature"):
        model = make(scale=scale, max_epochs=20).fit(X)
        assert np.isfinite(model.score(X)) and np.all(model.scale_ > 0)
        np.testing.assert_allclose(model.reconstruct(X)[:, 8:], 5, atol=0.5)
    assert np.isfinite(make().fit(np.ones((20, 4))).score(np.ones((20, 4))))


def test_a_given_scale_is_kept(rng):
    X = rng.normal(size=(30, 6))
    assert make(scale=0.25).fit(X).scale_ == 0.25
    given = np.arange(1, 7) / 8
    model = make(scale=given).fit(X)
    np.testing.assert_array_equal(model.scale_, given)
    x_hat = model.reconstruct(X)
    plain = make(scale=given, variational=False).fit(X)
    expected = stats.norm.logpdf(X, plain.reconstruct(X), given).sum(axis=1)
    np.testing.assert_allclose(plain.score_samples(X), expected, rtol=1e-6)
    assert x_hat.shape == X.shape


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, [1.0, 2.0], [1.0] * 5 + [0.0]])
def test_an_impossible_scale_is_an_error(scale, rng):
    with pytest.raises(ValueError, match="'scale' parameter"):
        make(scale=scale).fit(rng.normal(size=(30, 6)))


@pytest.mark.parametrize(
    "likelihood, natural",
    [
        ("bernoulli", lambda m, n: np.log((m * n + 0.5) / ((1 - m) * n + 0.5))),
        ("multinomial", lambda m, n: np.log((m * n + 1) / (m * n + 1).sum())),
    ],
)
def test_the_decoder_starts_from_the_means_of_the_features(likelihood, natural, rng):
    X = LIKELIHOODS[likelihood](rng)
    for center, params in product((True, False), (dict(), OWN)):
        params = dict(params, likelihood=likelihood, center=center, lr=1e-12)
        model = make(**params).fit(X)
        offset = model.net_.module_.decoder.origin.detach().numpy()
        expected = natural(X.mean(axis=0), len(X)) if center else np.zeros(6)
        np.testing.assert_allclose(offset, expected, rtol=1e-5, atol=1e-6)
        encoder = model.net_.module_.encoder
        if not encoder.takes_sparse_rows:  # nor offset
            shift = encoder.preprocess.offset.numpy()
            np.testing.assert_allclose(shift, center * X.mean(axis=0), rtol=1e-6)


BASELINES = {
    "gaussian": lambda X: stats.norm.logpdf(X, X.mean(axis=0), X.std(axis=0)).sum(
        axis=1
    ),
    "bernoulli": lambda X: (
        X * np.log(X.mean(axis=0)) + (1 - X) * np.log(1 - X.mean(axis=0))
    ).sum(axis=1),
    "multinomial": lambda X: X @ np.log(X.sum(axis=0) / X.sum()),
}


@pytest.mark.parametrize("likelihood", BASELINES)
def test_a_fit_worse_than_features_without_codes_is_told(likelihood, rng):
    X = rng.integers(2, size=(200, 6)).astype(float)
    params = dict(likelihood=likelihood, scale="per-feature", random_state=0)
    vae = VAETransformer(2, lr=10.0, max_epochs=5, **params)
    with pytest.warns(ConvergenceWarning, match="bound of .* alone with .*Lower `lr`"):
        vae.fit(X)
    expected = BASELINES[likelihood](X).mean()
    # Frequencies are smoothed by one observation.
    assert vae.health_["bound_without_codes"] == pytest.approx(expected, rel=1e-3)
    held_out = clone(vae).set_params(early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="bound"):
        held_out.fit(X)
    assert held_out.health_["bound_without_codes"] != pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "params",
    [
        dict(likelihood="bernoulli"),
        dict(likelihood="multinomial"),
        dict(),
        dict(scale="per-feature"),
        pytest.param(dict(scale=0.2), marks=pytest.mark.slow),
        dict(denoising=0.7, likelihood="bernoulli"),
        dict(variational=False, max_epochs=5),
        pytest.param(
            dict(kl_weight=0.01, likelihood="bernoulli"), marks=pytest.mark.slow
        ),
        pytest.param(dict(center=False), marks=pytest.mark.slow),
        dict(likelihood="bernoulli", architecture="conv", image_shape=(8, 8)),
    ],
    ids=str,
)
def test_a_good_fit_does_not_warn(params):
    X = load_digits().data[:600] / 16
    VAETransformer(**{"max_epochs": 20, "random_state": 0, **params}).fit(X)


def test_a_scale_that_hides_the_rows_is_told():
    X = low_rank(100) / 100
    with pytest.warns(ConvergenceWarning, match="no latent unit.*scale='shared'"):
        make(scale=1.0, max_epochs=30).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make(max_epochs=30).fit(X).health_["active_units"] == 2


# --- images ----------------------------------------------------------------------


CONV = dict(architecture="conv", channels=(3, 4), hidden_layer_sizes=(5,))


@pytest.mark.parametrize("image_shape", [(7, 6), (1, 5, 9), (2, 4, 4), (3, 1, 8)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_convolutions_map_images_of_any_size_to_codes_and_back(
    image_shape, batch_norm, rng
):
    X = rng.normal(size=(30, int(np.prod(image_shape))))
    model = make(**CONV, image_shape=image_shape, batch_norm=batch_norm).fit(X)
    codes = model.transform(X)
    assert codes.shape == (30, 2)
    assert model.inverse_transform(codes).shape == X.shape
    assert np.isfinite(model.score(X))
    np.testing.assert_allclose(model.transform(X[3:4]), codes[3:4], rtol=1e-9)


def test_biases_that_batch_norm_undoes_are_not_trained(rng):
    """Rounding alone would move them, and their effect on running means with them."""
    params = dict(image_shape=(4, 6), channels=(3, 2), batch_norm=True)
    model = make(architecture="conv", **params).fit(rng.normal(size=(30, 24)))
    module = model.net_.module_
    encoder, decoder = module.encoder.body, module.decoder.body
    hidden = [*encoder.convolutions, *encoder.dense.layers]
    hidden += [*decoder.dense.layers, *decoder.convolutions[:-1]]
    assert len(hidden) == 6 and not any(layer.bias.any() for layer in hidden)
    assert decoder.convolutions[-1].bias.any()


def test_convolution_is_a_correlation_of_the_image_at_every_other_place(rng):
    X = rng.normal(size=(4, 42))
    params = dict(CONV, channels=(1,), center=False, scale=1.0)
    model = make(**params, image_shape=(7, 6)).fit(X)
    encoder = model.net_.module_.double().encoder.body
    layer = encoder.convolutions[0]
    kernel, bias = layer.weight[0, 0].detach().numpy(), layer.bias.item()
    for row in X:
        image = np.pad(row.reshape(7, 6), 1)
        expected = signal.correlate2d(image, kernel, mode="valid")[::2, ::2] + bias
        made = layer(torch.from_numpy(row).reshape(1, 1, 7, 6))[0, 0]
        np.testing.assert_allclose(made.detach(), expected, atol=1e-12)


def test_convolutions_find_where_a_spot_is():
    """Codes of a spot that moves on a line tell its place, and decode to it."""
    n, n_samples = 12, 300
    place = np.random.default_rng(0).uniform(2, n - 3, size=n_samples)
    squares = (np.arange(n)[None] - place[:, None]) ** 2
    X = np.repeat(np.exp(-0.5 * squares)[:, None], n, axis=1).reshape(n_samples, -1)
    params = dict(architecture="conv", channels=(4, 8), hidden_layer_sizes=(16,))
    model = make(**params, image_shape=(n, n), n_components=1, max_epochs=30).fit(X)
    rank = stats.spearmanr(model.transform(X).ravel(), place).statistic
    assert abs(rank) > 0.98
    assert ((model.reconstruct(X) - X) ** 2).mean() < 0.1 * X.var()


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("image_shape", [(4, 4), (2, 2, 2), (6,), (1, 1, 2, 3)])
def test_an_image_of_another_size_is_an_error(image_shape, architecture, rng):
    model = make(architecture=architecture, image_shape=image_shape)
    with pytest.raises(ValueError, match=r"image_shape=.* 6 features.*channels first"):
        model.fit(rng.normal(size=(30, 6)))


def test_convolutions_need_the_shape_of_the_image(rng):
    with pytest.raises(ValueError, match="needs image_shape"):
        make(architecture="conv").fit(rng.normal(size=(30, 6)))


def test_convolutions_need_a_number_of_channels(rng):
    with pytest.raises(ValueError, match="'channels' parameter.*one number or more"):
        make(architecture="conv", image_shape=(2, 3), channels=()).fit(
            rng.normal(size=(30, 6))
        )


def test_blocks_of_inference_know_the_widest_feature_map(rng):
    X = rng.normal(size=(30, 64))
    model = make(architecture="conv", image_shape=(8, 8), channels=(20, 5)).fit(X)
    assert model._inference().width == 20 * 4 * 4


@pytest.mark.parametrize("name", ["image_shape", "channels"])
@pytest.mark.parametrize("sizes", [(0, 3), (2.0, 3), (True, 6), "ab", 0, 2.0])
def test_sizes_are_positive_integers(name, sizes, rng):
    params = {"architecture": "conv", "image_shape": (2, 3), name: sizes}
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        make(**params).fit(rng.normal(size=(30, 6)))


# --- modules of the user's -------------------------------------------------------


def own_encoder(n_features, width=5):
    return torch.nn.Sequential(
        torch.nn.Linear(n_features, width), torch.nn.Tanh(), torch.nn.Dropout(0.2)
    )


class OwnDecoder(torch.nn.Module):
    def __init__(self, n_components, n_features):
        super().__init__()
        self.layer = torch.nn.Linear(n_components, n_features)

    def forward(self, z):
        return self.layer(torch.sin(z))


OWN = dict(encoder=own_encoder, decoder=OwnDecoder)


def test_own_modules_are_used(rng):
    X = rng.normal(size=(30, 6))
    model = make(**OWN, likelihood="gaussian", scale=1.0).fit(X)
    w = {k: v.double().numpy() for k, v in model.net_.module_.state_dict().items()}
    inner = np.tanh(
        (X - X.mean(axis=0)) @ w["encoder.body.module.0.weight"].T
        + w["encoder.body.module.0.bias"]
    )
    codes = inner @ w["encoder.mean.weight"] + w["encoder.mean.bias"]
    np.testing.assert_allclose(model.transform(X), codes, rtol=1e-5, atol=1e-7)
    means = np.sin(codes) @ w["decoder.body.module.layer.weight"].T
    means += w["decoder.body.module.layer.bias"] + X.mean(axis=0)
    np.testing.assert_allclose(model.reconstruct(X), means, rtol=1e-5, atol=1e-6)


def test_own_modules_leave_the_global_generator_alone_and_repeat(rng):
    X = rng.normal(size=(30, 6))
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        results.append(make(**OWN).fit_transform(X))
        assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(*results)
    assert not np.array_equal(results[0], make(**OWN, random_state=1).fit_transform(X))


def test_own_modules_do_not_disturb_each_other_in_threads(rng):
    X = rng.normal(size=(60, 6))
    alone = make(**OWN).fit_transform(X)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: make(**OWN).fit_transform(X), range(4)))
    for codes in together:
        np.testing.assert_array_equal(codes, alone)


def test_own_modules_survive_clone_pickle_and_search(rng):
    X = rng.normal(size=(60, 6))
    model = make(**OWN, max_epochs=4).fit(X)
    np.testing.assert_array_equal(clone(model).fit_transform(X), model.transform(X))

    half = make(**OWN, max_epochs=4).partial_fit(X).partial_fit(X)
    for rest in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), half):
        rest.partial_fit(X).partial_fit(X)
        np.testing.assert_array_equal(rest.transform(X), model.transform(X))

    grid = {
        "encoder": [None, partial(own_encoder, width=3), partial(own_encoder, width=7)],
        "n_components": [1, 2],
    }
    search = GridSearchCV(make(**OWN, max_epochs=1), grid, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "params, error, message",
    [
        (dict(encoder=lambda n: "no module"), TypeError, "torch.nn.Module.*str"),
        (dict(encoder=lambda n: torch.nn.Flatten(0)), ValueError, "rows to rows"),
        (
            dict(decoder=lambda k, n: torch.nn.Linear(k, n + 1)),
            ValueError,
            "6 features, but has 7",
        ),
        (dict(encoder=torch.nn.Linear(6, 3)), TypeError, "not a module itself"),
        (dict(encoder="dense"), ValueError, "'encoder' parameter"),
    ],
)
def test_own_modules_of_the_wrong_kind_are_errors(params, error, message, rng):
    with pytest.raises(error, match=message):
        make(**params).fit(rng.normal(size=(30, 6)))


# --- rows out of codes -----------------------------------------------------------


def test_reconstruction_decodes_the_posterior_mean_or_a_draw(linear):
    X = low_rank()
    mean, std = linear.posterior(X)
    np.testing.assert_array_equal(
        linear.reconstruct(X), linear.inverse_transform(linear.transform(X))
    )
    draws = [linear.reconstruct(X, sample=True, random_state=s) for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    # Through a linear decoder, the variance over draws is W' diag(std^2) W.
    difference = (draws[0] - draws[2]) / np.sqrt(2)
    expected = (std**2).mean(axis=0) @ linear.components_**2
    np.testing.assert_allclose((difference**2).mean(axis=0), expected, rtol=0.35)


def test_interpolation_goes_straight_from_code_to_code(linear):
    X = low_rank()
    path = linear.interpolate(X[0], X[1:2], n_steps=5)
    np.testing.assert_allclose(path[[0, -1]], linear.reconstruct(X[:2]), rtol=1e-9)
    np.testing.assert_allclose(np.diff(path, n=2, axis=0), 0, atol=1e-12)
    middle = linear.inverse_transform(linear.transform(X[:2]).mean(axis=0)[None])
    np.testing.assert_allclose(path[2:3], middle, rtol=1e-9)


def test_interpolation_takes_two_single_rows(linear):
    X = low_rank()
    for rows in (X[:2], X[None, :1], X[0, :5]):
        with pytest.raises(ValueError, match="single rows|8 features"):
            linear.interpolate(rows, X[0])
    with pytest.raises(ValueError, match="n_steps"):
        linear.interpolate(X[0], X[1], n_steps=1)


def test_interpolation_takes_rows_of_a_data_frame():
    X = pd.DataFrame(low_rank(60)).rename(columns=str)
    model = make().fit(X)
    path = model.interpolate(X.iloc[[0]], X.iloc[[1]])
    assert path.shape == (10, 8)


def test_samples_follow_the_prior_or_the_codes_of_the_data():
    """A heavy KL weight aside, beta = 0 leaves codes far from the prior."""
    X = low_rank()
    model = make(kl_weight=0.0, hidden_layer_sizes=(), max_epochs=20, lr=0.03).fit(X)
    rows = model.sample(4000, random_state=0, from_="posterior", mean=True)
    origin = model.inverse_transform(np.zeros((1, 2)))
    codes = (rows - origin) @ np.linalg.pinv(model.components_)
    covariance = model.latent_covariance_
    variance = np.diag(covariance)
    # Within 4 standard errors of the moments of normal draws.
    error = np.sqrt(variance / 4000)
    assert (abs(codes.mean(axis=0) - model.latent_mean_) < 4 * error).all()
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / 4000)
    assert (abs(np.cov(codes.T) - covariance) < 4 * error).all()
    mean, std = model.posterior(X)
    expected = np.cov(mean.T, bias=True) + np.diag((std**2).mean(axis=0))
    np.testing.assert_allclose(model.latent_covariance_, expected, rtol=1e-9)

    prior = model.sample(4000, random_state=0, mean=True)
    assert not np.allclose(np.cov(prior.T), np.cov(rows.T), rtol=0.2)


@each_likelihood
def test_means_of_samples_are_what_samples_scatter_about(likelihood, rng):
    model = make(likelihood=likelihood).fit(LIKELIHOODS[likelihood](rng))
    for from_ in ("prior", "posterior"):
        means = model.sample(3, random_state=0, from_=from_, mean=True)
        assert isinstance(means, np.ndarray) and means.shape == (3, 6)
        rows = model.sample(3, random_state=0, from_=from_)
        assert rows.shape == (3, 6)
    with pytest.raises(ValueError, match="'prior' or 'posterior'"):
        model.sample(3, from_="data")


def test_one_component_has_a_covariance_too(rng):
    model = make(n_components=1).fit(rng.normal(size=(30, 6)))
    assert model.latent_covariance_.shape == (1, 1)
    assert model.sample(2, 0, from_="posterior").shape == (2, 6)


# --- components ------------------------------------------------------------------


def test_components_are_those_of_a_linear_decoder(linear):
    steps = linear.inverse_transform(np.vstack([np.zeros(2), np.eye(2)]))
    np.testing.assert_allclose(linear.components_, steps[1:] - steps[0], rtol=1e-5)
    linear.components_[:] = 0  # a copy
    assert linear.components_.any()


@pytest.mark.parametrize("params", [dict(), dict(CONV, image_shape=(2, 3)), OWN])
def test_other_decoders_have_no_components(params, rng):
    model = make(**params)
    assert not hasattr(model, "components_")  # not fitted
    model.fit(rng.normal(size=(30, 6)))
    with pytest.raises(AttributeError, match="its decoder is not linear.*hidden_lay"):
        _ = model.components_


# --- with the rest of scikit-learn -----------------------------------------------


def test_pipelines_search_and_data_frames():
    X, y = load_digits(return_X_y=True)
    X, y = X[:400], y[:400]
    params = dict(n_components=8, lr=0.01, max_epochs=30)
    steps = [MinMaxScaler(), make(**params, likelihood="bernoulli")]
    clusters = make_pipeline(*steps, KMeans(10, n_init=3, random_state=0))
    assert adjusted_rand_score(y, clusters.fit_predict(X)) > 0.3
    classifier = make_pipeline(StandardScaler(), make(**params), LogisticRegression())
    assert classifier.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.7
    frame = steps[1].set_output(transform="pandas").fit_transform(X / 16)
    assert list(frame.columns) == [f"vaetransformer{i}" for i in range(8)]


@pytest.mark.slow
def test_grid_search_finds_the_number_of_directions_and_the_likelihood():
    """Rows near a plane, clipped to [0, 1] so that both likelihoods take them."""
    X = np.clip(low_rank(600) / 20 + 0.5, 0, 1)
    grid = {"n_components": [1, 2], "likelihood": ["gaussian", "bernoulli"]}
    search = GridSearchCV(make(max_epochs=10), grid, cv=2).fit(X)
    results = pd.DataFrame(search.cv_results_)
    assert np.isfinite(results["mean_test_score"]).all()
    assert search.best_params_ == {"n_components": 2, "likelihood": "gaussian"}


@pytest.mark.parametrize("rate", [1, 1.5])
def test_all_values_cannot_be_masked(rate, rng):
    with pytest.raises(ValueError, match="'denoising' parameter.*share"):
        make(denoising=rate).fit(rng.normal(size=(30, 6)))
    make(denoising=rate, corruption="gaussian").fit(rng.normal(size=(30, 6)))


@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True}, {"kl_weight": 0.5}, {"dropout": 0.2}],
    ids=lambda params: " ".join(params) or "default",
)
def test_training_by_several_draws(params, rng):
    X = (rng.random((60, 6)) < 0.4).astype(float)
    X[::7, 2] = np.nan
    given = {"covariates": np.arange(60) % 2, "embeddings": X[:, :1]}
    params = {"likelihood": "bernoulli", "n_importance": 4, **params}
    models = [make(**params).fit(X, **given) for _ in range(2)]
    codes = [model.transform(X, **given) for model in models]
    np.testing.assert_array_equal(*codes)
    single = make(**{**params, "n_importance": 1}).fit(X, **given)
    assert not np.allclose(single.transform(X, **given), codes[0])
    again = through_file(models[0]).partial_fit(X, **given)
    expected = models[0].partial_fit(X, **given).transform(X, **given)
    np.testing.assert_array_equal(again.transform(X, **given), expected)


def test_points_have_no_importance_weights(rng):
    with pytest.raises(ValueError, match="'n_importance' parameter .* must be 1"):
        make(variational=False, n_importance=2).fit(rng.random((9, 3)))


def test_several_draws_narrow_the_gap_of_a_poor_encoder():
    """Codes whose posterior has two modes, which no normal distribution has."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 1))
    X = np.hstack([z**2, np.abs(z)]) + 0.1 * rng.normal(size=(600, 2))
    params = dict(n_components=1, hidden_layer_sizes=(20,), random_state=0)
    bounds = [
        VAETransformer(n_importance=n, **params)
        .fit(X)
        .score_samples(X, bound="importance", n_draws=512)
        .mean()
        for n in (1, 10)
    ]
    assert bounds[1] > bounds[0]


@pytest.mark.parametrize(
    "n_samples, passes, batch", [(100, 50, 64), (8192, 35, 128), (16_384, 25, 256)]
)
def test_many_rows_have_fewer_passes_in_larger_batches(n_samples, passes, batch):
    X = np.random.default_rng(0).normal(size=(n_samples, 2))
    model = VAETransformer(1, hidden_layer_sizes=(2,), random_state=0).fit(X)
    assert (model.n_iter_, model.net_.batch_size) == (passes, batch)
    assert model.max_epochs == model.batch_size == "auto"
    model.partial_fit(X)
    assert model.n_iter_ == passes + 1
    given = clone(model).set_params(max_epochs=2, batch_size=50).fit(X)
    assert (given.n_iter_, given.net_.batch_size) == (2, 50)
    again = through_file(model)
    assert again.max_epochs == again.batch_size == "auto"
