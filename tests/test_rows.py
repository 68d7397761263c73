"""Sparse rows: whatever networks do with them is what dense rows give."""

import numpy as np
import pytest
import torch
from scipy import sparse

import skvae.base
from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae._rows import (
    SparseRows,
    append,
    log_softmax_at,
    product_at,
    sums_of_rows,
    to_dense_tensor,
)
from skvae.datasets import make_topic_corpus
from skvae.losses import NegativeELBO

TOPIC_MODELS = [NVDMTopicModel, GSMTopicModel, ProdLDATopicModel]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


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
    for change in (lambda x: x, lambda x: x * factor, lambda x: x.pow(0.75)):
        x, sparse_x = change(dense), change(rows)
        assert_same(
            value_and_gradients(lambda w: sparse_x @ w, matrix[:width]),  # noqa: B023
            value_and_gradients(lambda w: x @ w, matrix[:width]),  # noqa: B023
        )
        x, sparse_x = append(x, tail), append(sparse_x, tail)
        assert_same(
            value_and_gradients(lambda w: sparse_x @ w, matrix),  # noqa: B023
            value_and_gradients(lambda w: x @ w, matrix),  # noqa: B023
        )


@pytest.mark.parametrize("leading", [(), (3,)], ids=["rows", "draws of rows"])
@pytest.mark.parametrize("places", [4096, 5])
def test_values_at_the_places_are_those_of_dense_matrices(
    leading, places, rng, monkeypatch
):
    monkeypatch.setattr("skvae._rows.PLACES", places)
    X = counts_with_gaps(rng)
    at = both(X)[1].pattern
    row, column = np.nonzero(X)
    make = dict(generator=seeded(), dtype=torch.float64)
    a, b = torch.rand(*leading, 7, 4, **make), torch.rand(9, 4, **make)
    assert_same(
        value_and_gradients(lambda a, b: product_at(a, b, at), a, b),
        value_and_gradients(lambda a, b: (a @ b.T)[..., row, column], a, b),
    )
    logits = torch.randn(*leading, 7, 9, **make)
    assert_same(
        value_and_gradients(lambda x: log_softmax_at(x, at), logits),
        value_and_gradients(lambda x: x.log_softmax(-1)[..., row, column], logits),
    )
    values = torch.rand(*leading, len(row), **make)
    sums = torch.zeros(*leading, 7, dtype=torch.float64)
    assert_same(
        value_and_gradients(lambda v: sums_of_rows(v, at), values),
        value_and_gradients(
            lambda v: sums.index_add(-1, torch.from_numpy(row), v), values
        ),
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
        module = model._build_module(model._config(30), seeded()).to(dtype)
        loss = NegativeELBO()(module(x, seeded(1)), x)[0]
        if cls is GSMTopicModel:
            likelihood = module.decoder(module.link(module.encoder(x).mean))
            loss = loss + module.decoder.penalty(likelihood, x)
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        tolerance = 1e-4 if dtype is torch.float32 else 1e-10
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cls", TOPIC_MODELS)
def test_fits_do_not_depend_on_the_way_that_batches_take(cls, monkeypatch):
    X = make_topic_corpus(200, 40, 3, random_state=0).data
    model = cls(3, max_epochs=3, batch_size=50, random_state=0)
    by_non_zeros = model.fit(X).components_
    monkeypatch.setattr(skvae.base, "MAX_DENSITY", 0)
    dense = model.fit(X).components_
    assert not np.array_equal(by_non_zeros, dense)  # two ways indeed
    np.testing.assert_allclose(by_non_zeros, dense, rtol=2e-3, atol=1e-5)
