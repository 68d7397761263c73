"""Words, topics and documents on one map."""

from numbers import Integral

from sklearn.utils import check_scalar

from skvae.fitted.model import topic_model_input, word_names
from skvae.fitted.space import document_vectors, map_of


def embedding_map(
    model,
    X=None,
    *,
    n_words=10,
    n_documents=10,
    transformer=None,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Words, topics and documents as points of one plane.

    Shown are all topics, the top words of each, and the documents closest to each.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Documents, as the input of `model`. None shows none.
    n_words : int, default=10
        Number of top words of each topic, or all words if there are fewer.
    n_documents : int, default=10
        Number of documents for each topic.
    transformer : transformer with `fit_transform`, default=None
        Takes the vectors, at unit length, to two dimensions; it is cloned. None is
        t-SNE with ``random_state=0``, started from the principal components, which
        gives the same map again.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    points : DataFrame of shape (n_points, 5)
        Topics come first, then words and documents, with the columns "kind" ("topic",
        "word" or "document"), "label" (name of the topic, the word, or the number of
        the document's row of X), "x" and "y", and "topic", the number of the closest
        topic.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, if there are fewer than three points, or if the
        transformer does not give two columns.

    See Also
    --------
    skvae.plotting.EmbeddingMapDisplay : Draws it.
    document_embeddings : What space the points are taken from.

    Examples
    --------
    >>> from sklearn.decomposition import PCA, LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import embedding_map
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> points = embedding_map(model, texts, n_words=2, transformer=PCA(2))
    >>> points["kind"].value_counts().to_dict()
    {'word': 4, 'document': 4, 'topic': 2}
    """
    check_scalar(n_documents, "n_documents", Integral, min_val=1)
    names, documents = word_names(model, feature_names), None
    if X is not None:
        counts, given = topic_model_input(
            model, X, covariates=covariates, embeddings=embeddings
        )
        documents = counts, document_vectors(model, counts, given)
    return map_of(model, names, documents, n_words, n_documents, transformer)
