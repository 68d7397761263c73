"""Fitted topic models in the form that other viewers take."""

import numpy as np

from skvae.inspection.words import LEAST
from skvae.models.fitted import FittedTopics


def to_pyldavis(
    model, X, *, feature_names=None, covariates=None, embeddings=None, **options
):
    """Prepare a topic model for pyLDAvis.

    Needs the package pyLDAvis (``pip install 'skvae[pyldavis]'``). Its pages load
    scripts from the network; `skvae.report` makes one that does not.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`. Documents without tokens are left out, and
        words that do not occur.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.
    **options
        Passed on to `pyLDAvis.prepare`. Unless told otherwise topics keep their order
        and their numbers, from 0 on, and there is one process.

    Returns
    -------
    prepared : pyLDAvis.PreparedData
        For `pyLDAvis.display` in a notebook, or `pyLDAvis.save_html`.

    Raises
    ------
    ImportError
        If pyLDAvis is not installed.
    ValueError
        If the model has no topic proportions, such as NVDM, or no feature names.

    See Also
    --------
    to_topicwizard : For another viewer.
    skvae.report : A report of skvae's own, offline.

    Examples
    --------
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.inspection import to_pyldavis
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> words = [f"word{j}" for j in range(50)]
    >>> import pyLDAvis  # doctest: +SKIP
    >>> prepared = to_pyldavis(model, X, feature_names=words)  # doctest: +SKIP
    >>> pyLDAvis.save_html(prepared, "ldavis.html")  # doctest: +SKIP
    """
    try:
        import pyLDAvis
    except ImportError as error:
        message = "to_pyldavis needs pyLDAvis: pip install 'skvae[pyldavis]'"
        raise ImportError(message) from error
    topics = FittedTopics.of(model, X, None, feature_names, covariates, embeddings)
    shares, kept = topics.proportions, topics.n_tokens > 0
    if len(topics.components) < 2:
        raise ValueError("pyLDAvis shows two topics or more, but the model has one.")
    n_occurrences = topics.csr[kept].sum(axis=0)
    occurs = n_occurrences > 0
    # It takes logarithms.
    words = np.maximum(topics.word_probabilities[:, occurs], LEAST)
    return pyLDAvis.prepare(
        topic_term_dists=words / words.sum(axis=1, keepdims=True),
        doc_topic_dists=shares[kept],
        doc_lengths=topics.n_tokens[kept],
        vocab=topics.words[occurs],
        term_frequency=n_occurrences[occurs],
        **{"sort_topics": False, "start_index": 0, "n_jobs": 1, **options},
    )


def to_topicwizard(
    model, X, texts=None, *, feature_names=None, covariates=None, embeddings=None
):
    """Prepare a topic model for topicwizard.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`. Those without tokens are left out.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents. Not needed if X holds them.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    topic_data : dict
        What topicwizard calls TopicData, for ``topicwizard.visualize(
        topic_data=topic_data)`` and `topicwizard.figures`. It takes new texts if the
        model is a Pipeline that does.

    Raises
    ------
    ValueError
        If there are no texts, if the model has no topic proportions, such as NVDM, or
        no feature names.

    See Also
    --------
    to_pyldavis : For another viewer.
    skvae.report : A report of skvae's own, offline.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import to_topicwizard
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> topic_data = to_topicwizard(model, texts)
    >>> topic_data["document_topic_matrix"].shape
    (4, 2)
    """
    topics = FittedTopics.of(model, X, texts, feature_names, covariates, embeddings)
    if topics.texts is None:
        raise ValueError("to_topicwizard needs texts, one for each row of X.")
    shares, kept = topics.proportions, topics.n_tokens > 0
    return {
        "corpus": topics.texts[kept].tolist(),
        "vocab": topics.words.astype(str),
        "document_term_matrix": topics.csr[kept],
        "document_topic_matrix": shares[kept],
        "topic_term_matrix": topics.word_probabilities,
        "document_representation": shares[kept],
        "transform": topics.model.transform if len(topics.steps) > 1 else None,
        "topic_names": [f"{k}: {words}" for k, words in enumerate(topics.top_lists(3))],
        "topic_positions": None,
        "word_positions": None,
        "document_positions": None,
    }
