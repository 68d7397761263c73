"""Sums and moments of counts, in blocks."""

import numpy as np
from scipy import sparse

from skvae.utils.counts import column_sums, feature_moments, row_sums


def counts_with_gaps(rng, n_rows=7, n_columns=9):
    """Counts with an empty row at each end and in the middle, and empty columns."""
    X = rng.poisson(0.8, (n_rows, n_columns)).astype(float)
    X[[0, n_rows // 2, -1]] = 0
    X[:, [0, 4, -1]] = 0
    return X


def test_column_sums_are_those_of_the_rows_that_count(rng):
    X = sparse.csr_array(counts_with_gaps(rng).astype(np.int64))
    rows = np.array([0, 2, 3, 6])
    np.testing.assert_array_equal(
        column_sums(X, rows, n_at_once=3), X.toarray()[rows].sum(axis=0)
    )
    np.testing.assert_array_equal(row_sums(X, n_at_once=3), X.toarray().sum(axis=1))


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
