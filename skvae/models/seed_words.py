"""Seed words: which topics there are to be, told by a few words of each."""

import difflib
import warnings
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from skvae.utils.counts import document_frequencies
from skvae.utils.names import numbered_topics
from skvae.utils.specific import specific_words
from skvae.utils.validation import InvalidParameterError


def seed_lists(estimator):
    """Return names of the seeded topics, None where they have none, and their words.

    Raises
    ------
    InvalidParameterError
        If they are not lists of words, or of more topics than there are.
    """
    seeds = estimator.seed_words
    if seeds is None:
        return [], []
    name = type(estimator).__name__
    named = isinstance(seeds, Mapping)
    names = list(seeds) if named else [None] * len(seeds)
    lists = [
        None if isinstance(words, str) or not np.iterable(words) else list(words)
        for words in (seeds.values() if named else seeds)
    ]
    strings = [word for words in lists for word in words or (None,)]
    if named:
        strings += names
    if not lists or not all(isinstance(word, str) for word in strings):
        raise InvalidParameterError(
            f"The 'seed_words' parameter of {name} must hold a list of words for each "
            "seeded topic, by the topic's name or in a list: {'space': ['orbit', "
            f"'nasa']}}. Got {seeds!r:.100} instead."
        )
    if len(lists) > estimator.n_components:
        raise InvalidParameterError(
            f"The 'seed_words' parameter of {name} has {len(lists)} topics, but "
            f"n_components={estimator.n_components}. Raise n_components, by some for "
            "what the seeds do not tell of."
        )
    without = numbered_topics(estimator.n_components)[len(names) :]
    if clash := set(names) & set(without):
        raise InvalidParameterError(
            f"The 'seed_words' parameter of {name} has the name {min(clash)!r}, which "
            "a topic without seeds bears. Choose another."
        )
    return names, lists


def feature_names(estimator, n_features):
    """Return the words of the columns that the estimator knows, or None.

    Raises
    ------
    InvalidParameterError
        If they are given, but not one for each feature.
    """
    names = getattr(estimator, "feature_names_in_", estimator.feature_names)
    if names is not None and np.shape(names) != (n_features,):
        raise InvalidParameterError(
            f"The 'feature_names' parameter of {type(estimator).__name__} has the "
            f"shape {np.shape(names)}, but X has {n_features} features. Pass "
            "get_feature_names_out() of the vectorizer that counted X."
        )
    return None if names is None else np.asarray(names, dtype=object)


def seed_columns(estimator, n_features, *, tell=False):
    """Return the columns of the known seed words of each seeded topic.

    `tell` warns of those that X lacks.

    Raises
    ------
    ValueError
        If the words of X are not known, or if X has none of a topic's seeds.
    """
    name = type(estimator).__name__
    vocabulary = feature_names(estimator, n_features)
    topics, lists = seed_lists(estimator)
    if not lists:
        return []
    if vocabulary is None:
        raise ValueError(
            f"{name} was given seed_words, but X has no feature names, as counts of "
            "CountVectorizer have none. Pass feature_names=vectorizer."
            "get_feature_names_out(), or fit a DataFrame whose columns are words. In a "
            "Pipeline pass the same words as feature_names and as CountVectorizer("
            "vocabulary=words)."
        )
    place = {word: column for column, word in enumerate(vocabulary)}
    columns = [sorted({place[w] for w in words if w in place}) for words in lists]
    for number, (topic, words, found) in enumerate(zip(topics, lists, columns)):
        if not found:
            raise ValueError(
                f"X of {name} has none of the seed words of topic "
                f"{number if topic is None else topic!r}: "
                f"{', '.join(map(_with_close(place), words)) or 'there are none'}."
            )
    unknown = [word for words in lists for word in words if word not in place]
    if tell and unknown:
        warnings.warn(
            f"{name} leaves out seed words that X has not: "
            f"{', '.join(map(_with_close(place), unknown))}."
        )
    return columns


def _with_close(place):
    """A function that tells a word and those that are close to it."""
    by_lower = {str(word).lower(): word for word in place}

    def told(word):
        close = difflib.get_close_matches(word.lower(), list(by_lower))
        if not close:
            return repr(word)
        return f"{word!r} (close: {', '.join(by_lower[c] for c in close)})"

    return told


def seed_themes(X, columns, n_at_once=2**12):
    """Word probabilities of what documents with the seeds of each topic are about.

    They are those of the words that are specific to documents with the seeds, each of
    which has the same voice, however frequent it is.

    Parameters
    ----------
    X : CSR array or Shards of shape (n_samples, n_features)
    columns : list of list of int
        Seeds of each topic.

    Returns
    -------
    themes : ndarray of shape (n_topics, n_features)
        Rows sum to one. If no document has any seed, they have the seeds alone.
    """
    words = sorted({column for seeds in columns for column in seeds})
    is_of = np.array([np.isin(words, seeds) for seeds in columns], dtype=np.float64)
    together = np.zeros((len(words), X.shape[1]))  # documents with a seed and a word
    heard = np.zeros(len(columns))  # documents with any seed of a topic
    for start in range(0, X.shape[0], n_at_once):
        part = X[start : start + n_at_once]
        ones = np.ones(part.nnz)
        part = sp.csr_array((ones, part.indices, part.indptr), part.shape)
        seen = part[:, words]
        together += (seen.T @ part).toarray()
        heard += (seen @ is_of.T > 0).sum(axis=0)
    documents = together[np.arange(len(words)), words]
    voices = is_of * (documents > 0)
    means = voices / np.maximum(voices.sum(axis=1, keepdims=True), 1)
    counts = (means / np.maximum(documents, 1)) @ together * heard[:, None]
    # Without a document there is nothing but the seeds.
    silent = heard == 0
    counts[np.ix_(silent, words)] = is_of[silent]
    return specific_words(counts, document_frequencies(X))
