"""Which topics are alike, and which might be merged."""

from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from skvae.models.fitted import FittedTopics


def topic_hierarchy(model, *, method="average"):
    """Topics merged two by two, the most similar ones first.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model of two topics or more, or a fitted Pipeline that ends in
        one.
    method : str, default="average"
        How far groups of topics are from each other, as of
        `scipy.cluster.hierarchy.linkage`: the "average" distance of their topics,
        "complete" for the largest, "single" for the smallest.

    Returns
    -------
    hierarchy : ndarray of shape (n_topics - 1, 4)
        As scipy's linkage: a row for each merger, with the numbers of the two, their
        distance and the number of topics together. Groups, from n_topics on, are
        numbered by rows. Distances are Hellinger's of the topics' words, from 0 for
        equal ones to 1 for those without a word in common.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If it has a single topic, or no probabilities of words.

    See Also
    --------
    skvae.plotting.TopicHierarchyDisplay : Draws it.
    skvae.TopicGroups : Merges topics of a fitted model.

    Examples
    --------
    >>> from scipy.cluster.hierarchy import fcluster
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.inspection import topic_hierarchy
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = LatentDirichletAllocation(5, random_state=0).fit(X)
    >>> hierarchy = topic_hierarchy(model)
    >>> hierarchy.shape
    (4, 4)
    >>> fcluster(hierarchy, 3, criterion="maxclust").shape  # a group for each topic
    (5,)
    """
    distances = FittedTopics.of(model).topic_distances
    if len(distances) < 2:
        raise ValueError("The model has a single topic, which is like no other.")
    return linkage(squareform(distances, checks=False), method)
