"""How the top words of topics differ from each other."""

from skvae.metrics._words import leading_words


def topic_diversity(topics, *, n_words=25):
    """Share of distinct words among the top words of all topics.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        As in `npmi_coherence`.
    n_words : int, default=25
        Number of words of each topic. Longer lists are cut.

    Returns
    -------
    diversity : float
        From 1 / n_components, all topics have the same words, to 1, no two topics
        share one. Note that diverse topics can still be incoherent.

    Raises
    ------
    ValueError
        If a topic has fewer than `n_words` words, or one of them twice.

    References
    ----------
    Dieng, A. B., Ruiz, F. J. R. and Blei, D. M. (2020). Topic modeling in embedding
    spaces. TACL 8.

    Examples
    --------
    >>> from skvae.metrics import topic_diversity
    >>> topic_diversity([["cat", "dog"], ["cat", "bus"]], n_words=2)
    0.75
    """
    leading = leading_words(topics, n_words)
    distinct = {word for words in leading for word in words}
    return len(distinct) / (n_words * len(leading))
