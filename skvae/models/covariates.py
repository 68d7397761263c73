"""Covariates: what is known of each row beside X, for encoder and decoder to see."""

from datetime import date, time, timedelta

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from skvae.utils.validation import check_range, check_same_columns, column_names

ONE_COLUMN = (
    " For a number for each row pass a table of one column: covariates.reshape(-1, 1)."
)

WORDS = str, bytes
TIMES = date, time, timedelta, np.datetime64, np.timedelta64, pd.Period


def check_covariates(estimator, covariates, n_samples, *, reset):
    """Return covariates as a matrix of numbers, a row for each sample, or None.

    Labels become indicators of their values, numbers are standardised. What either
    takes, `reset` sets as attributes of the estimator. Else the covariates are to be as
    those of `fit`, and one label, or one row of numbers, may hold for all samples.

    Raises
    ------
    ValueError
        If they are of another kind, width or number, missing or unknown.
    """
    name = type(estimator).__name__
    if not reset:
        n_covariates = getattr(estimator, "_n_covariates", 0)
        labelled = hasattr(estimator, "covariate_values_")
        had = f", {'labels' if labelled else f'{n_covariates} numbers a row'},"
        check_given(
            estimator,
            covariates,
            "covariates",
            had if n_covariates else None,
            "for each row of X or one for all",
        )
    if covariates is None:
        return None
    if np.shape(covariates)[1:] == (1,) and not sp.issparse(covariates):
        # Perhaps a column of labels, as from a DataFrame.
        if holds(WORDS, covariates) if reset else labelled:
            covariates = np.asarray(covariates, dtype=object)[:, 0]
    n_dims = np.ndim(covariates)
    if n_dims > 2 or (reset and n_dims == 0):
        raise ValueError(
            f"{name} takes covariates as labels in one dimension or as numbers in two, "
            f"with a row for each row of X. Found {n_dims} dimensions."
        )
    read = indicators if (n_dims == 1 if reset else labelled) else numbers
    matrix = read(estimator, covariates, n_dims, n_samples, reset)
    check_n_rows(estimator, matrix, "covariates", n_samples)
    return matrix


def check_given(estimator, values, kind, had, how):
    """Raise ValueError unless there are values if a fit had them, and only then.

    `had` tells in words what the fit had, None if nothing, and `how` to pass it.
    """
    name = type(estimator).__name__
    if values is None and had is not None:
        raise ValueError(
            f"{name} was fitted with {kind}{had} and needs them here: pass {kind}=..., "
            f"{how}. Pipelines, searches and cross-validation hand them on where "
            "scikit-learn's metadata routing is enabled and the model asks for them, "
            f"as by set_score_request({kind}=True)."
        )
    if values is not None and had is None:
        raise ValueError(
            f"{name} was fitted without {kind} and cannot heed them. Leave them out, "
            f"or fit anew with {kind}."
        )


def check_n_rows(estimator, matrix, kind, n_samples):
    """Raise ValueError unless there is a row for each sample."""
    if matrix.shape[0] != n_samples:
        raise ValueError(
            f"{type(estimator).__name__} was given {kind} of {matrix.shape[0]} rows, "
            f"but X has {n_samples}. Pass one for each."
        )


def holds(types, table):
    """Whether some entry of a table, dense or sparse, is of the types."""
    if hasattr(table, "get_columns"):  # of polars, which makes numbers of dates
        return any(holds(types, column) for column in table.get_columns())
    entries = np.asarray(table.data if sp.issparse(table) else table)
    if entries.dtype.kind != "O":
        return issubclass(entries.dtype.type, types)
    return any(isinstance(entry, types) for entry in entries.flat)


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
    if pd.isna(labels).any():
        raise ValueError(
            f"{name} found a missing label among the covariates. Give it a name, such "
            "as 'unknown', or leave the row out."
        )
    kind = pd.api.types.infer_dtype(labels) if len(labels) else "string"
    if kind not in ("string", "integer", "boolean"):
        raise ValueError(
            f"{name} takes covariates in one dimension as labels, all strings or all "
            f"integers. Found values of the kind {kind!r}."
            + ONE_COLUMN
            * (reset and kind == "floating")
        )
    if reset:
        values = np.unique(labels).tolist()
        estimator.covariate_values_ = (
            np.array([str(value) for value in values], dtype=object)  # no numpy.str_
            if kind == "string"
            else np.array(values)
        )
        if kind != "string" and estimator.covariate_values_.dtype.kind not in "biu":
            raise ValueError(
                f"{name} found integers among the labels that 64 bits do not hold. "
                "Pass them as strings."
            )
    values = estimator.covariate_values_
    place = pd.Index(values.astype(object)).get_indexer(labels)
    if (place < 0).any():
        unseen = labels[np.argmin(place)]
        raise ValueError(
            f"{name} was not fitted with the label {unseen!r}. It knows "
            f"{listed(values.tolist())}."
        )
    ends = np.arange(len(place) + 1)
    ones = np.ones(len(place), np.float32)
    return sp.csr_array((ones, place, ends), shape=(len(place), len(values)))


def numbers(estimator, table, n_dims, n_samples, reset):
    """A table of numbers, or a row of them for all samples, standardised."""
    name = type(estimator).__name__
    if holds(WORDS, table):
        raise ValueError(
            f"{name} found words among covariates that are to be numbers. Labels have "
            "one dimension, in `fit` too; a table that has both goes through "
            "scikit-learn's ColumnTransformer and OneHotEncoder first."
        )
    if holds(TIMES, table):
        raise ValueError(
            f"{name} found dates or times among covariates that are to be numbers. "
            "Make numbers of them first, such as years."
        )
    named = table
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
    if reset:
        learn_scale(estimator, table)
    elif table.shape[1] != estimator._n_covariates:
        raise ValueError(
            f"{name} was given {table.shape[1]} covariates a row, but was fitted with "
            f"{estimator._n_covariates}."
            + ONE_COLUMN
            * (n_dims == 1 and table.shape[1] == n_samples)
        )
    check_names(estimator, named, "covariate", reset=reset)
    mean, scale = estimator.covariate_mean_, estimator.covariate_scale_
    if mean.any() or (scale != 1).any():  # which leaves no zeros
        table = (table.toarray() if sp.issparse(table) else table) - mean
        table /= scale
    if n_dims < 2:
        return np.broadcast_to(table, (n_samples, table.shape[1]))
    return sp.csr_array(table) if sp.issparse(table) else table


def check_names(estimator, table, kind, *, reset):
    """Keep the names of the columns of a DataFrame, or compare them with those kept.

    A row of numbers may be a Series.

    Only of one whose names are strings, all of them.
    """
    names = column_names(table)
    if reset and names is not None:
        setattr(estimator, f"{kind}_names_", np.array(names, dtype=object))
    expected = getattr(estimator, f"{kind}_names_", None)
    check_same_columns(names, expected, f"{kind}s", f"{type(estimator).__name__}.fit")


def listed(values):
    """The first of some values, and how many there are besides."""
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return ", ".join(map(repr, values[:5])) + more


def learn_scale(estimator, table):
    """Set what each number is standardised by; indicators stay as they are.

    Their zeros mean something, and rare ones would weigh more than frequent ones.
    """
    others = np.asarray((table != (table != 0)).sum(axis=0)).ravel() > 0
    estimator.covariate_mean_ = np.zeros(table.shape[1])
    estimator.covariate_scale_ = np.ones(table.shape[1])
    if others.any():
        columns = table[:, np.flatnonzero(others)]
        columns = columns.toarray() if sp.issparse(columns) else columns
        # In one order of memory, in which sparse and dense ones sum up alike.
        scaler = StandardScaler().fit(np.ascontiguousarray(columns, np.float64))
        estimator.covariate_mean_[others] = scaler.mean_
        estimator.covariate_scale_[others] = scaler.scale_
