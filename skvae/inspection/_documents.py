"""Topics in documents: their sizes, and documents that stand for them."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from skvae.models.fitted import FittedTopics


def topic_sizes(model, X, *, covariates=None, embeddings=None):
    """How much of the documents is about each topic.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    sizes : DataFrame of shape (n_components, 2)
        One row per topic. "share" is its share of all tokens: the mean of the topic
        proportions, weighted by the lengths of the documents; the sum is 1.
        "documents" is the number of documents that have more of it than of any other
        topic; those without tokens, or without more of one topic, do not count.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model has no topic proportions, such as NVDM, whose codes are signed; or
        if X has no tokens.

    See Also
    --------
    topic_prevalence : By date or group.
    representative_documents : Documents that are closest to each topic.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import topic_sizes
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> topic_sizes(model, texts).round(2)
             share  documents
    topic 0    0.5          2
    topic 1    0.5          2
    """
    topics = FittedTopics.of(model, X, covariates=covariates, embeddings=embeddings)
    shares, n_tokens = topics.proportions, topics.n_tokens
    if not n_tokens.sum() > 0:
        raise ValueError("X has no tokens. Pass documents that have some.")
    telling = (n_tokens > 0) & (shares.max(axis=1) > shares.mean(axis=1) + 1e-12)
    largest = shares.argmax(axis=1)[telling | (shares.shape[1] == 1)]
    return pd.DataFrame(
        {
            "share": n_tokens @ shares / n_tokens.sum(),
            "documents": np.bincount(largest, minlength=shares.shape[1]),
        },
        index=topics.topic_names,
    )


def representative_documents(
    model,
    X,
    texts=None,
    *,
    n_words=5,
    n_documents=3,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Documents that are closest to each topic.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents. Not needed if X holds them.
    n_words : int, default=5
        Number of top words that tell what a topic is about, if feature names are known.
    n_documents : int, default=3
        Number of documents for each topic, or all if there are fewer. Documents without
        tokens are left out, and texts that repeat another one.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    documents : DataFrame of shape (n_components * n_documents, 3 to 6)
        Topic by topic, closest first, with the columns "topic" (its name), "words" (of
        the topic, if feature names are known), "document" (the number of its row of X),
        "similarity", the cosine between them in the space of `document_embeddings`,
        "share" of the topic in the document, if the model has topic proportions, and
        "text", if there are texts. Equally similar documents are in the order
        of their shares, and then of how many of the topic's words they have.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are not as many texts as documents, or feature names as features.

    See Also
    --------
    most_similar : Documents that are close to anything else.
    topic_sizes : How much of all documents a topic is.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import representative_documents
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train bus"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> found = representative_documents(model, texts, n_documents=1)
    >>> found["text"].tolist()
    ['train bus train', 'cat cat dog']
    """
    check_scalar(n_documents, "n_documents", Integral, min_val=1)
    topics = FittedTopics.of(model, X, texts, feature_names, covariates, embeddings)
    texts, lists = topics.texts, topics.top_lists(n_words)
    rows, similarity = topics.nearest_documents(n_documents)
    found = pd.DataFrame(
        {
            "topic": np.repeat(topics.topic_names, rows.shape[1]),
            "document": rows.ravel(),
            "similarity": similarity.ravel(),
        }
    )
    if not topics.signed:
        shares = np.take_along_axis(topics.codes.T, rows, axis=1)
        found["share"] = shares.ravel()
    if lists is not None:
        found.insert(1, "words", np.repeat(lists, rows.shape[1]))
    if texts is not None:
        found["text"] = texts[rows.ravel()]
    return found[np.isfinite(found["similarity"])].reset_index(drop=True)
