"""The evidence lower bound and what is added to it, against closed formulas."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from helpers import seeded
from scipy import sparse, stats
from torch import nn
from torch.distributions import Normal, kl_divergence

from skvae.nn.autoencoder import diagonal_normal
from skvae.nn.likelihoods import TiltedMixture, TopicMixture
from skvae.nn.objective import (
    NegativeELBO,
    elbo,
    log_importance_weights,
    seed_token_loss,
    theme_prior_loss,
    topic_alignment,
    topic_incoherence,
    topic_overlap,
    topic_prior_loss,
)
from skvae.nn.rows import SparseRows
from skvae.nn.topics import TopicMixtureDecoder


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
    x, mean, z = (rng.normal(size=shape) for shape in [(4, 2), (4, 2), (3, 4, 2)])
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


@pytest.mark.parametrize("kl_weight", [0.5, 1.0, 2.0])
def test_criterion_is_the_mean_negative_bound_and_warms_up_in_training(
    terms, kl_weight
):
    x, *output = terms
    criterion = NegativeELBO(kl_weight)
    for warmup, training in [(None, True), (0.25, True), (0.25, False)]:
        if warmup is not None:
            criterion.warmup = warmup
        weight = kl_weight * (0.25 if warmup and training else 1)
        bound, *parts = (t.mean() for t in elbo(*terms, kl_weight=weight))
        found = criterion.train(training)(output, x)
        torch.testing.assert_close(found, (-bound, *parts))


def test_penalties_are_added_in_training_alone(terms):
    """A penalty of weight 0 is not called."""
    x, *output = terms
    seen = []

    def penalty(*given):
        seen.append(given)
        return given[1].mean.square().sum()

    criterion = NegativeELBO(penalties=[(-0.5, penalty), (0, None), (3.0, penalty)])
    plain = NegativeELBO()(output, x)
    assert criterion.eval()(output, x) == plain and not seen
    loss, *parts = criterion.train()(output, x)
    price = output[0].mean.square().sum()
    torch.testing.assert_close(loss, plain[0] + 2.5 * price)
    assert parts == [*plain[1:]]
    assert len(seen) == 2
    for given in seen:  # x, posterior, likelihood and prior
        assert len(given) == 4 and all(a is b for a, b in zip(given, terms))


def test_importance_weights_by_hand(rng):
    """z ~ N(0, 1), x | z ~ N(z, 0.5), q(z | x) of any mean and deviation."""
    x, mean, z = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(3, 4))
    std = rng.uniform(0.2, 3.0, size=4)

    def density(value, mean, std):
        return np.exp(-(((value - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))

    expected = density(z, 0, 1) * density(x, z, 0.5) / density(z, mean, std)
    x, mean, std, z = (torch.from_numpy(part)[..., None] for part in (x, mean, std, z))
    one = torch.ones(1).double()
    distributions = (
        diagonal_normal(mean, std),
        diagonal_normal(z, 0.5 * one.expand_as(z)),
        diagonal_normal(0 * one, one),
    )
    found = log_importance_weights(x, z, *distributions)
    np.testing.assert_allclose(found.exp(), expected)


def test_overlap_is_counted_in_cosines_to_the_other_topics():
    decoder = TopicMixtureDecoder(7, 3, 5, True, seeded())
    counts = torch.tensor([[2.0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]])
    pairs = combinations(decoder.topics(), 2)
    cosines = [nn.functional.cosine_similarity(*pair, dim=0) for pair in pairs]
    overlap = 2 * sum(cosines) / 3  # of a topic with the two others, on average

    def penalty(decoder, k):
        return topic_overlap(counts, None, decoder(torch.eye(k)), None)

    torch.testing.assert_close(penalty(decoder, 3), 2.0 * overlap)
    with torch.no_grad():
        decoder.topic_embeddings[1:] = decoder.topic_embeddings[:1]
    assert penalty(decoder, 3).item() == pytest.approx(2.0 * 2, rel=1e-5)
    one = TopicMixtureDecoder(7, 1, 5, True, seeded())
    assert penalty(one, 1).item() == pytest.approx(0, abs=1e-6)


def test_surprise_adds_tokens_of_every_word_to_those_of_a_topic():
    """The best topic for some counts is the mean of their Dirichlet posterior."""
    counts, concentration = torch.tensor([5.0, 0, 2, 0]), 0.3
    posterior_mean = (counts + concentration) / (counts + concentration).sum()
    logits = posterior_mean.log().requires_grad_()
    topic = TopicMixture(torch.ones(1, 1), logits.softmax(-1)[None])
    loss = -topic.log_prob(counts[None]).sum()
    (loss + concentration * topic_prior_loss(None, None, topic, None)).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(4), rtol=0, atol=1e-5)
    equal = TopicMixture(torch.ones(1, 2), torch.full((2, 4), 0.25))
    assert topic_prior_loss(None, None, equal, None).item() == 0


def test_incoherence_is_minus_the_npmi_of_two_words_drawn_from_a_topic():
    decoder = TopicMixtureDecoder(7, 2, 5, True, seeded())
    counts = torch.tensor([[2.0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]])
    words = torch.tensor([[0, 3, 6], [5, 1, 2]])
    npmi = torch.rand(2, 3, 3, generator=seeded())
    topics = decoder.topics()
    coherence = 0.0
    for k in range(2):
        total = weighted = 0.0
        for i, j in permutations(range(3), 2):
            weight = topics[k, words[k, i]] * topics[k, words[k, j]]
            total += weight
            weighted += weight * npmi[k, i, j]
        coherence += weighted / total / 2
    penalty = topic_incoherence(counts, decoder(torch.eye(2)), words, npmi)
    torch.testing.assert_close(penalty, -2.0 * coherence)
    lonely = topic_incoherence(
        counts, decoder(torch.eye(2)), words[:, :1], npmi[:, :1, :1]
    )
    assert lonely.item() == 0


@pytest.mark.parametrize("tilted", [False, True])
def test_penalties_against_plain_sums(rng, tilted):
    theta, topics = rng.dirichlet(np.ones(3), 4), rng.dirichlet(np.ones(6), 3)
    x = rng.poisson(1.0, (4, 6)).astype(float)
    themes, seeds = rng.dirichlet(np.ones(6), 2), np.zeros((6, 2))
    seeds[[0, 1], 0], seeds[[1, 4], 1] = [1, 0.5], [0.5, 1]
    given = [torch.tensor(part) for part in (theta, topics)]
    likelihood = (
        TiltedMixture(*given, torch.tensor(rng.normal(size=(4, 6))))
        if tilted
        else TopicMixture(*given)
    )
    rows = SparseRows.from_csr(sparse.csr_array(x), torch.float64)
    for batch in torch.tensor(x), rows:
        found = seed_token_loss(batch, likelihood, torch.tensor(seeds))
        expected = -np.mean([n @ seeds @ np.log(p[:2]) for n, p in zip(x, theta)])
        assert found.item() == pytest.approx(expected)
        found = theme_prior_loss(batch, likelihood, torch.tensor(themes))
        tokens = x.sum() / 4 / 3
        expected = -tokens * np.sum(themes * np.log(topics[:2]))
        assert found.item() == pytest.approx(expected)


def test_alignment_is_that_of_known_angles():
    """Of lines, so that 150 degrees are 30, at any length of the vectors."""
    directions, lengths = np.radians([0, 60, 150]), np.array([[1.0], [3.0], [0.2]])
    vectors = lengths * np.stack([np.cos(directions), np.sin(directions)], axis=1)
    angles = np.radians([0, 0, 0, 60, 60, 90, 90, 30, 30])
    found = topic_alignment(torch.as_tensor(vectors))
    assert found.item() == pytest.approx(angles.var() - angles.mean(), rel=1e-6)
