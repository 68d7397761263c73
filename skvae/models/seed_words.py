"""Seed words: topics that are given by a few words each.

Also here: the words that are specific to some documents, for seeds and clusters.
"""

import difflib
import warnings
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.preprocessing import normalize
from skorch.callbacks import Callback

from skvae.models.topics import numbered_topics
from skvae.nn.objective import seed_token_loss, theme_prior_loss
from skvae.training.data import document_frequencies
from skvae.utils.validation import invalid_parameter

# Weights if `seed_weight` is 1: of the tokens of seed words, for proportions, and of
# the words of their documents, for topics.
TOKEN_WEIGHT, THEME_WEIGHT = 2.0, 0.25
# Share of a document's words that belong to no topic: more than stop words take, so
# that topics have to be specific.
BACKGROUND = 0.95
# Documents with a word that the background does not account for, at the least.
MIN_DOCUMENTS = 1.0
N_ITERATIONS = 50
# Smallest sum of a row's own words that counts.
LEAST_SUM = 1e-6


class SeedWords(Callback):
    """Seeded topics start at the words of documents with their seeds, and stay near.

    Parameters
    ----------
    estimator : GSMTopicModel
    X : CSR array or Shards of shape (n_samples, n_features)

    Attributes
    ----------
    penalties : list of (weight, penalty)
        As in `NegativeELBO`.

    Raises
    ------
    ValueError
        If the words of X are not known, or if X has none of a topic's seeds.
    """

    def __init__(self, estimator, X):
        columns = seed_columns(estimator, X.shape[1])
        seeds = np.zeros((X.shape[1], len(columns)), np.float32)
        for topic, of_topic in enumerate(columns):
            seeds[of_topic, topic] = 1
        self.seeds = seeds / np.maximum(seeds.sum(axis=1, keepdims=True), 1)
        self.themes = seed_themes(X, columns)
        self.penalties = [
            (estimator.seed_weight * TOKEN_WEIGHT, self.token_loss),
            (estimator.seed_weight * THEME_WEIGHT, self.theme_loss),
        ]

    def on_train_begin(self, net, **kwargs):
        decoder = net.module_.decoder
        self.seeds_ = torch.from_numpy(self.seeds).to(net.device)
        self.themes_ = torch.from_numpy(self.themes).to(self.seeds_)
        if len(net.history) == 0:
            decoder.start_topics(torch.from_numpy(self.themes))

    def on_train_end(self, net, **kwargs):
        del self.seeds_, self.themes_

    def token_loss(self, x, posterior, likelihood, prior):
        return seed_token_loss(x, likelihood, self.seeds_)

    def theme_loss(self, x, posterior, likelihood, prior):
        return theme_prior_loss(x, likelihood, self.themes_)


def seed_lists(estimator):
    """Return the names of the seeded topics, None if they have none, and their words.

    Raises
    ------
    InvalidParameterError
        If they are not lists of words, or of more topics than there are.
    """
    seeds = estimator.seed_words
    if seeds is None:
        return [], []
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
        must = "hold a list of words for each topic, as {'space': ['orbit', 'nasa']}"
        raise invalid_parameter(estimator, "seed_words", must)
    if len(lists) > estimator.n_components:
        must = f"have at most n_components={estimator.n_components} topics"
        raise invalid_parameter(estimator, "seed_words", must)
    without = numbered_topics(estimator.n_components)[len(names) :]
    if clash := set(names) & set(without):
        must = f"not use the name {min(clash)!r} of a topic without seeds"
        raise invalid_parameter(estimator, "seed_words", must)
    return names, lists


def feature_names(estimator, n_features):
    """Return the words of the columns that the estimator knows, or None.

    Raises
    ------
    InvalidParameterError
        If they are given, but are not those of X, or not one for each feature.
    """
    given = estimator.feature_names
    names = getattr(estimator, "feature_names_in_", given)
    if given is not None and np.shape(given) != (n_features,):
        must = f"have a word for each of the {n_features} features of X"
        raise invalid_parameter(estimator, "feature_names", must)
    if given is not None and (wrong := np.flatnonzero(np.asarray(given) != names)).size:
        must = f"be None or the columns of X, where {names[wrong[0]]!r} differs"
        raise invalid_parameter(estimator, "feature_names", must)
    return None if names is None else np.asarray(names, dtype=object)


def seed_columns(estimator, n_features):
    """Return the columns of the known seed words of each seeded topic.

    In a first fit, seed words that X does not have raise a warning.

    Raises
    ------
    ValueError
        If the words of X are not known, or if X has none of a topic's seeds.
    """
    name = type(estimator).__name__
    vocabulary = feature_names(estimator, n_features)
    topics, lists = seed_lists(estimator)
    if vocabulary is None:
        raise ValueError(
            f"{name} was given seed_words, but X has no feature names. Pass "
            "feature_names=vectorizer.get_feature_names_out(), and in a Pipeline the "
            "same words to CountVectorizer(vocabulary=...)."
        )
    place = {word: column for column, word in enumerate(vocabulary)}
    columns = [sorted({place[w] for w in words if w in place}) for words in lists]
    for number, (topic, words, found) in enumerate(zip(topics, lists, columns)):
        if not found:
            raise ValueError(
                f"X of {name} has none of the seed words of topic "
                f"{number if topic is None else topic!r}: "
                f"{with_close_words(words, place) or 'there are none'}."
            )
    unknown = [word for words in lists for word in words if word not in place]
    if unknown and not hasattr(estimator, "net_"):
        warnings.warn(
            f"{name} ignores seed words that X does not have: "
            f"{with_close_words(unknown, place)}."
        )
    return columns


def with_close_words(words, vocabulary):
    """Return words as text, each with those of the vocabulary that are close to it."""
    by_lower = {str(word).lower(): word for word in vocabulary}
    shown = []
    for word in words:
        close = difflib.get_close_matches(word.lower(), list(by_lower))
        close = ", ".join(by_lower[lower] for lower in close)
        shown.append(f"{word!r} (close: {close})" if close else repr(word))
    return ", ".join(shown)


def seed_themes(X, columns, n_at_once=2**12):
    """Return word probabilities of what documents with each topic's seeds are about.

    They cover the words that are specific to documents with the seeds. Each seed counts
    alike, however frequent it is.

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
    together = np.zeros((len(words), X.shape[1]))  # documents with both
    n_seeded = np.zeros(len(columns))  # documents with any seed of a topic
    for start in range(0, X.shape[0], n_at_once):
        part = X[start : start + n_at_once]
        ones = np.ones(part.nnz)
        part = sp.csr_array((ones, part.indices, part.indptr), part.shape)
        with_seed = part[:, words]
        together += (with_seed.T @ part).toarray()
        n_seeded += (with_seed @ is_of.T > 0).sum(axis=0)
    documents = together[np.arange(len(words)), words]
    votes = is_of * (documents > 0)
    means = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    counts = (means / np.maximum(documents, 1)) @ together * n_seeded[:, None]
    absent = n_seeded == 0
    counts[np.ix_(absent, words)] = is_of[absent]
    return specific_words(counts, document_frequencies(X))


def specific_words(counts, overall):
    """Word probabilities of what distinguishes each row of counts from those of all.

    Each count is shared out between the row's own distribution and that of all rows,
    which has the weight `BACKGROUND`, until this distribution no longer changes much.

    Parameters
    ----------
    counts : ndarray of shape (n_rows, n_words)
    overall : ndarray of shape (n_words,)
        Counts of all documents.

    Returns
    -------
    probabilities : ndarray of shape (n_rows, n_words)
        Rows sum to one.

    References
    ----------
    Hiemstra, D., Robertson, S. and Zaragoza, H. (2004). Parsimonious language models
    for information retrieval. SIGIR.
    """
    overall = overall / overall.sum()
    own = normalize(counts, norm="l1")
    for _ in range(N_ITERATIONS):
        specific = (1 - BACKGROUND) * own
        total = specific + BACKGROUND * overall
        share = np.divide(specific, total, out=np.zeros_like(total), where=total > 0)
        kept = np.maximum(counts * share - MIN_DOCUMENTS, 0)
        n_kept = kept.sum(axis=1, keepdims=True)
        # A row of few counts may have nothing that is sure to be its own, or no more
        # than rounding leaves.
        own = np.divide(kept, n_kept, out=own, where=n_kept > LEAST_SUM)
    return own
