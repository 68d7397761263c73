"""Words of the topics, by four ways to rank them, and topics whose words are alike."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from sklearn.utils import check_scalar

from skvae.models.fitted import FittedTopics
from skvae.utils.text import WordTable
from skvae.utils.validation import check_n_words

# Probabilities below it count as it, where logarithms of them are compared: NMF has
# zeros.
LEAST = 1e-10
# Weights of the second criterion, as in the papers.
WEIGHTS = {"relevance": 0.6, "frex": 0.5}
_RANKINGS = ("probability", "term_score", "relevance", "frex")


def top_words(
    model,
    n_words=10,
    *,
    feature_names=None,
    by="probability",
    weight=None,
    X=None,
    covariates=None,
):
    """Words that come first in each topic.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, that is an estimator with `components_` of shape
        (n_components, n_features), or a fitted Pipeline that ends in one.
    n_words : int, default=10
        Number of words of each topic, or all if there are fewer.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of `components_`. By default they are the
        output features of the earlier steps of the Pipeline, or the columns of the
        DataFrame that the model was fitted on.
    by : {"probability", "term_score", "relevance", "frex"}, default="probability"
        What comes first:

        - "probability": the words of the largest weight in `components_`, which often
          are frequent in all topics.
        - "term_score": the largest `term_scores`, for words that are probable in the
          topic and less so in the others.
        - "relevance": weight * log p(w | topic) + (1 - weight) * log(p(w | topic) /
          p(w)) [1]_.
        - "frex": the harmonic mean of two ranks of a word within the topic, from 0 to
          1: of p(w | topic), and of its exclusivity p(w | topic) / (sum of p(w | t)
          over all topics t), the latter weighted by `weight` [2]_.
    weight : float in [0, 1], default=None
        Of "relevance" (0.6 by default, 1 is "probability") and of "frex" (0.5).
    X : like the input of `model`, default=None
        Documents whose word frequencies are p(w) in "relevance". By default it is the
        mean of the topics.
    covariates : label, or array-like of shape (n_covariates,), default=None
        Of skvae's models that were fitted with covariates: the topics given these, see
        `components_given`. By default they are those without any.

    Returns
    -------
    words : DataFrame of shape (n_components, n_words)
        One row per topic, best word first. The index holds the names of the topics:
        those that users gave, else "topic 0", "topic 1", and so on. Ties are in the
        order of the features. It prints a line for each topic.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, or not as many as features; if `n_words`, `by` or
        `weight` is none of those above; or if probabilities are asked of a model that
        has none, such as PCA.

    See Also
    --------
    term_scores : A score of every word in every topic.
    name_topics : Names for topics, of their words.
    skvae.plotting.TopicWordsDisplay : The words as bars.

    Notes
    -----
    p(w | topic) are the rows of `components_`, divided by their sums; of NVDM, whose
    weights are signed, the words of a document with a code of 1 in that dimension and 0
    in the others. In logarithms, probabilities below 1e-10 count as 1e-10.

    References
    ----------
    .. [1] Sievert, C. and Shirley, K. (2014). LDAvis: a method for visualizing and
       interpreting topics. ACL workshop on interactive language learning.
       https://doi.org/10.3115/v1/W14-3110
    .. [2] Bischof, J. and Airoldi, E. (2012). Summarizing topical content with word
       frequency and exclusivity. ICML.
       https://arxiv.org/abs/1206.4631

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import top_words
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> top_words(model, n_words=2)
    topic 0  cat dog
    topic 1  train bus
    """
    check_n_words(n_words)
    topics, frequencies = FittedTopics.of(model, X, feature_names=feature_names), None
    if X is not None:
        if by != "relevance":
            raise ValueError(f"X says nothing with by={by!r}. Pass by='relevance'.")
        frequencies = word_frequencies(topics)
    scores = rank_words(topics, by, weight, frequencies, covariates)
    words = topics.words[topics.leading_columns(n_words, scores)]
    return WordTable(words, index=topics.topic_names)


def term_scores(model, *, feature_names=None):
    """How much each word is one of each topic rather than of all: Blei's term score.

    p(w | k) * log(p(w | k) / (prod over topics j of p(w | j))^(1 / n_components)) [1]_,
    which is high of words that are probable in topic k and less so in the others, and
    finds words that `components_` alone hide behind those that are frequent everywhere.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.

    Returns
    -------
    scores : DataFrame of shape (n_components, n_features)
        In nats, a row for each topic and a column for each word.
        ``top_words(model, by="term_score")`` lists the largest.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        As `top_words`.

    See Also
    --------
    top_words : The words that come first, by these scores or others.

    Notes
    -----
    As in `top_words`, probabilities below 1e-10 count as 1e-10.

    References
    ----------
    .. [1] Blei, D. and Lafferty, J. (2009). Topic models. In: Text mining:
       classification, clustering, and applications. Chapman and Hall.
       https://doi.org/10.1201/9781420059458-12

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import term_scores
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> term_scores(model).idxmax(axis=1).to_dict()
    {'topic 0': 'cat', 'topic 1': 'train'}
    """
    topics = FittedTopics.of(model, feature_names=feature_names)
    scores = rank_words(topics, "term_score")
    return pd.DataFrame(scores, index=topics.topic_names, columns=topics.words)


def word_frequencies(topics):
    """Return the share of each word in all tokens; shape (n_features,).

    Words that they lack count as if it had one: none is infinitely specific because
    documents are few.
    """
    topics.check_n_features()
    total = topics.csr.sum()
    if not total > 0:
        raise ValueError("X has no tokens. Pass documents that have some.")
    return np.maximum(topics.csr.sum(axis=0), 1) / total


def rank_words(
    topics, by="probability", weight=None, frequencies=None, covariates=None
):
    """Return the scores that `top_words` goes by; (n_components, n_features)."""
    if by not in _RANKINGS:
        raise ValueError(f"by={by!r}, but it is one of {', '.join(_RANKINGS)}.")
    if weight is None:
        weight = WEIGHTS.get(by)
    elif by not in WEIGHTS:
        raise ValueError(
            f"weight={weight!r} says nothing with by={by!r}. Leave it out, or take "
            f"by='relevance' or by='frex'."
        )
    else:
        check_scalar(weight, "weight", Real, min_val=0, max_val=1)
    if by == "probability" and covariates is None:
        return topics.components
    p = topics.word_probabilities_given(covariates)
    log_p = np.log(np.maximum(p, LEAST))
    if by == "probability":
        return p
    if by == "term_score":
        return p * (log_p - log_p.mean(axis=0))
    if by == "relevance":
        frequencies = p.mean(axis=0) if frequencies is None else frequencies
        return log_p - (1 - weight) * np.log(np.maximum(frequencies, LEAST))
    exclusivity = p / np.maximum(p.sum(axis=0), LEAST)
    ranks = [rankdata(z, "max", axis=1) / p.shape[1] for z in (exclusivity, p)]
    return 1 / (weight / ranks[0] + (1 - weight) / ranks[1])


def topic_hierarchy(model, *, method="average"):
    """Topics merged in pairs, the most similar ones first.

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
