"""The evidence lower bound, against closed formulas and exact inference."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Normal, kl_divergence

from skvae.nn.autoencoder import diagonal_normal
from skvae.nn.objective import NegativeELBO, elbo


def random_normal(rng, *shape):
    mean = torch.from_numpy(rng.normal(size=shape))
    std = torch.from_numpy(rng.uniform(0.2, 3.0, size=shape))
    return diagonal_normal(mean, std)


@pytest.fixture
def terms(rng):
    """Rows, posterior, likelihood and prior of a model with 3 latent components."""
    x = torch.from_numpy(rng.normal(size=(7, 5)))
    return x, random_normal(rng, 7, 3), random_normal(rng, 7, 5), random_normal(rng, 3)


def test_kl_agrees_with_torch_and_with_the_closed_formula(terms):
    x, q, likelihood, p = terms
    kl = elbo(x, q, likelihood, p).kl
    by_component = kl_divergence(Normal(q.mean, q.stddev), Normal(p.mean, p.stddev))
    torch.testing.assert_close(kl, by_component.sum(-1), rtol=1e-12, atol=0)
    mean_q, std_q, mean_p, std_p = (
        a.numpy() for a in (q.mean, q.stddev, p.mean, p.stddev)
    )
    formula = (
        np.log(std_p / std_q)
        + (std_q**2 + (mean_q - mean_p) ** 2) / (2 * std_p**2)
        - 1 / 2
    ).sum(axis=1)
    np.testing.assert_allclose(kl, formula, rtol=1e-12)


def test_kl_is_zero_at_the_prior_and_positive_elsewhere(terms):
    x, q, likelihood, p = terms
    assert (elbo(x, q, likelihood, p).kl > 0).all()
    at_prior = diagonal_normal(p.mean.expand(7, 3), p.stddev.expand(7, 3))
    np.testing.assert_allclose(elbo(x, at_prior, likelihood, p).kl, 0, atol=1e-15)


def test_reconstruction_sums_the_log_density_of_the_features(terms):
    x, q, likelihood, p = terms
    density = Normal(likelihood.mean, likelihood.stddev).log_prob(x)
    reconstruction = elbo(x, q, likelihood, p).reconstruction
    np.testing.assert_allclose(reconstruction, density.sum(-1), rtol=1e-12)


@pytest.mark.parametrize("kl_weight", [0.0, 0.3, 1.0, 4.0])
def test_kl_weight_multiplies_the_kl_term_only(terms, kl_weight):
    bound, reconstruction, kl = elbo(*terms, kl_weight=kl_weight)
    np.testing.assert_allclose(bound, reconstruction - kl_weight * kl, rtol=1e-12)
    unweighted = elbo(*terms)
    assert torch.equal(reconstruction, unweighted.reconstruction)
    assert torch.equal(kl, unweighted.kl)


def expected_bound(x, mean, std):
    """E_q of the ELBO of z ~ N(0, 1), x | z ~ N(z, 1), exact by Gauss-Hermite.

    The integrand is a polynomial of degree 2 in z, so few nodes are exact.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    weights = torch.from_numpy(weights / weights.sum())[:, None]
    z = mean + std * torch.from_numpy(nodes)[:, None]  # (draws, batch)
    posterior = diagonal_normal(mean[:, None], std[:, None])
    prior = diagonal_normal(torch.zeros(1).double(), torch.ones(1).double())
    likelihood = diagonal_normal(z[..., None], torch.ones_like(z)[..., None])
    return (weights * elbo(x[:, None], posterior, likelihood, prior).bound).sum(0)


def test_elbo_equals_the_evidence_at_the_exact_posterior_only():
    """z ~ N(0, 1) and x | z ~ N(z, 1) make x ~ N(0, 2) and z | x ~ N(x / 2, 1 / 2)."""
    x = torch.linspace(-4, 4, 9).double()
    evidence = Normal(0 * x, math.sqrt(2) + 0 * x).log_prob(x)  # doubles
    half = torch.full_like(x, math.sqrt(0.5))
    torch.testing.assert_close(expected_bound(x, x / 2, half), evidence)
    for mean, std in [(x / 2, half * 1.3), (x / 2 + 0.4, half), (0 * x, half * 0.2)]:
        bound = expected_bound(x, mean, std)
        # The gap is KL(q || exact posterior), nothing else.
        gap = kl_divergence(Normal(mean, std), Normal(x / 2, half))
        assert (bound < evidence).all()
        torch.testing.assert_close(evidence - bound, gap)


@pytest.mark.parametrize("kl_weight", [0.5, 1.0])
def test_several_draws_make_the_importance_weighted_bound(kl_weight):
    rng = np.random.default_rng(0)
    x, mean, z = (
        rng.normal(size=(4, 2)),
        rng.normal(size=(4, 2)),
        rng.normal(size=(3, 4, 2)),
    )
    std = np.exp(rng.normal(size=(4, 2)))
    expected = []
    for row in range(4):
        weights = 0.0
        for draw in range(3):
            given = stats.norm.logpdf(x[row], z[draw, row], 1).sum()
            prior = stats.norm.logpdf(z[draw, row], 0, 1).sum()
            q = stats.norm.logpdf(z[draw, row], mean[row], std[row]).sum()
            weights += np.exp(given + kl_weight * (prior - q)) / 3
        expected.append(np.log(weights))
    tensors = [torch.from_numpy(part) for part in (x, mean, std, z)]
    x, posterior, z = tensors[0], diagonal_normal(*tensors[1:3]), tensors[3]
    prior = diagonal_normal(torch.zeros(2).double(), torch.ones(2).double())
    terms = x, posterior, diagonal_normal(z, torch.ones_like(z)), prior
    found = elbo(*terms, z, kl_weight=kl_weight)
    np.testing.assert_allclose(found.bound, expected)
    loss, reconstruction, _ = NegativeELBO(kl_weight).eval()((*terms[1:], z), x)
    torch.testing.assert_close(loss, -found.bound.mean())
    torch.testing.assert_close(reconstruction, found.reconstruction.mean())
    # Of one draw without an axis of its own the KL term is exact.
    one = x, posterior, diagonal_normal(z[0], torch.ones_like(z[0])), prior
    assert torch.equal(elbo(*one, z[0]).bound, elbo(*one).bound)


def test_criterion_is_the_mean_negative_bound_of_the_batch(terms):
    x, *output = terms
    loss, reconstruction, kl = NegativeELBO()(output, x)
    expected = elbo(x, *output)
    assert loss.shape == reconstruction.shape == kl.shape == ()
    torch.testing.assert_close(loss, -expected.bound.mean())
    torch.testing.assert_close(reconstruction, expected.reconstruction.mean())
    torch.testing.assert_close(kl, expected.kl.mean())
    torch.testing.assert_close(loss, kl - reconstruction)


@pytest.mark.parametrize("kl_weight", [0.5, 1.0, 2.0])
def test_warm_up_acts_in_training_mode_only(terms, kl_weight):
    x, *output = terms
    criterion = NegativeELBO(kl_weight)
    criterion.warmup = 0.25
    for training, weight in [(True, 0.25 * kl_weight), (False, kl_weight)]:
        loss, reconstruction, kl = criterion.train(training)(output, x)
        torch.testing.assert_close(loss, weight * kl - reconstruction)
