"""Figures of topic models as scikit-learn's searches take them: greater is better."""

import warnings

from skvae.metrics._coherence import npmi_coherence
from skvae.metrics.perplexity import document_completion_perplexity
from skvae.models.fitted import FittedTopics


def completion_scorer(estimator, X, y=None):
    """Score a topic model by how well it predicts words: minus a perplexity.

    For `scoring` of `GridSearchCV`, `cross_validate` and their like, which need larger
    to be better. The perplexity is that of document completion, which treats skvae's
    models, LDA and NMF alike, where LDA's own bound favours few topics.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Held-out documents: word counts, or what a Pipeline turns into word counts.
    y : ignored
        Not used.

    Returns
    -------
    score : float
        ``-document_completion_perplexity(estimator, X)``.

    See Also
    --------
    npmi_scorer : Scores topics by whether their words occur together.
    document_completion_perplexity : What it is, and more options.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.metrics import completion_scorer
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> lda = LatentDirichletAllocation(random_state=0)
    >>> grid = {"n_components": [1, 3]}
    >>> GridSearchCV(lda, grid, scoring=completion_scorer, cv=2).fit(X).best_params_
    {'n_components': 3}
    """
    return -document_completion_perplexity(estimator, X)


def npmi_scorer(estimator, X, y=None):
    """Score a topic model by the coherence of its topics in held-out documents.

    For `scoring` of `GridSearchCV`, `cross_validate` and their like. It is the mean
    NPMI of pairs of the ten top words of each topic. Few topics are mostly more
    coherent than many, so that a search goes by it beside `completion_scorer`.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Held-out documents: word counts, or what a Pipeline turns into word counts. A
        top word that they lack counts -1 in all its pairs.
    y : ignored
        Not used.

    Returns
    -------
    score : float
        ``npmi_coherence(estimator, X)``, from -1 to 1.

    See Also
    --------
    completion_scorer : Scores models by how well they predict words.
    npmi_coherence : What it is, and more options.

    Examples
    --------
    >>> from sklearn.decomposition import NMF
    >>> from sklearn.model_selection import cross_validate
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.metrics import completion_scorer, npmi_scorer
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> scoring = {"completion": completion_scorer, "npmi": npmi_scorer}
    >>> found = cross_validate(NMF(3, init="nndsvda"), X, scoring=scoring, cv=2)
    >>> found["test_npmi"].round(1)
    array([0.2, 0.2])
    """
    topics = FittedTopics(estimator, X)
    n_words = min(10, topics.components.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of words that they lack
        return npmi_coherence(topics, X, n_words=n_words)
