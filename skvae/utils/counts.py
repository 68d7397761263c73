"""Counts as sparse matrices in one canonical form: checked and summed up."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import check_array

from skvae.utils.validation import canonical_csr, contains_words


def check_csr(X, name="X"):
    """Check X, in any container, and return it as canonical CSR of float64.

    The result may share its arrays with X: do not write to them.
    """
    if contains_words(X):
        raise ValueError(
            f"{name} must hold word counts, but holds texts. Pass vectorizer.transform("
            "texts), or as the model the Pipeline that counts them."
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
            f"{counts.data[wrong][0]:g}. Pass counts, not frequencies or tf-idf."
        )
    return counts


def top_columns(components, n_words):
    """Return the columns with the largest weights of each topic, best first.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
    n_words : int

    Returns
    -------
    columns : ndarray of shape (n_components, n_words)
        Ties are in the order of the columns.
    """
    components = check_array(components, dtype=np.float64, input_name="components")
    n_features = components.shape[1]
    if not 1 <= n_words <= n_features:
        raise ValueError(
            f"n_words={n_words}, but the topics weigh {n_features} words. Pass "
            f"n_words between 1 and {n_features}."
        )
    return np.argsort(-components, axis=1, kind="stable")[:, :n_words]


def rank_overlaps(lists_a, lists_b):
    """Number of words that lists have in common among their first d.

    Lists are rows of words or columns. Of shape (n_words, n_lists_a, n_lists_b), for
    d = 1, ..., n_words.
    """
    index = {}
    codes_a, codes_b = (
        np.array(
            [[index.setdefault(word, len(index)) for word in words] for words in lists]
        )
        for lists in (lists_a, lists_b)
    )
    has_a, has_b = (np.zeros((len(codes), len(index))) for codes in (codes_a, codes_b))
    overlaps = []
    for rank in range(codes_a.shape[1]):
        for has, codes in [(has_a, codes_a), (has_b, codes_b)]:
            has[np.arange(len(codes)), codes[:, rank]] = 1
        overlaps.append(has_a @ has_b.T)
    return np.array(overlaps)


def average_jaccard(lists_a, lists_b):
    """Mean over d of the Jaccard index of the first d words of each two lists."""
    overlaps = rank_overlaps(lists_a, lists_b)
    depths = np.arange(1, len(overlaps) + 1)[:, None, None]
    return (overlaps / (2 * depths - overlaps)).mean(axis=0)


def npmi(joint, epsilon=0.0):
    """NPMI of pairs of words by the share of documents, or windows, that have both.

    Parameters
    ----------
    joint : ndarray of shape (..., n_words, n_words)
        Probability of each pair, and that of each word on the diagonal.
    epsilon : float
        Added to the probability of a pair.

    Returns
    -------
    npmi : ndarray of shape (..., n_words, n_words)
        log(p_ij / (p_i p_j)) / -log p_ij. 1 for a pair that is everywhere; without
        epsilon, or if a word is nowhere, -1 for a pair that never occurs.
    """
    p = np.diagonal(joint, axis1=-2, axis2=-1)
    independent = p[..., :, None] * p[..., None, :]
    values = np.where(joint < 1, -1.0, 1.0)
    inside = (joint < 1) & (joint + epsilon > 0) & (independent > 0)
    joint, independent = joint[inside] + epsilon, independent[inside]
    values[inside] = np.log(joint / independent) / -np.log(joint)
    return values
