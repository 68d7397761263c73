"""Likelihoods, against plain Python loops."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from skvae.nn.likelihoods import (
    LIKELIHOODS,
    BagOfWords,
    BernoulliValues,
    Gaussian,
    GaussianOutput,
    NegativeBinomialCounts,
    PoissonCounts,
    TopicMixture,
    make_output,
)
from skvae.nn.rows import RowsWithGaps


def tensor(values):
    return torch.as_tensor(values, dtype=torch.float64)


def softmax(row):
    exps = [math.exp(value) for value in row]
    return [value / sum(exps) for value in exps]


def token_loop(counts, probs):
    """Log-probability of the tokens one by one: no multinomial coefficient."""
    total = 0.0
    for count, p in zip(counts, probs, strict=True):
        for _ in range(int(count)):
            total += math.log(p)
    return total


def one_word_topics(probs):
    """A mixture of topics that have one word each, in proportion to probabilities."""
    return TopicMixture(probs, torch.eye(probs.shape[-1], dtype=probs.dtype))


BAGS = {
    "words by logits": BagOfWords,
    "words by topics": lambda out: one_word_topics(out.softmax(-1)),
}
each_bag = pytest.mark.parametrize("name", BAGS)


@each_bag
def test_log_prob_and_mean_agree_with_a_plain_loop(name, rng):
    """Tokens have one log-probability each, so that they make a perplexity."""
    x, out = rng.poisson(1.5, (6, 4)), 2 * rng.normal(size=(6, 4))
    x[0] = 0
    bag, probs = BAGS[name](tensor(out)), [softmax(row) for row in out]
    expected = [token_loop(*rows) for rows in zip(x, probs, strict=True)]
    np.testing.assert_allclose(bag.log_prob(tensor(x)), expected)
    np.testing.assert_allclose(bag.mean, probs)


@each_bag
def test_leading_draw_dimensions_broadcast_over_the_rows(name, rng):
    x, out = tensor(rng.poisson(1.5, (5, 4))), tensor(rng.normal(size=(3, 5, 4)))
    together = BAGS[name](out).log_prob(x)
    assert together.shape == (3, 5)
    for draw, row in np.ndindex(3, 5):
        alone = BAGS[name](out[draw, row]).log_prob(x[row])
        torch.testing.assert_close(together[draw, row], alone)


@pytest.mark.parametrize("shift", [-1e3, 1e3, 1e6])
def test_a_shift_of_the_logits_changes_nothing(shift, rng):
    logits, counts = tensor(rng.normal(size=(3, 5))), tensor(rng.poisson(2, (3, 5)))
    plain, shifted = BagOfWords(logits), BagOfWords(logits + shift)
    torch.testing.assert_close(shifted.log_prob(counts), plain.log_prob(counts))
    torch.testing.assert_close(shifted.mean, plain.mean)


def test_huge_logits_stay_finite_with_finite_gradients():
    logits = torch.tensor([[1e4, -1e4, 0.0], [-3e4, 3e4, 1.0]], requires_grad=True)
    log_prob = BagOfWords(logits).log_prob(torch.ones(2, 3))
    (gradient,) = torch.autograd.grad(log_prob.sum(), logits)
    assert log_prob.isfinite().all() and gradient.isfinite().all()
    values = BernoulliValues(logits.detach()).log_prob(torch.ones(2, 3))
    assert values.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_probability_of_an_absent_word_costs_nothing(dtype):
    probs = torch.tensor([0.25, 0.75, 0.0], dtype=dtype, requires_grad=True)
    log_prob = one_word_topics(probs).log_prob(torch.tensor([2, 1, 0], dtype=dtype))
    assert log_prob.item() == pytest.approx(2 * math.log(0.25) + math.log(0.75))
    (gradient,) = torch.autograd.grad(log_prob, probs)
    assert gradient.isfinite().all()


def test_an_impossible_word_costs_much_but_stays_finite():
    bag = one_word_topics(torch.tensor([1.0, 0.0]))
    log_prob = bag.log_prob(torch.tensor([0.0, 3.0]))
    assert log_prob.isfinite() and log_prob < 3 * -80


@pytest.mark.parametrize("log_scale", [-1e3, 1e3])
@pytest.mark.parametrize("scale", ["shared", "per-feature"])
def test_learnt_deviation_stays_positive_and_finite(scale, log_scale):
    output = GaussianOutput(3, scale)
    nn.init.constant_(output.log_scale, log_scale)
    std = output(torch.zeros(1, 3)).stddev
    assert std.isfinite().all() and (std > 0).all()


def with_gaps(X, rate=0.3, seed=0):
    """X with a share of its values missing, and which they are."""
    missing = np.random.default_rng(seed).random(X.shape) < rate
    missing[0], missing[1] = False, True  # a whole row, and one of nothing
    return np.where(missing, np.nan, X), missing


# --- the likelihood ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "scales", "bernoulli"])
def test_log_density_is_that_of_the_observed_values(kind, rng):
    values = rng.random((5, 4))
    gaps, missing = with_gaps(values)
    output = torch.from_numpy(rng.normal(size=(3, 5, 4)))  # of three draws
    scale = torch.tensor([0.5, 1.0, 2.0, 3.0] if kind == "scales" else 0.7).double()
    if kind == "bernoulli":
        likelihood, p = BernoulliValues(output), 1 / (1 + np.exp(-output.numpy()))
        terms = values * np.log(p) + (1 - values) * np.log1p(-p)
    else:
        likelihood = Gaussian(output, scale)
        terms = stats.norm.logpdf(values, output.numpy(), scale.numpy())
    expected = np.zeros((3, 5))
    for draw, row, column in np.ndindex(3, 5, 4):
        if not missing[row, column]:
            expected[draw, row] += terms[draw, row, column]
    found = likelihood.log_prob(RowsWithGaps.from_dense(torch.from_numpy(gaps)))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    whole = likelihood.log_prob(torch.from_numpy(values))
    np.testing.assert_allclose(whole, terms.sum(axis=-1), rtol=1e-10)


def test_gaps_send_no_gradients():
    output = torch.randn(4, 3, requires_grad=True)
    x = torch.tensor([[1.0, np.nan, np.nan]]).expand(4, -1)
    Gaussian(output, torch.tensor(1.0)).log_prob(RowsWithGaps.from_dense(x)).sum()
    BernoulliValues(output).log_prob(RowsWithGaps.from_dense(x)).sum().backward()
    assert (output.grad[:, 1:] == 0).all() and (output.grad[:, 0] != 0).all()


# --- the likelihoods --------------------------------------------------------------


def test_counts_against_scipy(rng):
    logs, sizes = rng.normal(size=(3, 4)), np.exp(rng.normal(size=4))
    counts = rng.poisson(3.0, (3, 4)).astype(float)
    m, given = np.exp(logs), torch.from_numpy(counts)
    found = PoissonCounts(torch.from_numpy(logs))
    np.testing.assert_allclose(
        found.log_prob(given), stats.poisson.logpmf(counts, m).sum(1)
    )
    np.testing.assert_allclose(found.mean, m)
    log_sizes = torch.from_numpy(np.log(sizes))
    found = NegativeBinomialCounts(torch.from_numpy(logs), log_sizes)
    terms = stats.nbinom.logpmf(counts, sizes, sizes / (sizes + m))
    np.testing.assert_allclose(found.log_prob(given), terms.sum(1))
    np.testing.assert_allclose(found.mean, m)
    counts[1, 2] = counts[2, :2] = np.nan
    gaps = RowsWithGaps.from_dense(torch.from_numpy(counts))
    np.testing.assert_allclose(
        found.log_prob(gaps), np.where(np.isnan(counts), 0, terms).sum(1)
    )


def test_one_of_several_categories(rng):
    logits = rng.normal(size=(5, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = [[1.0, 0, 0], [0, 0, 1], [0, 0, 0], [0, np.nan, 0], [np.nan, 1, np.nan]]
    category = LIKELIHOODS["categorical"](3, None)(torch.from_numpy(logits))
    found = category.log_prob(RowsWithGaps.from_dense(torch.tensor(rows).double()))
    expected = [np.log(p[0, 0]), np.log(p[1, 2]), 0, 0, np.log(p[4, 1])]
    np.testing.assert_allclose(found, expected)
    drawn = LIKELIHOODS["categorical"](3, None).draw(
        np.repeat(p[:1], 20_000, axis=0), np.random.RandomState(0), None
    )
    assert (drawn.sum(axis=1) == 1).all()
    np.testing.assert_allclose(drawn.mean(axis=0), p[0], atol=0.015)


@pytest.mark.parametrize("kind", ["poisson", "negative-binomial"])
def test_draws_of_counts_have_their_moments(kind):
    output = make_output(kind, 2, "shared")
    means = np.tile([1.0, 6.0], (40_000, 1))
    rows = output.draw(means, np.random.RandomState(0), None)
    np.testing.assert_allclose(rows.mean(axis=0), means[0], rtol=0.05)
    # r is e^0 at the start.
    variances = means[0] + (kind != "poisson") * means[0] ** 2
    np.testing.assert_allclose(rows.var(axis=0), variances, rtol=0.08)
