"""Layers: activations, dropout, standardisation."""

import copy
import math

import pytest
import torch
from helpers import seeded

from skvae.nn.layers import ACTIVATIONS, MLP, Standardise


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(), (4,), (4, 3)])
def test_mlp_applies_the_activation_after_each_layer(activation, sizes, rng):
    mlp = MLP(5, sizes, activation, 0.0, seeded())
    x = expected = torch.from_numpy(rng.normal(size=(3, 5))).float()
    for layer in mlp.layers:
        expected = ACTIVATIONS[activation](expected @ layer.weight + layer.bias)
    torch.testing.assert_close(mlp(x), expected)
    assert mlp.n_out == expected.shape[1]


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_dropout_keeps_the_expectation_and_acts_in_training_only(rate):
    n = 40_000
    mlp = MLP(3, (5,), "softplus", rate, seeded())
    x = torch.tensor([[1.0, -1.0, 0.5]])
    full = mlp.eval()(x, seeded())[0]
    torch.testing.assert_close(full, mlp.eval()(x, seeded(1))[0])
    dropped = mlp.train()(x.repeat(n, 1), seeded()) / full
    # Each value is 0 or 1 / (1 - rate): 5 standard errors of the mean.
    assert (dropped.mean(0) - 1).abs().max() < 5 * math.sqrt(rate / (1 - rate) / n)
    share = (dropped == 0).double().mean(0)
    assert (share - rate).abs().max() < 5 * math.sqrt(rate * (1 - rate) / n)
    again = mlp(x.repeat(n, 1), seeded()) / full
    assert torch.equal(dropped, again)
    assert not torch.equal(dropped, mlp(x.repeat(n, 1), seeded(1)) / full)


@pytest.fixture
def means(rng):
    return torch.from_numpy(rng.normal([3, -1], [0.1, 20], (50, 2))).double()


@pytest.fixture(params=[None, (5.0, -2.0)], ids=["no offset", "offset"])
def standardise(request):
    layer = Standardise(2, offset=request.param is not None).double().train()
    if request.param is not None:
        layer.offset.data = torch.tensor(request.param).double()
    layer.expected_mean = torch.tensor(request.param or (0.0, 0.0)).double()
    return layer


def test_standardise_gives_the_batch_unit_variance_in_training(means, standardise):
    out = standardise(means)
    torch.testing.assert_close(out.mean(0), standardise.expected_mean)
    # Not exactly one: the variance is kept from being divided by zero.
    torch.testing.assert_close(
        out.std(0, correction=0), torch.ones(2).double(), rtol=1e-2, atol=0
    )


def test_standardise_leaves_the_statistics_for_one_row(means, standardise):
    standardise(means)
    before = {key: value.clone() for key, value in standardise.state_dict().items()}
    alone = standardise(means[:1])
    assert alone.isfinite().all()
    after = standardise.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    torch.testing.assert_close(alone, standardise.eval()(means[:1]))


def test_standardise_uses_running_statistics_in_eval_mode(means, standardise):
    for _ in range(1000):  # until they are those of the one batch
        standardise(means)
    deviation = (means.var(0) + standardise.eps).sqrt()
    expected = (means - means.mean(0)) / deviation + standardise.expected_mean
    standardise.eval()
    torch.testing.assert_close(standardise(means), expected)
    torch.testing.assert_close(standardise(means[7:8])[0], expected[7])
    many_draws = means.expand(3, *means.shape)
    torch.testing.assert_close(standardise(many_draws)[1], expected)


def test_standardise_of_a_product_is_that_of_the_product_made(means, standardise):
    """With its gradients, and what it leaves in the running statistics."""
    weight = torch.tensor([[1.0, -2.0], [0.5, 0.1]]).double().requires_grad_()
    x = means.clone().requires_grad_()
    other = copy.deepcopy(standardise)
    for _ in range(3):
        of_product, bias = standardise.of_product(x, weight)
        found, expected = x @ of_product + bias, other(x @ weight)
        torch.testing.assert_close(found, expected)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(standardise.state_dict()[key], value)
    draw = torch.randn(found.shape, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((draw * found).sum(), [x, weight]),
        torch.autograd.grad((draw * expected).sum(), [x, weight]),
    )
