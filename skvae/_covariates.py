"""Covariates: what is known of each row beside X, for encoder and decoder to see."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_array

from skvae._validation import check_range, contains_words


class Data:
    """A matrix and the covariates of its rows, which stay together.

    Parameters
    ----------
    X : ndarray, CSR array or Shards of shape (n_samples, n_features)
    covariates : ndarray or CSR array of shape (n_samples, n_covariates), optional
        Without, there are none: an array without columns.
    """

    def __init__(self, X, covariates=None):
        self.X = X
        self.covariates = (
            np.empty((X.shape[0], 0), np.float32) if covariates is None else covariates
        )

    def take(self, rows):
        return Data(self.X[rows], self.covariates[rows])


def check_covariates(estimator, covariates, n_samples, *, reset):
    """Return covariates as a matrix of numbers, a row for each sample, or None.

    Labels become indicators of their values, which are kept as `covariate_values_` if
    `reset`. Else the covariates are to be as those of `fit`, and one label, or one row
    of numbers, may hold for all samples.

    Raises
    ------
    ValueError
        If they are of another kind, width or number, missing or unknown.
    """
    name, n_dims = type(estimator).__name__, np.ndim(covariates)
    labelled = n_dims == 1 if reset else hasattr(estimator, "covariate_values_")
    if not reset:
        n_covariates = getattr(estimator, "_n_covariates", 0)
        if covariates is None and n_covariates:
            kind = "labels" if labelled else f"{n_covariates} numbers a row"
            raise ValueError(
                f"{name} was fitted with covariates, {kind}, and needs them here: pass "
                "covariates=..., for each row of X or one for all."
            )
        if covariates is not None and not n_covariates:
            raise ValueError(
                f"{name} was fitted without covariates and cannot heed them. Leave "
                "them out, or fit anew with covariates."
            )
    if covariates is None:
        return None
    if n_dims > 2 or (reset and n_dims == 0):
        raise ValueError(
            f"{name} takes covariates as labels in one dimension or as numbers in two, "
            f"with a row for each row of X. Found {n_dims} dimensions."
        )
    read = indicators if labelled else numbers
    matrix = read(estimator, covariates, n_dims, n_samples, reset)
    if matrix.shape[0] != n_samples:
        raise ValueError(
            f"{name} was given covariates of {matrix.shape[0]} rows, but X has "
            f"{n_samples}. Pass one for each."
        )
    return matrix


def indicators(estimator, labels, n_dims, n_samples, reset):
    """Labels as rows with a 1 in the column of their value."""
    name = type(estimator).__name__
    if n_dims == 2:
        raise ValueError(
            f"{name} was fitted with covariates that are labels. Pass labels in one "
            "dimension, or a single one for all rows."
        )
    if n_dims == 0:
        labels = np.full(n_samples, labels, dtype=object)
    labels = np.asarray(labels, dtype=object)
    kind = pd.api.types.infer_dtype(labels, skipna=False) if len(labels) else "string"
    if kind not in ("string", "integer", "boolean"):
        raise ValueError(
            f"{name} takes covariates in one dimension as labels, all strings or all "
            f"integers, none missing. Found values of the kind {kind!r}. For a number "
            "for each row pass a table of one column: covariates.reshape(-1, 1)."
        )
    if reset:
        values = np.unique(labels).tolist()
        estimator.covariate_values_ = (
            np.array([str(value) for value in values], dtype=object)  # no numpy.str_
            if kind == "string"
            else np.array(values)
        )
    values = estimator.covariate_values_
    place = pd.Index(values.astype(object)).get_indexer(labels)
    if (place < 0).any():
        unseen = labels[np.argmin(place)]
        known = ", ".join(map(repr, values[:5].tolist()))
        known += f" and {len(values) - 5} more" if len(values) > 5 else ""
        raise ValueError(
            f"{name} was not fitted with the label {unseen!r}. It knows {known}."
        )
    ends = np.arange(len(place) + 1)
    ones = np.ones(len(place), np.float32)
    return sp.csr_array((ones, place, ends), shape=(len(place), len(values)))


def numbers(estimator, table, n_dims, n_samples, reset):
    """A table of numbers, as it is, or a row of them for all samples."""
    name = type(estimator).__name__
    if contains_words(table) or isinstance(table, str):
        raise ValueError(
            f"{name} found words among covariates that are to be numbers. Labels have "
            "one dimension, in `fit` too."
        )
    if n_dims < 2:
        table = np.reshape(table, (1, -1))
    table = check_array(
        table,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        input_name="covariates",
        estimator=estimator,
    )
    check_range(estimator, table, "covariates")
    if not reset and table.shape[1] != estimator._n_covariates:
        raise ValueError(
            f"{name} was given {table.shape[1]} covariates a row, but was fitted with "
            f"{estimator._n_covariates}."
        )
    if n_dims < 2:
        return np.broadcast_to(table, (n_samples, table.shape[1]))
    return sp.csr_array(table) if sp.issparse(table) else table
