"""Names of topics, by their words and documents."""

from itertools import combinations

from skvae.inspection._documents import representative_documents
from skvae.inspection.words import top_words
from skvae.models.fitted import FittedTopics


def name_topics(
    model,
    X=None,
    texts=None,
    *,
    namer=None,
    n_words=10,
    n_documents=3,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Names for topics, as `skvae.TopicGroups` takes them.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Documents, as the input of `model`, for the namer to see those that are closest
        to a topic.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents. Not needed if X holds them.
    namer : callable, default=None
        ``namer(words, documents)`` returns the name of a topic, given its words and the
        texts of documents, two lists of str, the best first: for a language model, or
        for a person who is asked. It is called once for each topic, in their order. By
        default topics keep the names that users gave them, by seed words say; names of
        the others are two words that come early in a topic, and no two are equal.
    n_words : int, default=10
        Number of words of each topic, by relevance as in `top_words`.
    n_documents : int, default=3
        Number of documents for each topic.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    groups : dict of str to list of int
        Numbers of the topics, by their names. Topics that the namer calls the same are
        one group.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If the namer returns anything but a string.
    ValueError
        If there are no feature names, if the namer returns an empty name, or as
        `representative_documents` does.

    See Also
    --------
    skvae.TopicGroups : A model with these names.
    topic_hierarchy : Which topics are alike.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import name_topics
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> name_topics(model)
    {'cat dog': [0], 'train bus': [1]}
    >>> name_topics(model, texts, namer=lambda words, documents: documents[0])
    {'cat cat dog': [0], 'train bus train': [1]}
    """
    topics = FittedTopics.of(model, X, texts, feature_names, covariates, embeddings)
    words = top_words(topics, n_words, by="relevance")
    closest = {}
    if topics.X is not None:
        found = representative_documents(topics, topics.X, n_documents=n_documents)
        if "text" in found:
            closest = found.groupby("topic")["text"].agg(list)
    given_names, groups = topics.given_names, {}
    for number, (topic, row) in enumerate(words.iterrows()):
        of_topic, name = [str(word) for word in row], given_names[number]
        if namer is None and name is None:
            pairs = map(" ".join, combinations(of_topic, 2))
            free = (pair for pair in pairs if pair not in groups)
            name = next(free, f"{of_topic[0]} {number}")
        elif namer is not None:
            name = namer(of_topic, list(closest.get(topic, ())))
            if not isinstance(name, str):
                raise TypeError(f"namer returned {name!r:.60} for {topic}, no string.")
            name = name.strip()
            if not name:
                raise ValueError(f"namer returned an empty name for {topic}.")
        groups.setdefault(name, []).append(number)
    return groups
