"""Documents in whatever container a model takes them."""

from collections.abc import Sized

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skvae._validation import contains_texts


def document_index(X):
    """Return the labels of the documents of X: its index, else their numbers."""
    if isinstance(X, (pd.DataFrame, pd.Series)):
        return X.index
    return pd.RangeIndex(X.shape[0] if hasattr(X, "shape") else len(X))


def document_texts(X, texts=None):
    """Return the texts of the documents, given or X itself, or None if there are none.

    Raises
    ------
    ValueError
        If there are not as many as documents.
    """
    if texts is None:
        return np.asarray(X, dtype=object) if contains_texts(X) else None
    n_samples = len(document_index(X))
    if isinstance(texts, str) or not isinstance(texts, Sized):
        raise ValueError("texts must be a sequence of strings, one for each row of X.")
    if len(texts) != n_samples:
        raise ValueError(
            f"There are {len(texts)} texts, but X has {n_samples} documents. Pass one "
            "text for each, in the order of X."
        )
    return np.asarray(texts, dtype=object)


def take_row(X, row):
    """Return a row of X in a container of the same kind, of one row."""
    n_samples = len(document_index(X))
    if not 0 <= row < n_samples:
        raise ValueError(f"document={row}, but X has {n_samples} documents.")
    if isinstance(X, (pd.DataFrame, pd.Series)):
        return X.iloc[[row]]
    if isinstance(X, np.ndarray):
        return X[[row]]
    return sp.csr_array(X)[[row]] if sp.issparse(X) else [X[row]]


def as_rows(document):
    """Return one document, a text or counts, as the only row of an input."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, pd.Series) and not contains_texts(document):
        return document.to_frame().T
    if sp.issparse(document) or contains_texts(document):
        return document
    return document if np.ndim(document) == 2 else np.reshape(document, (1, -1))
