"""Words that are specific to some documents: parsimonious language models."""

import numpy as np
from sklearn.preprocessing import normalize

# Share of a document's words that belong to no topic: above what stop words take, so
# that a topic has to be specific.
BACKGROUND = 0.95
# Documents that a word has to appear in beyond what the background accounts for.
LEAST = 1.0
N_ITERATIONS = 50


def specific_words(counts, overall):
    """Word probabilities of what distinguishes each row of counts from those of all.

    Each count is shared out between the row's own distribution and that of all rows,
    which has the weight `BACKGROUND`, until this distribution no longer changes much.

    Parameters
    ----------
    counts : ndarray of shape (n_rows, n_words)
    overall : ndarray of shape (n_words,)
        Counts of all documents.

    Returns
    -------
    probabilities : ndarray of shape (n_rows, n_words)
        Rows sum to one.

    References
    ----------
    Hiemstra, D., Robertson, S. and Zaragoza, H. (2004). Parsimonious language models
    for information retrieval. SIGIR.
    """
    overall = overall / overall.sum()
    own = normalize(counts, norm="l1")
    for _ in range(N_ITERATIONS):
        specific = (1 - BACKGROUND) * own
        total = specific + BACKGROUND * overall
        share = np.divide(specific, total, out=np.zeros_like(total), where=total > 0)
        kept = np.maximum(counts * share - LEAST, 0)
        # A row of few counts may have nothing that is sure to be its own.
        own = np.where(kept.any(axis=1, keepdims=True), normalize(kept, norm="l1"), own)
    return own
