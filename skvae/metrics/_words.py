"""The top words of topics, in whatever form the topics are given."""

from numbers import Integral

import numpy as np

from skvae.models.fitted import FittedTopics
from skvae.utils.counts import top_columns
from skvae.utils.validation import column_names


def is_model(topics):
    """Whether topics come as a fitted model."""
    return hasattr(topics, "fit") or isinstance(topics, FittedTopics)


def topic_weights(topics):
    """Return the weights of the topics, or None if they are lists of words."""
    if is_model(topics):
        return FittedTopics.of(topics).components
    if hasattr(topics, "to_numpy"):  # a DataFrame, of weights or of words
        topics = topics.to_numpy()
    if isinstance(topics, np.ndarray) and topics.dtype.kind in "biuf":
        return topics
    return None


def known_names(topics):
    """Return the words that weights belong to, or None if `topics` does not know."""
    if is_model(topics):
        return FittedTopics.of(topics).known_words
    return None if topic_weights(topics) is None else column_names(topics)


def leading_words(topics, n_words):
    """First words of each topic: column indices, or words as they were listed."""
    weights = topic_weights(topics)
    if weights is not None:
        return top_columns(weights, n_words)

    if hasattr(topics, "to_numpy"):
        topics = topics.to_numpy()
    if n_words < 1 or len(topics) == 0:
        raise ValueError(
            f"There are {len(topics)} topics and n_words={n_words}. Pass one or more."
        )
    for k, words in enumerate(topics):
        listed = not isinstance(words, str)
        if not listed or not all(isinstance(word, (str, Integral)) for word in words):
            wrong = "is not a list of words or column indices"
        elif len(words) < n_words:
            wrong = f"has {len(words)} words, fewer than n_words={n_words}"
        elif len(set(words[:n_words])) < n_words:
            wrong = "has a word more than once"
        else:
            continue
        raise ValueError(
            f"Topic {k} {wrong}: {words!r:.200}. Pass lists of at least n_words "
            "distinct words, a smaller n_words, or weights as a NumPy array."
        )
    return [list(words[:n_words]) for words in topics]


def check_width(topics, n_features, owner):
    """Check that there is a weight for each of the features of the owner."""
    weights = topic_weights(topics)
    if weights is not None and weights.shape[-1] != n_features:
        raise ValueError(
            f"The topics weigh {weights.shape[-1]} words, but {owner} has {n_features} "
            "features. Pass those of the fit, and column indices as lists."
        )


def as_columns(leading, feature_names, n_features):
    """Look up words in `feature_names`; column indices stay as they are."""
    names = [] if feature_names is None else list(feature_names)
    if feature_names is not None and len(names) != n_features:
        raise ValueError(
            f"There are {len(names)} feature_names, but X has {n_features} features."
        )
    index = {name: column for column, name in enumerate(names)}

    def lookup(word):
        column = word if isinstance(word, Integral) else index.get(word, -1)
        if not 0 <= column < n_features:
            raise ValueError(
                f"The word {str(word)!r} is none of the {len(names)} feature_names, "
                f"nor a column of the {n_features} of X. Pass "
                "feature_names=vectorizer.get_feature_names_out()."
            )
        return column

    return [[lookup(word) for word in words] for words in leading]


def as_words(leading, feature_names):
    """Name column indices by `feature_names`; words stay as they are."""
    names = [] if feature_names is None else list(feature_names)

    def name(word):
        if isinstance(word, str):
            return word
        if not 0 <= word < len(names):
            raise ValueError(
                f"Column {word} is a top word, but there are {len(names)} feature "
                "names. Pass words, as skvae.inspection.top_words returns them."
            )
        return names[word]

    return [[name(word) for word in words] for words in leading]
