"""Which topics other fits find again."""

import numpy as np
import pandas as pd

from skvae.metrics import topic_similarity
from skvae.models.fitted import FittedTopics


def recurring_topics(models, *, n_words=10, feature_names=None):
    """Topics of several fits, with how well the other fits agree on each.

    Parameters
    ----------
    models : list of estimators or Pipelines
        At least two fitted topic models that count the same words: fits that differ in
        their random state, such as those that
        `compare_models(..., n_seeds=5, return_estimator=True)` returns of a model, or
        in the documents. A None, for a fit that failed, is left out.
    n_words : int, default=10
        Number of words of each topic.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.

    Returns
    -------
    recurring : DataFrame of shape (n_topics_of_all_fits, 2)
        "recurrence", the similarity of the topic to the closest one of another fit, as
        of `topic_similarity`, mean over the other fits: from 0, none has its words, to
        1, all have the same; and "words", its top words, if their names are known. The
        index has the number of the fit, from 0 on, and the name of the topic. The fit
        that agrees best with the others comes first, and of a fit the topics that recur
        most.

    Raises
    ------
    NotFittedError
        If a model is not fitted.
    ValueError
        If there is a single model, or if they count different words.

    See Also
    --------
    skvae.ConsensusTopicModel : Topics of several fits, merged.
    skvae.metrics.topic_similarity : Of two fits.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.inspection import recurring_topics
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, max_epochs=10)
    >>> fits = [clone(model).set_params(random_state=s).fit(X) for s in (0, 1)]
    >>> recurring_topics(fits, feature_names=[f"w{j}" for j in range(50)]).shape
    (6, 2)
    """
    fits = {
        i: FittedTopics.of(model, feature_names=feature_names)
        for i, model in enumerate(models)
        if model is not None
    }
    if len(fits) < 2:
        raise ValueError(
            f"There are {len(fits)} fits. Pass two or more, with different seeds."
        )
    parts = []
    for i, topics in fits.items():
        found = [
            topic_similarity(topics, other, n_words=n_words).max(axis=1)
            for j, other in fits.items()
            if j != i
        ]
        levels = [[i], topics.topic_names]
        index = pd.MultiIndex.from_product(levels, names=["fit", "topic"])
        part = pd.DataFrame({"recurrence": np.mean(found, axis=0)}, index=index)
        if topics.has_words:
            part["words"] = topics.top_lists(n_words)
        parts.append(part.sort_values("recurrence", ascending=False, kind="stable"))
    parts.sort(key=lambda part: -part["recurrence"].mean())
    return pd.concat(parts)
