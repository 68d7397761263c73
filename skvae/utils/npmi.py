"""Normalised pointwise mutual information, as coherence is measured and trained."""

import numpy as np


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
