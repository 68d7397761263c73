"""Counts as sparse matrices in one canonical form: checked and summed up."""

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.utils import check_array

from skvae.utils.validation import contains_words


def canonical_csr(X):
    """Sorted CSR without duplicates and stored zeros; X itself if it is that."""
    if X.has_canonical_format and X.data.all():
        return X
    X = X.copy()  # never in place: the arrays may be the caller's
    X.sum_duplicates()
    X.eliminate_zeros()
    return X


def column_sums(X, rows, n_at_once=2**12):
    """Sums over some rows of each column of a CSR array, in double precision.

    scipy would make a copy of all values for it, or sum in single precision.
    """
    parts = (X[rows[i : i + n_at_once]] for i in range(0, len(rows), n_at_once))
    return sum(np.bincount(part.indices, part.data, X.shape[1]) for part in parts)


def document_frequencies(X, n_at_once=2**12):
    """Number of rows of a CSR array that have each column."""
    parts = (X[i : i + n_at_once] for i in range(0, X.shape[0], n_at_once))
    return sum(np.bincount(part.indices, minlength=X.shape[1]) for part in parts)


def row_sums(X, n_at_once=2**12):
    """Sum of each row of a CSR array, in double precision."""
    parts = (X[i : i + n_at_once] for i in range(0, X.shape[0], n_at_once))
    return np.concatenate([part @ np.ones(X.shape[1]) for part in parts])


def check_csr(X, name="X"):
    """Check X, in any container, and return it as canonical CSR of float64.

    The result may share its arrays with X: do not write to them.
    """
    if contains_words(X):
        raise ValueError(
            f"{name} must hold word counts, but holds texts. Pass "
            "vectorizer.transform(texts), or the Pipeline that counts them as the "
            "model."
        )
    X = check_array(X, accept_sparse="csr", input_name=name)
    return canonical_csr(csr_array(X, dtype=np.float64))


def check_counts(X, name="X"):
    """Check that X holds counts, and return it as `check_csr` does."""
    counts = check_csr(X, name)
    wrong = (counts.data < 0) | (counts.data % 1 != 0)
    if wrong.any():
        raise ValueError(
            f"{name} must hold word counts, but has the entry "
            f"{counts.data[wrong][0]:g}. Pass counts, as CountVectorizer makes them, "
            "not frequencies or tf-idf."
        )
    return counts


def check_average(average):
    """Raise ValueError unless `mean_per_token` knows the average."""
    if average not in ("token", "document"):
        raise ValueError(f"average={average!r}, but it is 'token' or 'document'.")


def mean_per_token(values, n_tokens, average):
    """Mean of values of documents per token, over tokens or over documents.

    Documents without tokens have no mean of their own.
    """
    if average == "token":
        return values.sum() / n_tokens.sum()
    counted = n_tokens > 0
    return np.mean(values[counted] / n_tokens[counted])


def feature_moments(X, n_values=2**21):
    """Mean and standard deviation of each column, in double precision, and its length.

    The length is the number of values that are not NaN, which are left out. Summed up
    in dense blocks of n_values, so that every container gives the same bits.
    """
    size = max(1, n_values // X.shape[1])

    def blocks():
        for start in range(0, X.shape[0], size):
            rows = X[start : start + size]
            rows = rows.toarray() if issparse(rows) else rows
            yield np.ascontiguousarray(rows, dtype=np.float64)

    with np.errstate(over="ignore", invalid="ignore"):  # training will tell
        number = total = 0
        for rows in blocks():
            number = number + (~np.isnan(rows)).sum(axis=0)
            total = total + np.nansum(rows, axis=0)
        known = np.maximum(number, 1)
        mean = total / known
        square = sum(np.nansum((rows - mean) ** 2, axis=0) for rows in blocks())
    return mean, np.sqrt(square / known), number
