"""What is close to what in the space of words, topics and documents."""

from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_scalar

from skvae.models.fitted import FittedTopics, cosines, row_labels
from skvae.utils.validation import check_n_words


def document_embeddings(model, X, *, covariates=None, embeddings=None):
    """Documents as points of the space that words and topics lie in.

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
    embeddings : DataFrame of shape (n_samples, size)
        Of GSM, topic proportions times `topic_embeddings_`, the means of the topics'
        embeddings; beside them lie `topic_embeddings_` and `word_embeddings_`. Of other
        models the topic proportions, or what else `transform` gives if it is negative
        too. The index is that of X, if X has one.

    See Also
    --------
    most_similar : What is closest in this space.
    embedding_map : The space in two dimensions.

    Examples
    --------
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.inspection import document_embeddings
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, embedding_size=8, max_epochs=5, random_state=0).fit(X)
    >>> document_embeddings(model, X).shape
    (200, 8)
    """
    topics = FittedTopics.of(model, X, covariates=covariates, embeddings=embeddings)
    return pd.DataFrame(topics.vectors, index=row_labels(topics.X))


def similar_words(model, word, n_words=10, *, feature_names=None):
    """Words whose vectors have the largest cosine with that of a word.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    word : str
        One of the words of the model.
    n_words : int, default=10
        Number of words to return, or all other words if there are fewer.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.

    Returns
    -------
    words : DataFrame of shape (n_words, 2)
        Columns "word" and "similarity", a cosine, the most similar first, without the
        word itself. The vectors of words are `word_embeddings_` of GSM and the columns
        of `components_` of other models: the decoder's rows of NVDM; of LDA and NMF
        those of topics that are divided by their sums.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model does not know the word, or has no feature names.

    See Also
    --------
    most_similar : Topics or documents that are close to a word, and so on.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import similar_words
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> similar_words(model, "cat", 1)["word"].item()
    'dog'
    """
    topics = FittedTopics.of(model, feature_names=feature_names)
    check_n_words(n_words)
    n_others = topics.components.shape[1] - 1
    return most_similar(topics, word=word, n=min(n_words, n_others))


def most_similar(
    model,
    *,
    word=None,
    topic=None,
    document=None,
    among="words",
    n=10,
    X=None,
    texts=None,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Words, topics or documents that are closest to one word, topic or document.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    word : str, default=None
        One of the words of the model.
    topic : int or str, default=None
        Number or name of a topic.
    document : int, or one document, default=None
        The number of a row of X, or a single document as the model takes them: a text
        for a Pipeline with a vectorizer, else a row of counts. Give one of `word`,
        `topic` and `document`.
    among : {"words", "topics", "documents"}, default="words"
        What to look for. What was given is not among the result.
    n : int, default=10
        Largest number of rows to return.
    X : like the input of `model`, default=None
        The documents, needed for ``among="documents"`` and a document by its number.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents of X, for a column "text". Not needed if X is one.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents of X, if the model was fitted with covariates. A document that
        is not given by its number needs a single label, or row of numbers.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents of X, if the model was fitted with embeddings beside X; or the
        only row for a document that is not given by its number.

    Returns
    -------
    found : DataFrame of shape (n, 2 or 3)
        Closest first, with a column "word", "topic" (its name) or "document" (the
        number of its row of X), and a column "similarity", the cosine in the space of
        `document_embeddings`. Topics have "words" besides, their 5 top words, if
        feature names are known, and documents their "text". Documents without tokens
        are close to nothing and left out.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If not exactly one of `word`, `topic` and `document` is given, if there is no
        such word or topic, if the document is none or has no known word, if X is
        missing, or if there are no feature names.

    See Also
    --------
    similar_words : Words that are close to a word.
    document_embeddings : Documents as points of the same space.
    representative_documents : Documents that are closest to each topic.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import most_similar
    >>> texts = ["cat cat dog", "dog cat the", "train bus train", "bus train the"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> most_similar(model, word="bus", among="documents", n=1, X=texts)
       document  similarity           text
    0         3    0.99...  bus train the
    >>> found = most_similar(model, document="a train", n=2)
    >>> found["word"].tolist()
    ['bus', 'train']
    """
    if among not in ("words", "topics", "documents"):
        raise ValueError(f"among={among!r}, but it is words, topics or documents.")
    check_scalar(n, "n", Integral, min_val=1)
    what = {"words": word, "topics": topic, "documents": document}
    what = {kind: value for kind, value in what.items() if value is not None}
    if len(what) != 1:
        raise ValueError(f"Pass one of word=, topic= and document=, not {len(what)}.")
    topics = FittedTopics.of(model, X, texts, feature_names, covariates, embeddings)
    by_number = isinstance(document, Integral)
    if topics.X is None and (among == "documents" or by_number):
        raise ValueError("most_similar needs X, the documents to look among.")

    ((kind, value),) = what.items()
    number = None  # of what was given, among its kind
    if kind == "words":
        number = topics.word_column(value)
        vector = topics.word_vectors[number]
    elif kind == "topics":
        number = topics.topic_number(value)
        vector = topics.topic_vectors[number]
    elif by_number:
        number = value
        vector = topics.document(number).vectors[0]
    else:
        vector = _vector_of(topics, value, covariates, embeddings)

    if among == "words":
        names, vectors = {"word": topics.words}, topics.word_vectors
    elif among == "topics":
        names = {"topic": topics.topic_names, "words": topics.top_lists()}
        vectors = topics.topic_vectors
    else:
        names = {"document": np.arange(topics.n_documents), "text": topics.texts}
        vectors = topics.vectors
    similarity = cosines(vectors, vector[None])[:, 0]
    order = np.argsort(-similarity, kind="stable")
    if among == "documents":
        order = order[topics.n_tokens[order] > 0]
    if kind == among and number is not None:
        order = order[order != number]
    order = order[:n]
    found = pd.DataFrame({k: v[order] for k, v in names.items() if v is not None})
    found.insert(1, "similarity", similarity[order])
    return found


def _vector_of(topics, document, covariates, embeddings):
    """Vector of a single document in any form that users have it in."""
    if not hasattr(topics.steps[0], "n_features_in_"):
        rows = [document]  # a vectorizer, which takes single documents of any kind
    elif isinstance(document, pd.Series):
        rows = document.to_frame().T
    elif np.ndim(document) == 2:
        rows = document
    else:
        rows = document.toarray() if sp.issparse(document) else np.asarray(document)
        rows = rows.reshape(1, -1)
    single = FittedTopics(topics.model, rows, None, None, covariates, embeddings)
    if single.counts.shape[0] != 1:
        raise ValueError(f"document holds {single.counts.shape[0]} documents, not one.")
    if single.csr.nnz == 0:
        raise ValueError("document has no word that the model knows.")
    return single.vectors[0]
