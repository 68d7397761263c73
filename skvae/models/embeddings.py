"""Embeddings: a vector of each row beside X, for the encoder alone to see."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_array

from skvae.models.covariates import (
    TIMES,
    WORDS,
    check_given,
    check_n_rows,
    check_names,
    holds,
)
from skvae.shards import Shards
from skvae.utils.columns import column_numbers
from skvae.utils.validation import InvalidParameterError, check_range


def part_embeddings(estimator, X, embeddings, columns, *, reset):
    """Return X without the columns that hold embeddings, and these, or None.

    Where embeddings are given beside X, or if X has no more columns than a fit left to
    it, none of its columns hold any.

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
        raise InvalidParameterError(
            f"The 'embedding_columns' parameter of {name} must be columns of X, of "
            f"which there are {width}. Got {columns!r} instead ({error})."
        ) from error
    others = np.delete(np.arange(width), numbers)
    if len(numbers) == 0 or len(others) == 0:
        raise InvalidParameterError(
            f"The 'embedding_columns' parameter of {name} must leave columns to either "
            f"side: {columns!r} takes {len(numbers)} of the {width} columns of X."
        )
    rest, embeddings = take_columns(X, others), take_columns(X, numbers)
    return rest, embeddings.toarray() if sp.issparse(embeddings) else embeddings


def take_columns(X, numbers):
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, numbers]
    return (sp.csr_array(X) if sp.issparse(X) else X)[:, numbers]


def check_embeddings(estimator, embeddings, n_samples, *, reset):
    """Return embeddings as a matrix, a row for each sample, or None.

    `reset` keeps the names of their columns, if they have any. Else embeddings are to
    be as those of `fit`.

    Raises
    ------
    ValueError
        If they are of another width or number, missing, or no finite numbers.
    TypeError
        If they are sparse.
    """
    name = type(estimator).__name__
    if not reset:
        width = estimator.net_.config["n_embedding_features"]
        had = f" of {width} numbers a row," if width else None
        check_given(estimator, embeddings, "embeddings", had, "a row for each of X")
    if embeddings is None:
        return None
    if sp.issparse(embeddings):
        raise TypeError(
            f"{name} takes dense embeddings, but got a {type(embeddings).__name__}. "
            "Pass embeddings.toarray(), or give sparse features to covariates or X."
        )
    if holds(WORDS + TIMES, embeddings):
        raise ValueError(
            f"{name} takes embeddings as vectors of numbers, but got words or dates. "
            "Encode texts first, as by a sentence encoder."
        )
    matrix = check_array(
        embeddings,
        dtype=[np.float32, np.float64],
        input_name="embeddings",
        estimator=estimator,
    )
    check_range(estimator, matrix, "embeddings")
    check_n_rows(estimator, matrix, "embeddings", n_samples)
    if not reset and matrix.shape[1] != width:
        raise ValueError(
            f"{name} was given embeddings of {matrix.shape[1]} numbers a row, but was "
            f"fitted with {width}. Use the same encoder."
        )
    check_names(estimator, embeddings, "embedding", reset=reset)
    return matrix
