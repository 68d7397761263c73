"""Likelihoods, against plain Python loops."""

import math

import numpy as np
import pytest
import torch

from skvae.nn.likelihoods import BagOfWords, Bits, Gaussian, TopicMixture


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


def bernoulli_loop(values, logits):
    total = 0.0
    for x, logit in zip(values, logits, strict=True):
        p = 1 / (1 + math.exp(-logit))
        total += x * math.log(p) + (1 - x) * math.log(1 - p)
    return total


def gaussian_loop(values, means, std=0.7):
    total = 0.0
    for x, mean in zip(values, means, strict=True):
        total -= 0.5 * math.log(2 * math.pi) + math.log(std)
        total -= (x - mean) ** 2 / (2 * std**2)
    return total


def one_word_topics(probs):
    """A mixture of topics that have one word each, in proportion to probabilities."""
    return TopicMixture(probs, torch.eye(probs.shape[-1], dtype=probs.dtype))


LIKELIHOODS = {
    "words by logits": (
        BagOfWords,
        lambda x, out: token_loop(x, softmax(out)),
    ),
    "words by topics": (
        lambda out: one_word_topics(out.softmax(-1)),
        lambda x, out: token_loop(x, softmax(out)),
    ),
    "bernoulli": (Bits, bernoulli_loop),
    "gaussian": (lambda out: Gaussian(out, tensor(0.7)), gaussian_loop),
}
BAGS = ["words by logits", "words by topics"]


def draw_rows(name, rng, shape):
    """Rows that the likelihood is for: counts, values in [0, 1], or any numbers."""
    if name in BAGS:
        return rng.poisson(1.5, shape).astype(float)
    return rng.random(shape) if name == "bernoulli" else rng.normal(size=shape)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_log_prob_agrees_with_a_plain_loop(name, rng):
    make, loop = LIKELIHOODS[name]
    x, out = draw_rows(name, rng, (6, 4)), 2 * rng.normal(size=(6, 4))
    expected = [loop(*rows) for rows in zip(x, out, strict=True)]
    np.testing.assert_allclose(make(tensor(out)).log_prob(tensor(x)), expected)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_leading_draw_dimensions_broadcast_over_the_rows(name, rng):
    make, _ = LIKELIHOODS[name]
    x, out = tensor(draw_rows(name, rng, (5, 4))), tensor(rng.normal(size=(3, 5, 4)))
    together = make(out).log_prob(x)
    assert together.shape == (3, 5)
    for draw, row in np.ndindex(3, 5):
        alone = make(out[draw, row]).log_prob(x[row])
        torch.testing.assert_close(together[draw, row], alone)


@pytest.mark.parametrize("name", BAGS)
def test_documents_of_one_token_have_total_probability_one(name, rng):
    words = make_bag(name, rng.normal(size=9)).log_prob(torch.eye(9).double())
    assert words.exp().sum().item() == pytest.approx(1, abs=1e-12)


def make_bag(name, logits):
    return LIKELIHOODS[name][0](tensor(logits))


@pytest.mark.parametrize("name", BAGS)
def test_log_prob_of_a_document_is_the_sum_over_its_tokens(name, rng):
    """So that exp(-log_prob / tokens) is a perplexity: order has no coefficient."""
    bag, counts = make_bag(name, rng.normal(size=4)), tensor([2, 0, 1, 3])
    single = bag.log_prob(torch.eye(4).double())
    torch.testing.assert_close(bag.log_prob(counts), (counts * single).sum())
    assert bag.log_prob(tensor([0, 0, 0, 0])) == 0


@pytest.mark.parametrize("shift", [-1e3, 1e3, 1e6])
def test_a_shift_of_the_logits_changes_nothing(shift, rng):
    logits, counts = tensor(rng.normal(size=(3, 5))), tensor(rng.poisson(2, (3, 5)))
    plain, shifted = BagOfWords(logits), BagOfWords(logits + shift)
    torch.testing.assert_close(shifted.log_prob(counts), plain.log_prob(counts))
    torch.testing.assert_close(shifted.mean, plain.mean)


def test_both_parametrisations_of_words_are_one_distribution(rng):
    logits, counts = rng.normal(size=(3, 5)), tensor(rng.poisson(2, (3, 5)))
    by_logits, by_probs = (make_bag(name, logits) for name in BAGS)
    torch.testing.assert_close(by_logits.log_prob(counts), by_probs.log_prob(counts))
    torch.testing.assert_close(by_logits.mean, by_probs.mean)
    torch.testing.assert_close(by_logits.mean.sum(-1), torch.ones(3).double())


def test_huge_logits_stay_finite_with_finite_gradients():
    logits = torch.tensor([[1e4, -1e4, 0.0], [-3e4, 3e4, 1.0]], requires_grad=True)
    log_prob = BagOfWords(logits).log_prob(torch.ones(2, 3))
    (gradient,) = torch.autograd.grad(log_prob.sum(), logits)
    assert log_prob.isfinite().all() and gradient.isfinite().all()
    values = Bits(logits.detach()).log_prob(torch.ones(2, 3))
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
