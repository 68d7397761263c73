"""Documents in whatever container a model takes them."""

from collections.abc import Sized

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skvae.fitted.model import pipeline_steps, topic_model_input
from skvae.utils.counts import check_csr
from skvae.utils.validation import contains_texts


def n_documents_of(X):
    """Return the number of documents in X."""
    if not isinstance(X, Sized) and not hasattr(X, "shape"):
        raise TypeError(
            f"X is a {type(X).__name__}, which can be read once. Pass a list of it."
        )
    return X.shape[0] if hasattr(X, "shape") else len(X)


def document_texts(X, texts=None):
    """Return the texts of the documents, given or X itself, or None if there are none.

    Raises
    ------
    ValueError
        If there are not as many as documents, or if they are labelled otherwise.
    """
    if texts is None:
        return np.asarray(X, dtype=object).ravel() if contains_texts(X) else None
    n_samples = n_documents_of(X)
    if isinstance(texts, str) or not isinstance(texts, Sized):
        raise ValueError(
            f"texts is {texts!r:.60}, not a sequence of strings, one for each row of X."
        )
    if len(texts) != n_samples:
        raise ValueError(
            f"There are {len(texts)} texts, but X has {n_samples} documents. Pass one "
            "text for each, in the order of X."
        )
    labels = [getattr(frame, "index", None) for frame in (X, texts)]
    if all(isinstance(index, pd.Index) for index in labels):
        if not labels[0].equals(labels[1]):
            raise ValueError(
                "The index of texts is not that of X. Bring both into the same order."
            )
    return np.asarray(texts, dtype=object)


def text_halves(texts):
    """Return the first and the second halves of texts, split between words."""
    words = [text.split() for text in texts]
    first = [" ".join(of_text[: len(of_text) // 2]) for of_text in words]
    return first, [" ".join(of_text[len(of_text) // 2 :]) for of_text in words]


def take_row(X, row):
    """Return a row of X in a container of the same kind, of one row."""
    n_samples = n_documents_of(X)
    if not 0 <= row < n_samples:
        raise ValueError(f"document={row}, but X has {n_samples} documents.")
    if isinstance(X, (pd.DataFrame, pd.Series)):
        return X.iloc[[row]]
    if sp.issparse(X):
        return sp.csr_array(X)[[row]]
    return X[[row]] if isinstance(X, np.ndarray) else [X[row]]


def document_input(model, document, **beside):
    """Return `topic_model_input` of one document as a user has it."""
    if not hasattr(pipeline_steps(model)[0], "n_features_in_"):
        rows = [document]  # a vectorizer, which takes single documents of any kind
    elif isinstance(document, pd.Series):
        rows = document.to_frame().T
    elif np.ndim(document) == 2:
        rows = document
    else:
        rows = document.toarray() if sp.issparse(document) else np.asarray(document)
        rows = rows.reshape(1, -1)
    counts, given = topic_model_input(model, rows, **beside)
    if counts.shape[0] != 1:
        raise ValueError(
            f"document holds {counts.shape[0]} documents. Pass a single one."
        )
    if check_csr(counts).nnz == 0:
        raise ValueError("document has no word that the model knows.")
    return counts, given
