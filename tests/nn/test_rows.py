"""Sparse rows: whatever networks do with them is what dense rows give."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers import TOPIC_MODELS, seeded
from scipy import sparse

from skvae import GSMTopicModel
from skvae.nn.likelihoods import LogLinear
from skvae.nn.objective import NegativeELBO, topic_overlap
from skvae.nn.rows import (
    SparseRows,
    append_columns,
    log_softmax_at,
    map_values,
    product_at,
    sums_of_rows,
    to_dense_tensor,
)
from skvae.training.data import Data


def counts_with_gaps(rng, n_rows=7, n_columns=9):
    """Counts with an empty row at each end and in the middle, and empty columns."""
    X = rng.poisson(0.8, (n_rows, n_columns)).astype(float)
    X[[0, n_rows // 2, -1]] = 0
    X[:, [0, 4, -1]] = 0
    return X


def both(X, dtype=torch.float64, index=np.int32):
    rows = sparse.csr_array(X)
    rows.indices, rows.indptr = rows.indices.astype(index), rows.indptr.astype(index)
    return to_dense_tensor(X, dtype), SparseRows.from_csr(rows, dtype)


def value_and_gradients(function, *inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    value = function(*inputs)
    weights = torch.randn(value.shape, generator=seeded(), dtype=value.dtype)
    return value, *torch.autograd.grad((weights * value).sum(), inputs)


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("make", [counts_with_gaps, lambda rng: np.zeros((3, 4))])
def test_products_and_their_gradients_are_those_of_dense_rows(make, index, rng):
    dense, rows = both(make(rng), index=index)
    assert len(rows) == len(dense)
    torch.testing.assert_close(rows.sum(-1), dense.sum(-1))
    factor = torch.randn(len(dense), 1, generator=seeded(), dtype=torch.float64)
    tail = torch.randn(len(dense), 2, generator=seeded(), dtype=torch.float64)
    width = dense.shape[1]
    matrix = torch.randn(width + 2, 5, generator=seeded(), dtype=torch.float64)
    changes = [lambda x: x, lambda x: x * factor, partial(map_values, torch.sqrt)]
    for change in changes:
        x, sparse_x = change(dense), change(rows)
        for rows_of_both, w in [
            ((x, sparse_x), matrix[:width]),
            ((append_columns(x, tail), append_columns(sparse_x, tail)), matrix),
        ]:
            assert_same(*(value_and_gradients(y.__matmul__, w) for y in rows_of_both))


@pytest.mark.parametrize("leading", [(), (3,)], ids=["rows", "draws of rows"])
@pytest.mark.parametrize("places", [4096, 5])
@pytest.mark.parametrize("make", [counts_with_gaps, lambda rng: np.zeros((7, 9))])
def test_values_at_the_places_are_those_of_dense_matrices(
    make, leading, places, rng, monkeypatch
):
    monkeypatch.setattr("skvae.nn.rows.PLACES", places)
    X = make(rng)
    at = both(X)[1].pattern
    row, column = np.nonzero(X)
    noise = dict(generator=seeded(), dtype=torch.float64)
    a, b = torch.rand(*leading, 7, 4, **noise), torch.rand(9, 4, **noise)
    assert_same(
        value_and_gradients(lambda a, b: product_at(a, b, at), a, b),
        value_and_gradients(lambda a, b: (a @ b.T)[..., row, column], a, b),
    )
    logits = torch.randn(*leading, 7, 9, **noise)
    assert_same(
        value_and_gradients(lambda x: log_softmax_at(x, at), logits),
        value_and_gradients(lambda x: x.log_softmax(-1)[..., row, column], logits),
    )
    values = torch.rand(*leading, len(row), **noise)
    sums = torch.zeros(*leading, 7, dtype=torch.float64)
    assert_same(
        value_and_gradients(lambda v: sums_of_rows(v, at), values),
        value_and_gradients(
            lambda v: sums.index_add(-1, torch.from_numpy(row), v), values
        ),
    )


@pytest.mark.parametrize("tilt", [False, True], ids=["plain", "with covariates"])
@pytest.mark.parametrize("numbers", [1, 20, 1000])
@pytest.mark.parametrize("make", [counts_with_gaps, lambda rng: np.zeros((7, 9))])
def test_a_softmax_over_many_words_is_that_over_few_at_a_time(
    make, numbers, tilt, rng, monkeypatch
):
    """Blocks of one word, of two, of which the last is short, and of all."""
    monkeypatch.setattr("skvae.nn.likelihoods.LARGE", 0)
    monkeypatch.setattr("skvae.nn.rows.CACHED", numbers)
    dense, rows = both(make(rng))
    noise = dict(generator=seeded(), dtype=torch.float64)
    # Logits beyond what an exponential function of them could hold.
    z, weight = 30 * torch.randn(7, 4, **noise), 30 * torch.randn(4, 9, **noise)
    bias, c, B = (torch.randn(*shape, **noise) for shape in [(9,), (7, 2), (2, 9)])

    def log_prob(z, weight, bias, B):
        words = LogLinear(z, weight, bias).tilted(c if tilt else 0 * c, B)
        return words.log_prob(rows)

    def by_hand(z, weight, bias, B):
        logits = z @ weight + bias + tilt * c @ B
        return (dense * logits.log_softmax(-1)).sum(-1)

    inputs = z, weight, bias, B
    assert_same(
        value_and_gradients(log_prob, *inputs), value_and_gradients(by_hand, *inputs)
    )


def test_words_of_vanishing_probability_keep_their_logarithm(rng):
    """A logit of -200 is e^-200 = 0 in single precision; its logarithm is not."""
    _, rows = both(np.ones((2, 3)), torch.float32)
    logits = torch.tensor([[0.0, -200.0, 1.0], [0.0, 1.0, 2.0]])
    log_probs = log_softmax_at(logits, rows.pattern)
    torch.testing.assert_close(log_probs, logits.log_softmax(-1).flatten())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("cls", TOPIC_MODELS)
def test_bound_and_gradients_of_a_model_are_those_of_dense_rows(
    cls, hidden, dtype, rng
):
    X = counts_with_gaps(rng, 20, 30)
    model = cls(3, hidden_layer_sizes=hidden)
    results = []
    for x in both(X, dtype):
        module = model._build_module(
            model._config(Data(np.zeros((1, 30)))), seeded()
        ).to(dtype)
        penalties = [(1.0, topic_overlap)] if cls is GSMTopicModel else []
        loss = NegativeELBO(1.0, penalties)(module(x, seeded(1)), x)[0]
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        tolerance = 1e-4 if dtype is torch.float32 else 1e-10
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_a_gradient_that_is_there_is_added_to(rng):
    dense, rows = both(counts_with_gaps(rng))
    weight = torch.ones(9, 2, dtype=torch.float64, requires_grad=True)
    for _ in range(3):
        (rows @ weight).sum().backward()
    torch.testing.assert_close(weight.grad, 3 * dense.sum(0)[:, None].expand(9, 2))


def test_moves_take_all_of_the_rows_along(rng, monkeypatch):
    """As moves to pinned memory and to a device do, where there is one."""
    _, rows = both(counts_with_gaps(rng))
    rows = append_columns(rows, torch.ones(7, 1, dtype=torch.float64))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor.to("meta"))
    pinned = rows.pin_memory()
    parts = [pinned.values, pinned.tail, *vars(pinned.pattern).values()]
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    assert len(tensors) == 8
    assert all(tensor.device.type == "meta" for tensor in tensors)
    assert rows.to("cpu") is rows and rows.to("meta").values.device.type == "meta"
