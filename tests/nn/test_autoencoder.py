"""Encoders and whole networks: gradients, noise, weights."""

import math

import numpy as np
import pytest
import torch
from helpers import seeded
from torch import nn
from torch.func import functional_call

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.nn.autoencoder import (
    GaussianEncoder,
    ScaledCounts,
    diagonal_normal,
    reparameterise,
)
from skvae.nn.layers import MLP
from skvae.nn.objective import elbo
from skvae.training.data import Data

N_FEATURES = 6

# tanh: finite differences across the kink of relu would not be derivatives.
SMALL = dict(hidden_layer_sizes=(3,), activation="tanh")

MODELS = {
    "NVDM": NVDMTopicModel(2, **SMALL, dropout=0.3),
    "GSM": GSMTopicModel(2, **SMALL, embedding_size=3),
    "GSB": GSMTopicModel(3, **SMALL, topic_construction="stick-breaking"),
    "RSB": GSMTopicModel(3, **SMALL, topic_construction="recurrent"),
    "ProdLDA": ProdLDATopicModel(2, **SMALL, dropout=0.3),
    "VAE gaussian": VAETransformer(2, **SMALL, likelihood="gaussian"),
    "VAE bernoulli": VAETransformer(2, **SMALL, likelihood="bernoulli", dropout=0.3),
    "VAE multinomial": VAETransformer(2, **SMALL, likelihood="multinomial"),
    "VAE without batch norm": VAETransformer(2, **SMALL, batch_norm=False),
    "VAE of many scales": VAETransformer(2, **SMALL, scale="per-feature"),
    "plain autoencoder": VAETransformer(2, **SMALL, variational=False),
    "convolutional VAE": VAETransformer(
        2, **SMALL, architecture="conv", channels=(2, 2), image_shape=(2, 3)
    ),
}


def build(model, seed=0):
    data = Data(np.zeros((1, N_FEATURES)))
    config = model._config(data)
    if model.dropout == "auto":
        config["dropout"] = 0.0
    return model._build_module(config, seeded(seed))


@pytest.fixture
def counts(rng):
    return torch.from_numpy(rng.poisson(0.4, (4, N_FEATURES))).double()


@pytest.mark.parametrize(
    "training",
    # With the statistics of the batch, or with those of before.
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["training", "eval"],
)
@pytest.mark.parametrize("name", MODELS)
def test_gradient_of_the_bound_is_its_derivative(name, training, counts):
    """Central differences in double precision, with the noise held fixed."""
    module = build(MODELS[name]).double().train(training)
    x = counts.clamp(max=1)  # also fit for Bernoulli
    # Away from the initial weights, some of which are zero or at a symmetric point.
    noise = seeded(1)
    free = {
        key: (p + 0.3 * torch.randn(p.shape, generator=noise)).detach().requires_grad_()
        for key, p in module.named_parameters()
        if p.requires_grad
    }

    def negative_bound(*values):
        given = dict(zip(free, values, strict=True))
        output = functional_call(module, given, (x, seeded(2)))
        return -elbo(x, *output).bound

    assert torch.autograd.gradcheck(negative_bound, tuple(free.values()))


def standard_noise(mean, std, seed=0):
    draws = reparameterise(diagonal_normal(mean, std), seeded(seed))
    return ((draws - mean) / std).numpy()


def test_noise_is_standard_normal_and_independent():
    """Tolerances: 5 standard errors each, so a right build fails 1 time in 10^5."""
    n = 100_000
    mean = torch.linspace(-3, 3, n)[:, None].repeat(1, 2).double()
    # Deviations far from 1 on both sides tell the deviation from the variance.
    noise = standard_noise(mean, torch.tensor([0.1, 5.0]).double().expand(n, 2))
    assert np.abs(noise.mean(axis=0)).max() < 5 / math.sqrt(n)
    assert np.abs(noise.std(axis=0) - 1).max() < 5 / math.sqrt(2 * n)
    # A normal distribution has no skewness and a kurtosis of 3.
    assert np.abs((noise**3).mean(axis=0)).max() < 5 * math.sqrt(15 / n)
    assert np.abs((noise**4).mean(axis=0) - 3).max() < 5 * math.sqrt(96 / n)
    columns = (noise[:, 0] * noise[:, 1]).mean()
    rows = (noise[1:] * noise[:-1]).mean(axis=0)
    assert np.abs([columns, *rows]).max() < 5 / math.sqrt(n - 1)


def test_draws_are_differentiable_in_mean_and_deviation():
    mean, std = torch.zeros(5, 2, requires_grad=True), torch.ones(5, 2)
    std.requires_grad_()
    draws = reparameterise(diagonal_normal(mean, std), seeded())
    by_mean, by_std = torch.autograd.grad(draws.sum(), (mean, std))
    assert torch.equal(by_mean, torch.ones(5, 2))
    torch.testing.assert_close(by_std, draws.detach())  # here a draw is the noise


def test_noise_comes_from_the_given_generator():
    mean, std = torch.zeros(4, 2), torch.ones(4, 2)
    assert np.array_equal(standard_noise(mean, std, 1), standard_noise(mean, std, 1))
    assert not np.array_equal(
        standard_noise(mean, std, 1), standard_noise(mean, std, 2)
    )


@pytest.mark.parametrize("name", MODELS)
def test_one_generator_seed_gives_one_set_of_weights(name):
    first, again, other = (
        torch.cat([p.flatten() for p in build(MODELS[name], seed).parameters()])
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("name", MODELS)
def test_the_global_generator_is_left_alone(name, counts):
    before = torch.get_rng_state()
    module = build(MODELS[name]).double()
    module.train()(counts, seeded())
    module.eval()(counts, seeded())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_depends_on_the_noise_of_the_draw_only(name, counts):
    """No dropout and no batch statistics: the posterior of a row is its own."""
    encoder = build(MODELS[name]).double().eval().encoder
    together = encoder(counts, seeded(0))
    for row in range(len(counts)):
        alone = encoder(counts[row : row + 1], seeded(1))
        torch.testing.assert_close(alone.mean[0], together.mean[row])
        torch.testing.assert_close(alone.stddev[0], together.stddev[row])


@pytest.mark.parametrize("name", MODELS)
def test_output_parts_have_one_entry_a_row(name, counts):
    posterior, likelihood, prior, z = build(MODELS[name]).double()(counts, seeded())
    assert posterior.batch_shape == likelihood.batch_shape == (len(counts),)
    n_components = MODELS[name].n_components
    assert posterior.event_shape == (n_components,)
    assert likelihood.event_shape == (N_FEATURES,)
    if name == "plain autoencoder":
        assert prior is None
    else:
        assert prior.event_shape == (n_components,) and prior.batch_shape == ()
    assert z.shape == (len(counts), n_components)


def test_scaled_counts_have_unit_length_beside_the_log_number_of_tokens(rng):
    counts = torch.from_numpy(rng.poisson(2, (5, 4))).double() + torch.eye(5, 4)
    out = ScaledCounts()(counts)
    assert out.shape == (5, 4 + ScaledCounts.n_extra_features)
    torch.testing.assert_close(out[:, :-1].norm(dim=1), torch.ones(5).double())
    torch.testing.assert_close(out[:, -1], (1 + counts.sum(1)).log())
    powers = counts**0.75
    cosine = nn.functional.cosine_similarity(out[:, :-1], powers)
    torch.testing.assert_close(cosine, torch.ones(5).double())


def test_scaled_counts_of_an_empty_document_are_zeros():
    assert torch.equal(ScaledCounts()(torch.zeros(2, 4)), torch.zeros(2, 5))


@pytest.mark.parametrize("size", [0.0, 1e6, 1e30, -1e30])
@pytest.mark.parametrize("preprocess", [None, ScaledCounts()])
def test_posterior_variance_stays_positive_and_finite(size, preprocess):
    x = torch.full((2, 4), abs(size) if preprocess else size)
    body = MLP(4 + (preprocess is not None), (), "relu", 0.0, seeded())
    encoder = GaussianEncoder(body, 2, seeded(), preprocess=preprocess).eval()
    for sign in (-1, 1):
        nn.init.constant_(encoder.log_variance.weight, 100.0 * sign)
        std = encoder(x).stddev
        assert std.isfinite().all() and (std > 0).all()
