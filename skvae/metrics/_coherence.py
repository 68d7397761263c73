"""Whether the top words of a topic occur together."""

import numpy as np

from skvae._fitted import topic_model, topic_model_input
from skvae._sparse import check_csr
from skvae.metrics._words import as_columns, leading_words


def npmi_coherence(topics, X, *, n_words=10, feature_names=None, per_topic=False):
    """Normalised pointwise mutual information of the top words of the topics.

    For words i and j, with p the share of the documents of X that have a word, or
    both, at least once::

        NPMI(i, j) = log(p_ij / (p_i p_j)) / (-log p_ij)

    It is averaged over all pairs of the top `n_words` of a topic, then over topics.
    1 is words that only occur together, 0 independence. The reference corpus is X and
    the window a whole document; empty documents count. A pair that never occurs
    together, also when a word is missing from X, counts -1, and a pair that is in
    every document counts 1: the limits of the formula. Values from other references,
    windows or rules for zeros are not comparable.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        A fitted topic model; a fitted Pipeline that ends in one; an array or DataFrame
        of weights; or a list with the words of each topic, best first, as str or as
        column indices of X. The DataFrame of `top_words` is such a list of words.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Reference corpus: word counts, or any weights that are positive where a word
        occurs. If `topics` is a Pipeline, its inputs.
    n_words : int, default=10
        Number of words of each topic, at least 2. Longer lists are cut.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of X. Used only for topics that are lists of
        words, which need it unless X is a DataFrame.
    per_topic : bool, default=False
        Whether to return the coherence of each topic rather than their mean.

    Returns
    -------
    coherence : float, or ndarray of shape (n_components,) if `per_topic`
        From -1 to 1, larger is better.

    Raises
    ------
    ValueError
        If X has negative entries, if a topic has fewer than `n_words` words or one
        that is not in `feature_names`, or if the topics and X have different numbers
        of features.

    References
    ----------
    Bouma, G. (2009). Normalized (pointwise) mutual information in collocation
    extraction. GSCL.

    Röder, M., Both, A. and Hinneburg, A. (2015). Exploring the space of topic
    coherence measures. WSDM.

    Examples
    --------
    >>> from skvae.metrics import npmi_coherence
    >>> X = [[1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 1, 3], [0, 0, 1, 1]]
    >>> npmi_coherence([[0, 1], [0, 2]], X, n_words=2, per_topic=True)
    array([ 1., -1.])
    """
    if n_words < 2:
        raise ValueError(f"n_words={n_words}, but coherence needs pairs: at least 2.")
    if hasattr(topics, "fit"):
        X = topic_model_input(topics, X)
        _check_same_columns(topic_model(topics), X)
    if feature_names is None:
        feature_names = getattr(X, "columns", None)

    present = check_csr(X)
    if (present.data < 0).any():
        raise ValueError(
            f"X must hold word counts, but has the entry {present.data.min():g}. Pass "
            "the documents of a reference corpus, with zeros for absent words."
        )
    present = present.tocsc()  # a copy, for the columns of one topic at a time
    present.data[:] = 1.0

    n_features = present.shape[1]
    leading = leading_words(topics, n_words, n_features)
    columns = as_columns(leading, feature_names, n_features)
    coherence = np.array([_mean_npmi(present[:, topic]) for topic in columns])
    return coherence if per_topic else float(coherence.mean())


def _check_same_columns(model, X):
    """Check the order of the columns of a DataFrame, as `transform` would."""
    if hasattr(model, "feature_names_in_") and hasattr(X, "columns"):
        if list(X.columns) != list(model.feature_names_in_):
            raise ValueError(
                f"X has other columns than {type(model).__name__} was fitted on, or "
                "another order. Pass X[model.feature_names_in_]."
            )


def _mean_npmi(present):
    """Mean NPMI of the pairs of columns of 0 and 1, of shape (n_samples, n_words)."""
    joint = (present.T @ present).toarray() / present.shape[0]
    i, j = np.triu_indices(joint.shape[0], k=1)
    p_i, p_j, p_ij = joint[i, i], joint[j, j], joint[i, j]
    npmi = np.where(p_ij == 0, -1.0, 1.0)
    inside = (p_ij > 0) & (p_ij < 1)
    p_i, p_j, p_ij = p_i[inside], p_j[inside], p_ij[inside]
    npmi[inside] = np.log(p_ij / (p_i * p_j)) / -np.log(p_ij)
    return npmi.mean()
