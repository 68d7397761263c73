"""Sheets on which people find what does not belong to a topic."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state, check_scalar

from skvae.models.fitted import FittedTopics
from skvae.utils.counts import top_columns


def intrusion_sheet(
    model,
    X=None,
    texts=None,
    *,
    n_choices=6,
    feature_names=None,
    covariates=None,
    embeddings=None,
    random_state=None,
):
    """Ask of each topic which word, or document, does not belong to it.

    People find the intruder among the first words of a topic that means something to
    them, and guess among those of others [1]_. Give them the sheet without its column
    "intruder", and count how often they are right.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model of two topics or more, or a fitted Pipeline that ends in
        one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Documents, as the input of `model`: the questions are then about documents, not
        about words.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents. Not needed if X holds them; without any, the sheet has
        numbers of documents.
    n_choices : int, default=6
        Number of words or documents of each question, with the intruder.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.
    random_state : int, RandomState instance or None, default=None
        Of intruders, and of the order of choices and questions.

    Returns
    -------
    sheet : DataFrame of shape (n_topics, n_choices + 1)
        The choices, in the columns 1 to `n_choices`, and "intruder", the number of the
        one that does not belong: one of those that another topic has most of, and this
        one less than of half of all words or documents, if there is any. The index has
        the names of the topics.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, too few words or documents, or no topic for the
        intruder to come from.

    See Also
    --------
    skvae.metrics.npmi_coherence : What stands in for people.

    References
    ----------
    .. [1] Chang, J., Boyd-Graber, J., Gerrish, S., Wang, C. and Blei, D. (2009).
       Reading tea leaves: how humans interpret topic models. NIPS.
       https://papers.nips.cc/paper/2009/hash/f92586a25bb3145facd64ab20fd554ff-Abstract.html

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import intrusion_sheet
    >>> texts = ["cat dog cow hen", "hen cat dog cow"] * 5
    >>> texts += ["bus car van jet", "jet van bus car"] * 5
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> sheet = intrusion_sheet(model, n_choices=4, random_state=0)
    >>> sheet.shape
    (2, 5)
    """
    check_scalar(n_choices, "n_choices", Integral, min_val=2)
    topics = FittedTopics.of(model, X, texts, feature_names, covariates, embeddings)
    kind = "words" if topics.X is None else "documents"
    if kind == "words":
        scores, names = topics.word_probabilities, topics.words
    else:
        names, scores = topics.texts, topics.codes.T
        names = np.arange(scores.shape[1]) if names is None else names
    n_topics, n_things = scores.shape
    if n_topics < 2 or n_things < 2 * n_choices:
        raise ValueError(
            f"The model has {n_topics} topics, and there are {n_things} {kind}. A "
            f"sheet of {n_choices} choices takes two topics, and twice as many {kind}."
        )
    rng = check_random_state(random_state)
    own = top_columns(scores, n_choices - 1)
    rows = []
    for topic, members in enumerate(own):
        pool = np.setdiff1d(np.delete(own, topic, axis=0), members)
        if len(pool) == 0:
            raise ValueError(
                f"{topics.topic_names[topic]} has all that other topics have most of: "
                "nothing intrudes. Lower n_choices."
            )
        least = pool[scores[topic, pool] <= np.median(scores[topic])]
        if len(least) == 0:  # of topics that hardly differ
            least = pool[[scores[topic, pool].argmin()]]
        choices = rng.permutation(np.append(members, rng.choice(least)))
        intruder = 1 + np.flatnonzero(~np.isin(choices, members))[0]
        rows.append([*names[choices], intruder])
    columns = [*range(1, n_choices + 1), "intruder"]
    sheet = pd.DataFrame(rows, index=topics.topic_names, columns=columns)
    return sheet.iloc[rng.permutation(n_topics)]
