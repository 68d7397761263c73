"""What the top words of topics have in common."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from skvae.metrics._words import as_words, known_names, leading_words, topic_weights
from skvae.utils.counts import average_jaccard, rank_overlaps


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

    See Also
    --------
    inverted_rbo : Also looks at the ranks of the words that topics share.

    References
    ----------
    Dieng, A. B., Ruiz, F. J. R. and Blei, D. M. (2020). Topic modeling in embedding
    spaces. TACL 8.
    https://doi.org/10.1162/tacl_a_00325

    Examples
    --------
    >>> from skvae.metrics import topic_diversity
    >>> topic_diversity([["cat", "dog"], ["cat", "bus"]], n_words=2)
    0.75
    """
    leading = leading_words(topics, n_words)
    distinct = {word for words in leading for word in words}
    return len(distinct) / (n_words * len(leading))


def inverted_rbo(topics, *, n_words=10, p=0.9):
    """One minus the mean rank-biased overlap of all pairs of topics.

    The diversity of topics, in which a word that two topics share counts more the
    better its ranks are. With A_d the share of words that two topics have in common
    among their first d, the overlap, RBO_ext, is::

        (1 - p) * (A_1 + p A_2 + p^2 A_3 + ...)

    with A_d = A_n for d beyond n = `n_words`: the extrapolated form, in which equal
    lists have overlap 1 however long they are.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        As in `npmi_coherence`, at least two topics.
    n_words : int, default=10
        Number of words of each topic. Longer lists are cut.
    p : float in (0, 1), default=0.9
        Persistence. The smaller, the more the first words count: each depth weighs p
        times the depth before it.

    Returns
    -------
    diversity : float
        From 0, all topics have the same words in the same order, to 1, no two topics
        share a word.

    Raises
    ------
    ValueError
        If there is one topic only, if `p` is out of range, or if a topic has fewer than
        `n_words` words or one of them twice.

    See Also
    --------
    topic_diversity : Share of distinct words, whatever their rank.

    References
    ----------
    Webber, W., Moffat, A. and Zobel, J. (2010). A similarity measure for indefinite
    rankings. ACM Transactions on Information Systems 28(4).
    https://doi.org/10.1145/1852102.1852106

    Bianchi, F., Terragni, S. and Hovy, D. (2021). Pre-training is a hot topic:
    contextualized document embeddings improve topic coherence. ACL-IJCNLP.
    https://arxiv.org/abs/2004.03974

    Examples
    --------
    The topics have their first word in common, of two: A_1 = 1 and A_2 = 1/2.

    >>> from skvae.metrics import inverted_rbo
    >>> round(inverted_rbo([["cat", "dog"], ["cat", "bus"]], n_words=2), 4)
    0.45
    """
    if not 0 < p < 1:
        raise ValueError(f"p={p!r}, but it is between 0 and 1, exclusive.")
    leading = leading_words(topics, n_words)
    if len(leading) < 2:
        raise ValueError("There is one topic. Pass two or more to compare.")
    weights = (1 - p) * p ** np.arange(n_words)
    weights[-1] = p ** (n_words - 1)  # of all depths from n_words on
    depths = np.arange(1, n_words + 1)[:, None, None]
    agreement = rank_overlaps(leading, leading) / depths
    distance = np.tensordot(weights, 1 - agreement, axes=1)
    return float(distance[np.triu_indices(len(leading), k=1)].mean())


def topic_similarity(topics_a, topics_b, *, n_words=10):
    """Similarity of each topic of one fit to each of another, by their top words.

    It is the average Jaccard score::

        mean over d = 1, ..., n_words of  |A_d and B_d| / |A_d or B_d|

    with A_d and B_d the first d words of each, so that better ranks count more, and no
    parameter says by how much.

    Parameters
    ----------
    topics_a, topics_b : estimator, Pipeline, array or list
        Each as in `npmi_coherence`. Topics are compared by their words if both are
        lists of words or know their feature names: a Pipeline with a vectorizer, an
        estimator that was fitted on a DataFrame, or a DataFrame of weights with words
        as columns. Otherwise they are compared by column, and the columns of both must
        mean the same.
    n_words : int, default=10
        Number of words of each topic. Longer lists are cut.

    Returns
    -------
    similarity : ndarray of shape (n_topics_a, n_topics_b)
        From 0, the two topics do not share a word, to 1, they have the same words in
        the same order.

    Raises
    ------
    ValueError
        If one gives words and the other columns without names, if they weigh different
        numbers of words without names, or if a topic has fewer than `n_words` words or
        one of them twice.

    See Also
    --------
    topic_stability : Of matched topics, their mean.
    skvae.inspection.recurring_topics : Of topics of several fits, the most similar.

    References
    ----------
    Greene, D., O'Callaghan, D. and Cunningham, P. (2014). How many topics? Stability
    analysis for topic models. ECML PKDD.
    https://arxiv.org/abs/1404.4606

    Examples
    --------
    >>> from skvae.metrics import topic_similarity
    >>> topics = [["cat", "dog"], ["bus", "train"]]
    >>> topic_similarity(topics, [["dog", "cat"], ["bus", "train"]], n_words=2)
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    leading_a, leading_b = _comparable(topics_a, topics_b, n_words)
    return average_jaccard(leading_a, leading_b)


def topic_stability(topics_a, topics_b, *, n_words=10, per_topic=False):
    """Agreement of the topics of two fits, each matched with its counterpart.

    Topics are matched one to one such that the sum of their similarities, as of
    `topic_similarity`, is largest, whatever their order. Of two fits with different
    numbers of topics, the smaller is matched and what remains of the larger does not
    count.

    For the stability of a model, average it over pairs of fits that differ in
    `random_state`, or in the sample of documents that they are fitted on.

    Parameters
    ----------
    topics_a, topics_b : estimator, Pipeline, array or list
        Each as in `topic_similarity`: compared by words where both know them.
    n_words : int, default=10
        Number of words of each topic. Longer lists are cut.
    per_topic : bool, default=False
        Whether to return the similarity of each topic of `topics_a` to its counterpart
        rather than the mean.

    Returns
    -------
    stability : float or ndarray of shape (n_topics_a,)
        From 0, no matched topics share a word, to 1, they have the same words in the
        same order. Of a topic without a counterpart it is NaN.

    Raises
    ------
    ValueError
        As `topic_similarity`.

    See Also
    --------
    topic_similarity : Of each topic with each.
    skvae.ConsensusTopicModel : A model of what several fits agree on.

    References
    ----------
    Greene, D., O'Callaghan, D. and Cunningham, P. (2014). How many topics? Stability
    analysis for topic models. ECML PKDD.
    https://arxiv.org/abs/1404.4606

    Examples
    --------
    >>> from skvae.metrics import topic_stability
    >>> topics = [["cat", "dog"], ["bus", "train"]]
    >>> topic_stability(topics, [["train", "bus"], ["cat", "dog"]], n_words=2)
    0.75
    >>> print(topic_stability(topics, [["dog", "cat"]], n_words=2, per_topic=True))
    [0.5 nan]
    """
    similarity = topic_similarity(topics_a, topics_b, n_words=n_words)
    matched = linear_sum_assignment(similarity, maximize=True)
    if not per_topic:
        return float(similarity[matched].mean())
    of_topics = np.full(len(similarity), np.nan)
    of_topics[matched[0]] = similarity[matched]
    return of_topics


def _comparable(topics_a, topics_b, n_words):
    """Top words of both, as words if both can be, as columns otherwise."""
    both = topics_a, topics_b
    leading = [leading_words(topics, n_words) for topics in both]
    names = [known_names(topics) for topics in both]
    listed = any(
        isinstance(w, str) for part in leading for words in part for w in words
    )
    if listed or all(known is not None for known in names):
        return [as_words(*pair) for pair in zip(leading, names)]

    weights = [topic_weights(topics) for topics in both]
    widths = [array.shape[1] for array in weights if array is not None]
    if len(set(widths)) > 1:
        raise ValueError(
            f"topics_a weighs {widths[0]} words and topics_b {widths[1]}, without "
            "names. Pass Pipelines that start with the vectorizers, or the words, as "
            "skvae.inspection.top_words returns them."
        )
    return leading
