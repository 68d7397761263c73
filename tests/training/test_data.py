"""Batches, and what networks see of them."""

import math

import numpy as np
import pytest
from helpers import Spy, each_model, make
from scipy import sparse

from skvae import VAETransformer
from skvae.training.data import column_sums, feature_moments, row_sums

# --- batches --------------------------------------------------------------------


@pytest.mark.parametrize(
    "batch_size, container",
    [
        (1, np.asarray),
        (6, np.asarray),  # which would leave a remainder of one row
        (8, sparse.csr_matrix),
        (8, sparse.csr_array),
        (19, np.asarray),
        (1000, np.asarray),
    ],
)
@each_model
def test_every_epoch_visits_every_row_once_in_a_new_order(
    cls, batch_size, container, X
):
    spy = Spy()
    make(cls, batch_size=batch_size, callbacks=[spy]).fit(container(X))
    assert len(spy.epochs) == 3
    orders = set()
    for batches in spy.epochs:
        sizes = [len(batch) for batch in batches]
        assert sum(sizes) == 19 and len(sizes) == math.ceil(19 / batch_size)
        assert max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1
        rows = np.concatenate(batches)
        order = np.lexsort(rows.T)
        np.testing.assert_array_equal(rows[order], X[np.lexsort(X.T)])
        orders.add(rows.tobytes())
    assert len(orders) == 3


@each_model
def test_partial_fits_visit_the_rows_in_a_new_order_each(cls, X):
    spy = Spy()
    model, orders = make(cls, callbacks=[spy]), set()
    for _ in range(3):
        model.partial_fit(X)
        orders.add(np.concatenate(spy.epochs[0]).tobytes())
    assert len(orders) == 3


def test_vae_encodes_what_it_explains(X):
    spy = Spy()
    make(VAETransformer, callbacks=[spy], batch_size=19).fit(X)
    for inputs, (target,) in zip(spy.inputs, spy.epochs, strict=True):
        np.testing.assert_array_equal(inputs, target)


def test_loss_of_an_epoch_is_the_mean_over_rows_not_over_batches():
    """Without learning, it does not depend on how rows are put into batches."""
    X = np.zeros((9, 3))
    X[-1] = 100.0  # a row that would weigh a tenth more or less among 4 or 5
    history = {}
    for batch_size in (9, 8):
        params = dict(scale=1.0, batch_norm=False, lr=1e-12, max_epochs=1)
        model = make(VAETransformer, **params, batch_size=batch_size)
        history[batch_size] = model.fit(X).history_.reconstruction[1]
    # The noise of the draws is small beside the row of hundreds.
    assert history[8] == pytest.approx(history[9], rel=0.05)


# --- sums over rows ---------------------------------------------------------------


def counts_with_gaps(rng, n_rows=7, n_columns=9):
    """Counts with an empty row at each end and in the middle, and empty columns."""
    X = rng.poisson(0.8, (n_rows, n_columns)).astype(float)
    X[[0, n_rows // 2, -1]] = 0
    X[:, [0, 4, -1]] = 0
    return X


def test_column_sums_are_those_of_the_rows_that_count(rng, monkeypatch):
    monkeypatch.setattr("skvae.training.data.N_AT_ONCE", 3)
    X = sparse.csr_array(counts_with_gaps(rng).astype(np.int64))
    rows = np.array([0, 2, 3, 6])
    np.testing.assert_array_equal(column_sums(X, rows), X.toarray()[rows].sum(axis=0))
    np.testing.assert_array_equal(row_sums(X), X.toarray().sum(axis=1))


def test_sums_of_single_precision_are_taken_in_double_precision():
    X = sparse.csr_array(np.array([[2**24], [1], [1]], dtype=np.float32))
    assert column_sums(X, np.arange(3)) == [2**24 + 2]
    X = sparse.csr_array(X.T)
    assert row_sums(X) == [2**24 + 2]


def test_moments_are_summed_up_in_blocks(rng):
    X = 1e4 + rng.normal(size=(23, 6)) * [1, 1, 1, 1e-3, 0, 10]
    for container in (np.asarray, np.asfortranarray, sparse.csr_array):
        mean, std, number = feature_moments(container(X), n_values=30)
        assert (number == 23).all()
        np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(std, X.std(axis=0), rtol=1e-9, atol=1e-11)
        for part, dense in zip((mean, std), feature_moments(X, n_values=30)):
            np.testing.assert_array_equal(part, dense)
