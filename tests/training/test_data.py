"""Batches, and what networks see of them."""

import math

import numpy as np
import pytest
from helpers import Spy, each_model, make
from scipy import sparse

from skvae import VAETransformer

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
