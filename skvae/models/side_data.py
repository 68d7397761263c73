"""Covariates and embeddings: what is known about each row besides X.

Encoder and decoder see covariates; only the encoder sees embeddings.
"""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from pandas.api.types import infer_dtype
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array

from skvae.shards import Shards
from skvae.utils.validation import (
    check_range,
    check_same_columns,
    column_names,
    invalid_parameter,
)

# Kinds of values, in the words of pandas, that are numbers.
NUMBERS = {"boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float"}


def check_covariates(estimator, covariates, n_samples, *, reset):
    """Return covariates as a matrix with a row for each sample, or None.

    Labels become indicators of their values; numbers are standardized. With `reset`,
    the estimator gets the attributes that this needs. Otherwise the covariates must be
    like those of `fit`, and one label or one row of numbers may hold for all samples.
    If words do not depend on them, missing covariates are replaced by the average.

    Raises
    ------
    ValueError
        If they are of another kind, width or length, or missing or unknown.
    """
    name = type(estimator).__name__
    labeled = hasattr(estimator, "covariate_values_")
    average = getattr(estimator, "covariate_average_", None)
    if covariates is None and average is not None:
        return np.broadcast_to(average, (n_samples, len(average)))
    if not reset:
        n_covariates = estimator.net_.config["n_covariates"]
        check_given(estimator, "covariates", covariates, n_covariates)
    if covariates is None:
        return None
    shape = np.shape(covariates)
    if shape[1:] == (1,) and not sp.issparse(covariates):
        # A column may hold labels, for example in a DataFrame.
        if labeled or (reset and kinds_of(covariates) == {"string"}):
            covariates = np.asarray(covariates, dtype=object)[:, 0]
            shape = shape[:1]
    if len(shape) > 2 or (reset and len(shape) == 0):
        raise ValueError(
            f"{name} takes covariates as labels in one dimension or as numbers in two, "
            f"with a row for each row of X. Found {len(shape)} dimensions."
        )
    if labeled if not reset else len(shape) == 1:
        matrix = indicators(estimator, covariates, n_samples, reset)
    else:
        matrix = standardized(estimator, covariates, n_samples, reset)
    check_n_rows(estimator, "covariates", matrix, n_samples)
    return matrix


def indicators(estimator, labels, n_samples, reset):
    """Return labels as rows with a 1 in the column of their value."""
    name, n_dims = type(estimator).__name__, np.ndim(labels)
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
    kind = infer_dtype(labels) if len(labels) else "string"
    if kind not in ("string", "integer", "boolean"):
        raise ValueError(
            f"{name} takes covariates in one dimension as labels, all strings or all "
            f"integers. Found values of the kind {kind!r}. Pass numbers as a table: "
            "covariates.reshape(-1, 1)."
        )
    if reset:
        values = np.unique(labels).tolist()
        if kind == "string":  # without numpy.str_
            values = np.array([str(value) for value in values], dtype=object)
        estimator.covariate_values_ = np.asarray(values)
        if kind != "string" and estimator.covariate_values_.dtype.kind not in "biu":
            raise ValueError(f"{name} found labels beyond 64 bits. Pass strings.")
    values = estimator.covariate_values_
    place = pd.Index(values.astype(object)).get_indexer(labels)
    if (place < 0).any():
        raise ValueError(
            f"{name} was not fitted with the label {labels[np.argmin(place)]!r}. It "
            f"knows {listed(values.tolist())}."
        )
    ends = np.arange(len(place) + 1)
    ones = np.ones(len(place), np.float32)
    return sp.csr_array((ones, place, ends), shape=(len(place), len(values)))


def standardized(estimator, table, n_samples, reset):
    """Return a table of numbers, or one row of them for all samples, standardized.

    Columns of zeros and ones stay as they are: their zeros mean something, and rare
    indicators would weigh more than frequent ones.
    """
    name, n_dims, given = type(estimator).__name__, np.ndim(table), table
    if n_dims < 2:
        table = np.reshape(table, (1, -1))
    check_numeric(
        estimator,
        "covariates",
        table,
        "Labels have one dimension, in `fit` too; encode a table of both with "
        "scikit-learn's ColumnTransformer and OneHotEncoder, and dates as numbers.",
    )
    table = check_array(
        table,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        input_name="covariates",
        estimator=estimator,
    )
    check_range(estimator, table, "covariates")
    if reset:
        varied = np.asarray((table != (table != 0)).sum(axis=0)).ravel() > 0
        estimator.covariate_mean_ = np.zeros(table.shape[1])
        estimator.covariate_scale_ = np.ones(table.shape[1])
        if varied.any():
            columns = table[:, np.flatnonzero(varied)]
            columns = columns.toarray() if sp.issparse(columns) else columns
            # In one order of memory, so that sparse and dense tables sum up alike.
            scaler = StandardScaler().fit(np.ascontiguousarray(columns, np.float64))
            estimator.covariate_mean_[varied] = scaler.mean_
            estimator.covariate_scale_[varied] = scaler.scale_
    mean, scale = estimator.covariate_mean_, estimator.covariate_scale_
    if table.shape[1] != len(mean):
        raise ValueError(
            f"{name} was given {table.shape[1]} covariates a row, but was fitted with "
            f"{len(mean)}."
        )
    check_column_names(estimator, "covariate", given, reset=reset)
    if mean.any() or (scale != 1).any():  # which leaves no zeros
        table = (table.toarray() if sp.issparse(table) else table) - mean
        table /= scale
    if n_dims < 2:
        return np.broadcast_to(table, (n_samples, table.shape[1]))
    return sp.csr_array(table) if sp.issparse(table) else table


def split_embeddings(estimator, X, embeddings, columns, *, reset):
    """Return X without the columns that hold embeddings, and these, or None.

    If embeddings are given, or if X has no more columns than `fit` used, no column of X
    holds any.

    Raises
    ------
    InvalidParameterError
        If X has no such columns, or no others.
    TypeError
        If X is on disk.
    """
    if columns is None or embeddings is not None:
        return X, embeddings
    name = type(estimator).__name__
    if isinstance(X, Shards):
        raise TypeError(
            f"{name} takes no embedding_columns of Shards. Write the other columns to "
            "shards, and pass embeddings=..., which may be a memory map of NumPy's."
        )
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    width = X.shape[1] if len(X.shape) == 2 else 0
    if not reset and width == estimator.n_features_in_:
        return X, None
    try:
        numbers = column_numbers(X, columns)
    except (AttributeError, IndexError, KeyError, ValueError) as error:
        must = f"be columns of X, which has {width} ({error})"
        raise invalid_parameter(
            estimator, "embedding_columns", must, columns
        ) from error
    others = np.delete(np.arange(width), numbers)
    if len(numbers) == 0 or len(others) == 0:
        must = f"choose some columns of X, but not {len(numbers)} of {width}"
        raise invalid_parameter(estimator, "embedding_columns", must, columns)
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, others], X.iloc[:, numbers]
    if sp.issparse(X):
        X = sp.csr_array(X)
        return X[:, others], X[:, numbers].toarray()
    return X[:, others], X[:, numbers]


def check_embeddings(estimator, embeddings, n_samples, *, reset):
    """Return embeddings as a matrix with a row for each sample, or None.

    With `reset`, the estimator gets the names of their columns. Otherwise embeddings
    must be like those of `fit`.

    Raises
    ------
    ValueError
        If they have another width or length, are missing, or are not finite numbers.
    TypeError
        If they are sparse.
    """
    name = type(estimator).__name__
    if not reset:
        width = estimator._n_embedding_features
        check_given(estimator, "embeddings", embeddings, width)
    if embeddings is None:
        return None
    if sp.issparse(embeddings):
        raise TypeError(
            f"{name} takes dense embeddings, but got a {type(embeddings).__name__}. "
            "Pass embeddings.toarray(), or give sparse features to covariates or X."
        )
    advice = "Encode texts first, for example with a sentence encoder."
    check_numeric(estimator, "embeddings", embeddings, advice)
    matrix = check_array(
        embeddings,
        dtype=[np.float32, np.float64],
        order="C",  # sums over columns may differ in bits
        input_name="embeddings",
        estimator=estimator,
    )
    check_range(estimator, matrix, "embeddings")
    check_n_rows(estimator, "embeddings", matrix, n_samples)
    if not reset and matrix.shape[1] != width:
        raise ValueError(
            f"{name} was given embeddings of {matrix.shape[1]} numbers a row, but was "
            f"fitted with {width}. Use the same encoder."
        )
    check_column_names(estimator, "embedding", embeddings, reset=reset)
    return matrix


def column_numbers(X, columns):
    """Numbers of columns that are given as a slice, numbers, names, mask or function.

    Raises
    ------
    AttributeError, IndexError, KeyError or ValueError
        If X has no such columns.
    """
    chosen = columns(X) if callable(columns) else columns
    if not isinstance(chosen, slice):
        chosen = np.asarray(chosen)
        if chosen.dtype.kind in "OUT":
            place = pd.Index(X.columns).get_indexer(chosen)
            if (place < 0).any():
                raise KeyError(chosen[np.argmin(place)])
            chosen = place
        elif chosen.size == 0:
            chosen = chosen.astype(int)
    elif any(isinstance(end, str) for end in (chosen.start, chosen.stop)):
        chosen = pd.Index(X.columns).slice_indexer(chosen.start, chosen.stop)
    return np.arange(X.shape[1])[chosen]


# --- what both share -----------------------------------------------------------------


def check_given(estimator, kind, values, width):
    """Raise ValueError unless values are given if and only if `fit` had some.

    `width` is their number in each row in `fit`.
    """
    name = type(estimator).__name__
    if values is None and width:
        raise ValueError(
            f"{name} was fitted with {kind} and needs them here: pass {kind}=... for "
            "each row of X. Pipelines and searches need scikit-learn's metadata "
            f"routing, for example set_transform_request({kind}=True)."
        )
    if values is not None and not width:
        raise ValueError(
            f"{name} was fitted without {kind} and cannot use them. Leave them out, or "
            f"fit it again with {kind}."
        )


def check_n_rows(estimator, kind, matrix, n_samples):
    if matrix.shape[0] != n_samples:
        raise ValueError(
            f"{type(estimator).__name__} was given {kind} of {matrix.shape[0]} rows, "
            f"but X has {n_samples}. Pass one for each."
        )


def kinds_of(table):
    """Return what the columns of a table hold, in the words of pandas."""
    if sp.issparse(table):
        columns = [table.data]
    elif isinstance(table, pd.DataFrame):
        columns = [column for _, column in table.items()]
    elif hasattr(table, "get_columns"):  # polars, whose arrays show dates as numbers
        columns = [column.to_list() for column in table.get_columns()]
    else:
        columns = [table]
    return {infer_dtype(np.ravel(np.asarray(column))) for column in columns}


def check_numeric(estimator, kind, table, advice):
    """Raise ValueError if a table holds texts or dates, which casts could hide."""
    if other := kinds_of(table) - NUMBERS:
        raise ValueError(
            f"{type(estimator).__name__} found values of the kind {min(other)!r} among "
            f"the {kind}, which must be numbers. {advice}"
        )


def check_column_names(estimator, kind, table, *, reset):
    """Keep the column names of a DataFrame, or compare them with those kept.

    A row of numbers may be a Series. Only names that are all strings count.
    """
    names = column_names(table)
    if reset and names is not None:
        setattr(estimator, f"{kind}_names_", np.array(names, dtype=object))
    expected = getattr(estimator, f"{kind}_names_", None)
    check_same_columns(names, expected, f"{kind}s", f"{type(estimator).__name__}.fit")


def listed(values):
    """Return the first of some values, and how many more there are, as text."""
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return ", ".join(map(repr, values[:5])) + more
