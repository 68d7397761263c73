"""Whether topics of documents agree with labels that people gave them."""

import numpy as np
import pandas as pd
from sklearn.utils import check_array, check_consistent_length, column_or_1d


def label_alignment(y, topics):
    """Agreement of the documents' topics with labels.

    A document is in the topic that it has most of. With n_ct the number of documents
    of label c in topic t, and n that of all::

        purity = sum over t of max over c of n_ct / n
        inverse_purity = sum over c of max over t of n_ct / n

    Purity grows with the number of topics and inverse purity falls, so that their
    harmonic mean, "p1", is the one of the three to compare across numbers of topics.
    "nmi" is the normalized mutual information (by the mean of the entropies) and "ari"
    the Rand index, adjusted for chance, both by scikit-learn. If there are 20 of both,
    random topics of 200 documents have an "nmi" of .3, and an "ari" of 0.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of the documents: strings or integers.
    topics : array-like of shape (n_samples,) or (n_samples, n_components)
        Topic of each document, or its topic proportions as `transform` gives them. A
        topic of -1, by which clusterers mark documents of no cluster, is one like
        others.

    Returns
    -------
    alignment : Series
        "purity", "inverse_purity", "p1", "nmi" and "ari"; all up to 1, larger is
        better. "ari" is 0 for topics at random, and may be below.

    Raises
    ------
    ValueError
        If the lengths differ, or if proportions are negative, NaN or infinite.

    See Also
    --------
    skvae.plotting.TopicDocumentsDisplay : Topics by classes of documents, drawn.
    sklearn.metrics.normalized_mutual_info_score : What "nmi" is.

    References
    ----------
    Hoyle, A., Goel, P., Sarkar, R. and Resnik, P. (2022). Are neural topic models
    broken? Findings of EMNLP.
    https://arxiv.org/abs/2210.16162

    Examples
    --------
    >>> from skvae.metrics import label_alignment
    >>> label_alignment(["cat", "cat", "dog", "dog"], [0, 0, 1, 2]).round(2)
    purity            1.00
    inverse_purity    0.75
    p1                0.86
    nmi               0.80
    ari               0.57
    dtype: float64
    """
    # Late: it takes much of scikit-learn.
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    y = column_or_1d(y)
    if np.ndim(topics) == 2:
        topics = check_array(topics, input_name="topics", ensure_non_negative=True)
        topics = topics.argmax(axis=1)
    topics = column_or_1d(topics)
    check_consistent_length(y, topics)
    table = contingency_matrix(y, topics)
    purity = table.max(axis=0).sum() / table.sum()
    inverse = table.max(axis=1).sum() / table.sum()
    return pd.Series(
        {
            "purity": purity,
            "inverse_purity": inverse,
            "p1": 2 * purity * inverse / (purity + inverse),
            "nmi": normalized_mutual_info_score(y, topics),
            "ari": adjusted_rand_score(y, topics),
        }
    )
