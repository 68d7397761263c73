"""Codes, bounds and draws of fitted models, against numpy alone."""

import copy

import numpy as np
import pytest
import torch
from helpers import MODELS, each_model, weights
from helpers import make_tanh as make
from scipy import sparse
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.models.inference import own_noise

# --- inference, against an independent forward pass -----------------------------


class Reference:
    """A fitted model in numpy, double precision, from its weights alone.

    With covariates as networks see them, if there are any.
    """

    def __init__(self, model, covariates=None):
        self.model = model
        self.covariates = covariates
        self.module = copy.deepcopy(model.net_.module_).double().eval()
        self.w = {key: w.astype(float) for key, w in weights(model).items()}

    def dense(self, name, x):
        return x @ self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def hidden(self, name, x):
        """The first hidden layer, with batch norm where there is one."""
        x = self.dense(f"{name}.layers.0", x)
        norm = f"{name}.norms.0"
        if f"{norm}.scale" in self.w:
            x = x - self.w[f"{norm}.running_mean"]
            x /= np.sqrt(self.w[f"{norm}.running_var"] + 1e-5)
            x = x * self.w[f"{norm}.scale"] + self.w[f"{norm}.offset"]
        return np.tanh(x)

    def hidden_and_seen(self, name, x):
        """What heads of a linear path see besides: the input, by its width."""
        hidden = self.hidden(name, x)
        if isinstance(self.model, VAETransformer) and self.covariates is None:
            hidden = np.concatenate([hidden, x / x.shape[-1]], axis=-1)
        return hidden

    def beside(self, x):
        if self.covariates is None:
            return x
        shape = (*x.shape[:-1], self.covariates.shape[-1])
        return np.concatenate([x, np.broadcast_to(self.covariates, shape)], axis=-1)

    def encode(self, X):
        if self.module.encoder.preprocess is not None:  # tested by itself
            X = self.module.encoder.preprocess(torch.from_numpy(X)).numpy()
        hidden = self.hidden_and_seen("encoder.body", self.beside(X))
        mean = self.dense("encoder.mean", hidden)
        if "encoder.standardise.running_mean" in self.w:
            mean -= self.w["encoder.standardise.running_mean"]
            variance = self.w["encoder.standardise.running_var"]
            mean /= np.sqrt(variance + self.module.encoder.standardise.eps)
        log_variance = self.dense("encoder.log_variance", hidden)
        return mean, np.exp(0.5 * np.clip(log_variance, -10, 10))

    def link(self, z):
        if isinstance(self.model, GSMTopicModel):
            return softmax(self.dense("link.linear", z), axis=-1)
        if isinstance(self.model, ProdLDATopicModel):
            return softmax(self.w["link.sharpness"] * z, axis=-1)
        return z

    def logits(self, codes):
        """Of words, up to a constant of each row."""
        if isinstance(self.model, NVDMTopicModel):
            return self.dense("decoder.output", codes)
        if isinstance(self.model, GSMTopicModel):
            topics = self.w["decoder.topic_embeddings"]
            logits = topics @ self.w["decoder.word_embeddings"].T
            logits += self.w["decoder.background"]
            return np.log(codes @ softmax(logits, axis=1))
        logits = codes @ self.w["decoder.topics"]
        logits -= self.w["decoder.standardise.running_mean"]
        logits /= np.sqrt(self.w["decoder.standardise.running_var"] + 1e-5)
        if len(self.w["decoder.topics"]) == 1:  # alike for all documents
            logits = 0 * logits
        logits *= self.w["decoder.standardise.scale"]
        return logits + self.w["decoder.standardise.offset"]

    def decode(self, codes):
        """Log-probabilities of words, or means."""
        if isinstance(self.model, VAETransformer):
            hidden = self.hidden_and_seen("decoder.body", self.beside(codes))
            output = self.dense("decoder.body.output", hidden)
            return self.w["decoder.output.unit"] * output
        logits = self.logits(codes)
        if self.covariates is not None:
            logits = logits + self.covariates @ self.w["decoder.covariate_components"]
        return log_softmax(logits, axis=-1)

    def log_likelihood(self, X, z):
        """log p(x | z); z has shape (..., n_samples, n_components)."""
        out = self.decode(self.link(z))
        if isinstance(self.model, VAETransformer):
            scale = np.exp(self.w["decoder.output.log_scale"])
            scale *= self.w["decoder.output.unit"]
            return norm.logpdf(X, out, scale).sum(-1)
        return (X * out).sum(-1)

    def prior(self):
        return self.w["prior.mean"], np.exp(self.w["prior.log_std"])

    def bound_of_draws(self, X, n_draws, rng):
        """One-draw estimates of the ELBO, with log q - log p for the KL term."""
        mean, std = self.encode(X)
        z = mean + std * rng.standard_normal((n_draws, *mean.shape))
        log_q = norm.logpdf(z, mean, std).sum(-1)
        log_p = norm.logpdf(z, *self.prior()).sum(-1)
        return self.log_likelihood(X, z) + log_p - log_q


@each_model
def test_transform_posterior_and_inverse_agree_with_numpy(cls, X, fitted):
    model, reference = fitted[cls], Reference(fitted[cls])
    mean, std = reference.encode(X)
    codes = reference.link(mean)
    close = dict(rtol=1e-10, atol=1e-12)
    # Sums over words are taken in single precision.
    sums = close if cls is VAETransformer else dict(rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.transform(X), codes, **sums)
    for ours, theirs in zip(model.posterior(X), (mean, std), strict=True):
        np.testing.assert_allclose(ours, theirs, **sums)
    decoded = reference.decode(codes)
    if cls is not VAETransformer:
        decoded = np.exp(decoded)
    np.testing.assert_allclose(model.inverse_transform(codes), decoded, **close)


@each_model
def test_score_samples_is_the_bound_of_many_random_draws(cls, X, fitted):
    draws = Reference(fitted[cls]).bound_of_draws(X, 4000, np.random.default_rng(0))
    bounds = fitted[cls].score_samples(X)
    # 32 quasi-random draws are at least as good as 32 random ones.
    error = np.sqrt(draws.var(axis=0) * (1 / 4000 + 1 / 32))
    assert (np.abs(bounds - draws.mean(axis=0)) < 4 * error + 1e-9).all()


@pytest.mark.parametrize("kind", ["labels", "numbers"])
@each_model
def test_bound_given_covariates_is_that_of_the_same_draws(cls, kind, X):
    if kind == "labels":
        given = np.arange(len(X)) % 3
        seen = np.eye(3)[given]
    else:
        given = np.random.default_rng(1).normal(size=(len(X), 2))
        seen = (given - given.mean(axis=0)) / given.std(axis=0)
    model = make(cls).fit(X, covariates=given)
    reference = Reference(model, seen)
    mean, std = reference.encode(X)
    z = mean + std * own_noise(torch.from_numpy(mean), 32).numpy()
    prior_mean, prior_std = reference.prior()
    variance = (std / prior_std) ** 2
    kl = (variance + ((mean - prior_mean) / prior_std) ** 2 - 1 - np.log(variance)) / 2
    expected = reference.log_likelihood(X, z).mean(axis=0) - kl.sum(axis=-1)
    bounds = model.score_samples(X, covariates=given)
    np.testing.assert_allclose(bounds, expected, rtol=1e-5)
    if cls is not VAETransformer:
        assert np.abs(seen @ reference.w["decoder.covariate_components"]).max() > 0.01
        of_sparse = model.score_samples(sparse.csr_array(X), covariates=given)
        np.testing.assert_allclose(of_sparse, expected, rtol=1e-5)


@pytest.fixture(scope="module", params=MODELS)
def of_one(request, X):
    """A model of one component, and logarithms of p(x, z) dz, q(z | x) dz and p(x),
    by quadrature over z.
    """
    model = make(request.param, n_components=1, max_epochs=10).fit(X)
    reference = Reference(model)
    mean, std = reference.encode(X)
    z = mean + std * np.linspace(-12, 12, 6001)[:, None, None]
    log_dz = np.log(z[1] - z[0])[:, 0]
    log_prior = norm.logpdf(z, *reference.prior())[..., 0]
    log_joint = log_prior + reference.log_likelihood(X, z) + log_dz
    log_q = norm.logpdf(z, mean, std)[..., 0] + log_dz
    return model, log_joint, log_q, logsumexp(log_joint, axis=0)


def test_bound_falls_short_of_the_evidence_by_the_divergence(of_one, X):
    """From q(z | x) to p(z | x)."""
    model, log_joint, log_q, evidence = of_one
    divergence = (np.exp(log_q) * (log_q - log_joint + evidence)).sum(axis=0)
    bounds = model.score_samples(X)
    # 32 Sobol draws in one dimension; measured, they are off by less than 0.01.
    assert (bounds <= evidence + 0.02).all()
    np.testing.assert_allclose(evidence - bounds, divergence, atol=0.02)


def test_importance_weighted_bound_tends_to_the_evidence(of_one, X):
    model, log_joint, log_q, evidence = of_one
    bounds = [model.score_samples(X)] + [
        model.score_samples(X, bound="importance", n_draws=n) for n in (2**8, 2**12)
    ]
    # Rows of heavy-tailed weights are off by up to 0.03, measured; most by 0.001.
    np.testing.assert_allclose(bounds[-1], evidence, atol=0.05)
    assert np.median(np.abs(bounds[-1] - evidence)) < 0.002
    assert bounds[0].mean() < bounds[1].mean()
    share = model.effective_sample_size(X, n_draws=2**12) / 2**12
    limit = np.exp(2 * evidence - logsumexp(2 * log_joint - log_q, axis=0))
    light = limit > 0.7  # of heavy tails even 4096 draws are a small sample
    assert light.sum() > 10
    np.testing.assert_allclose(share[light], limit[light], atol=0.02)


@each_model
def test_number_of_draws_may_be_any_integer(cls, X, fitted):
    model = fitted[cls]
    ours = model.score_samples(X, n_draws=np.int64(20))
    np.testing.assert_array_equal(ours, model.score_samples(X, n_draws=20))
    np.testing.assert_allclose(model.effective_sample_size(X, n_draws=1), 1)


def means(n_rows, n_components):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(n_rows, n_components)))


@pytest.mark.parametrize("n_draws", [9, 32, 100])
def test_draws_of_the_bound_have_the_moments_of_the_normal_distribution(n_draws):
    noise = own_noise(means(5, 3), n_draws).numpy()
    assert noise.shape == (n_draws, 5, 3)
    for row in noise.swapaxes(0, 1):
        np.testing.assert_allclose(row.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.cov(row.T, bias=True), np.eye(3), atol=1e-12)


def test_draws_of_a_row_are_its_own():
    """Whatever the other rows; and their errors average out over many rows."""
    mean = means(2000, 10)
    noise = own_noise(mean, 16)
    assert torch.equal(own_noise(mean[7:8], 16)[:, 0], noise[:, 7])
    # As normal draws in each dimension.
    np.testing.assert_allclose(noise.mean((0, 1)), 0, atol=0.01)
    np.testing.assert_allclose(noise.square().mean((0, 1)), 1, atol=0.05)
    # E exp(u . noise / 2) is exp(1 / 8) for any direction u.
    u = np.random.default_rng(1).normal(size=10)
    values = np.exp(noise.numpy() @ u / np.linalg.norm(u) / 2)
    errors = values.mean(axis=0) - np.exp(1 / 8)
    assert errors.std() > 0.02
    assert abs(errors.mean()) < 4 * errors.std() / len(errors) ** 0.5


def test_draws_of_more_components_than_sobol_points_have():
    n_components = 2**15
    small = dict(hidden_layer_sizes=1, max_epochs=1, random_state=0)
    model = NVDMTopicModel(n_components, **small).fit([[1, 0], [0, 2], [3, 3]])
    assert np.isfinite(model.perplexity([[1, 2]]))
    noise = own_noise(means(3, n_components), 16)
    assert torch.equal(own_noise(means(3, n_components), 16), noise)
    np.testing.assert_allclose(noise.mean((0, 2)), 0, atol=0.01)
    np.testing.assert_allclose(noise.square().mean((0, 2)), 1, atol=0.05)


def test_draws_change_little_where_a_mean_does():
    """Also those at the end of the line: no row depends on how its sums round."""
    mean = means(2000, 10)
    change = (own_noise(mean + 1e-5, 16) - own_noise(mean, 16)).abs()
    assert 0 < change.median() < 1e-3
    assert change.max() < 3  # at the ends of the tails; a leap is from one to the other


@each_model
def test_samples_have_the_mean_of_the_model(cls, fitted, rng):
    model = copy.deepcopy(fitted[cls])
    if cls is not VAETransformer:  # whose prior is not learnt
        with torch.no_grad():
            model.net_.module_.prior.mean.copy_(torch.tensor([1.0, -1.0, 2.0]))
            model.net_.module_.prior.log_std.fill_(-0.5)
    reference = Reference(model)
    rows = model.sample(4000, random_state=0)
    observed = np.asarray(rows.mean(axis=0)).ravel()
    spread = rows.toarray().std(0) if sparse.issparse(rows) else rows.std(axis=0)
    mean, std = reference.prior()
    decoded = reference.decode(reference.link(mean + std * rng.normal(size=(20000, 3))))
    if cls is VAETransformer:
        expected = decoded.mean(axis=0)
    else:
        expected = model.mean_length_ * np.exp(decoded).mean(axis=0)
    # 5 standard errors of the 4000 draws; those of the 20000 are smaller.
    assert (np.abs(observed - expected) < 5 * spread / np.sqrt(4000)).all()


@each_model
def test_memory_of_scoring_is_bounded(cls, monkeypatch, X):
    """No tensor outgrows a block, however wide the hidden layer of a narrow table."""
    model = make(cls, hidden_layer_sizes=(64,), max_epochs=1).fit(X)
    sizes = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                sizes.append(result.numel())
            return result

    many = np.vstack([X] * 10)
    with Watch():
        model.score(many)
        assert max(sizes) > 4096  # in one large block
        codes = model.transform(many)
        sizes.clear()
        monkeypatch.setattr("skvae.models.inference.BLOCK_SIZE", 4096)
        model.score(many)
        assert max(sizes) <= 4096
        np.testing.assert_allclose(model.transform(many), codes)
