"""Words of the topics, by four ways to rank them."""

from numbers import Real

import numpy as np
from scipy.stats import rankdata
from sklearn.utils import check_scalar

from skvae.fitted.model import (
    check_n_features,
    input_feature_names,
    topic_model,
    topic_model_counts,
    topic_names,
    word_names,
    word_probabilities,
)
from skvae.utils.counts import check_csr
from skvae.utils.ranking import top_columns
from skvae.utils.validation import check_n_words

# Probabilities below it count as it, where logarithms of them are compared: NMF has
# zeros.
LEAST = 1e-10
# Weights of the second criterion, as in the papers.
WEIGHTS = {"relevance": 0.6, "frex": 0.5}
_RANKINGS = ("probability", "term_score", "relevance", "frex")


def leading_columns(scores, n_words):
    """Columns of the largest scores of each topic, or all if there are fewer."""
    check_n_words(n_words)
    return top_columns(scores, min(n_words, scores.shape[1]))


def top_lists(model, feature_names=None, n_words=5):
    """Return the top words of each topic as one string, or None if nobody knows them.

    Names that were given are not to be wrong.
    """
    if feature_names is None and input_feature_names(model) is None:
        return None
    columns = leading_columns(topic_model(model).components_, n_words)
    words = word_names(model, feature_names)[columns]
    return np.array([" ".join(map(str, row)) for row in words], dtype=object)


def topic_captions(model, feature_names, n_words):
    """Return what pictures call the topics, with their top words if these are known."""
    titles, lists = topic_names(model), top_lists(model, feature_names, n_words)
    return titles if lists is None else titles + "  " + lists


def word_frequencies(model, X):
    """Return the share of each word in the tokens of X; shape (n_features,).

    Words that X lacks count as if it had one: none is infinitely specific because
    documents are few.
    """
    counts = check_csr(topic_model_counts(model, X))
    check_n_features(model, counts)
    total = counts.sum()
    if not total > 0:
        raise ValueError("X has no tokens. Pass documents that have some.")
    return np.maximum(counts.sum(axis=0), 1) / total


def word_overlaps(model):
    """What each two topics have in common, by the probabilities of their words.

    1 for equal ones, 0 for those without a word in common (Bhattacharyya).
    """
    roots = np.sqrt(word_probabilities(model))
    return np.minimum(roots @ roots.T, 1)  # which rounding may exceed


def topic_distances(model):
    """Hellinger distances of the topics' words, from 0 to 1."""
    distances = np.sqrt(1 - word_overlaps(model))
    np.fill_diagonal(distances, 0)
    return distances


def rank_words(model, by="probability", weight=None, frequencies=None, covariates=None):
    """Return the scores that `top_words` goes by; (n_components, n_features)."""
    if by not in _RANKINGS:
        raise ValueError(f"by={by!r}, but it is one of {', '.join(_RANKINGS)}.")
    if weight is None:
        weight = WEIGHTS.get(by)
    elif by not in WEIGHTS:
        raise ValueError(
            f"weight={weight!r} says nothing with by={by!r}. Leave it out, or take "
            f"by='relevance' or by='frex'."
        )
    else:
        check_scalar(weight, "weight", Real, min_val=0, max_val=1)
    if by == "probability" and covariates is None:
        return topic_model(model).components_
    p = word_probabilities(model, covariates)
    if by == "probability":
        return p
    if by == "term_score":
        log_p = np.log(np.maximum(p, LEAST))
        return p * (log_p - log_p.mean(axis=0))
    if by == "relevance":
        if frequencies is None:
            frequencies = p.mean(axis=0)
        log_p = np.log(np.maximum(p, LEAST))
        return log_p - (1 - weight) * np.log(np.maximum(frequencies, LEAST))
    exclusivity = p / np.maximum(p.sum(axis=0), LEAST)
    ranks = [rankdata(z, "max", axis=1) / p.shape[1] for z in (exclusivity, p)]
    return 1 / (weight / ranks[0] + (1 - weight) / ranks[1])
