"""Fitted topic models in the form that other viewers take."""

import numpy as np

from skvae.fitted.documents import document_texts
from skvae.fitted.model import (
    pipeline_steps,
    topic_model_input,
    topic_proportions,
    word_names,
    word_probabilities,
)
from skvae.fitted.words import LEAST, top_lists
from skvae.utils.counts import check_csr


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
        raise ImportError(
            "to_pyldavis needs pyLDAvis. Install it with: pip install 'skvae[pyldavis]'"
        ) from error
    topics, counts, shares, _ = _tables(model, X, covariates, embeddings)
    if len(topics) < 2:
        raise ValueError("pyLDAvis shows two topics or more, but the model has one.")
    n_occurrences = counts.sum(axis=0)
    occurs = n_occurrences > 0
    # It takes logarithms.
    topics = np.maximum(topics[:, occurs], LEAST)
    return pyLDAvis.prepare(
        topic_term_dists=topics / topics.sum(axis=1, keepdims=True),
        doc_topic_dists=shares,
        doc_lengths=counts.sum(axis=1),
        vocab=word_names(model, feature_names)[occurs],
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
    corpus = document_texts(X, texts)
    if corpus is None:
        raise ValueError("to_topicwizard needs texts, one for each row of X.")
    topics, counts, shares, kept = _tables(model, X, covariates, embeddings)
    lists = top_lists(model, feature_names, 3)
    return {
        "corpus": corpus[kept].tolist(),
        "vocab": word_names(model, feature_names).astype(str),
        "document_term_matrix": counts,
        "document_topic_matrix": shares,
        "topic_term_matrix": topics,
        "document_representation": shares,
        "transform": model.transform if len(pipeline_steps(model)) > 1 else None,
        "topic_names": [f"{k}: {words}" for k, words in enumerate(lists)],
        "topic_positions": None,
        "word_positions": None,
        "document_positions": None,
    }


def _tables(model, X, covariates, embeddings):
    """Topics, counts and proportions of the documents that have tokens, and which."""
    counts, given = topic_model_input(
        model, X, covariates=covariates, embeddings=embeddings
    )
    shares = topic_proportions(model, counts, given)
    counts = check_csr(counts)
    kept = counts.sum(axis=1) > 0
    return word_probabilities(model), counts[kept], shares[kept], kept
