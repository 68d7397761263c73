"""The top words of topics, in whatever form the topics are given."""

from numbers import Integral

import numpy as np

from skvae._fitted import top_columns, topic_model


def leading_words(topics, n_words, n_features=None):
    """First words of each topic: column indices, or words as they were listed."""
    if hasattr(topics, "fit"):
        topics = topic_model(topics).components_
    elif hasattr(topics, "to_numpy"):  # a DataFrame, of weights or of words
        topics = topics.to_numpy()
    if isinstance(topics, np.ndarray) and topics.dtype.kind in "biuf":
        if n_features not in (None, topics.shape[-1]):
            raise ValueError(
                f"The topics weigh {topics.shape[-1]} words, but X has {n_features} "
                "features. Pass the columns that the topics were fitted on; pass "
                "column indices as lists, not as an array."
            )
        return top_columns(topics, n_words)

    if n_words < 1 or len(topics) == 0:
        raise ValueError(
            f"There are {len(topics)} topics and n_words={n_words}. Pass at least one "
            "topic and one word."
        )
    for k, words in enumerate(topics):
        if isinstance(words, str) or not all(
            isinstance(word, (str, Integral)) for word in words
        ):
            raise ValueError(
                f"Topic {k} is {words!r}, not a list of words or column indices. Pass "
                "a list of such lists, or weights as a NumPy array."
            )
        if len(words) < n_words:
            raise ValueError(
                f"Topic {k} has {len(words)} words, fewer than n_words={n_words}. "
                "Pass longer topics or a smaller n_words."
            )
    return [list(words[:n_words]) for words in topics]


def as_columns(leading, feature_names, n_features):
    """Look up words in `feature_names`; column indices stay as they are."""
    names = [] if feature_names is None else list(feature_names)
    if feature_names is not None and len(names) != n_features:
        raise ValueError(
            f"There are {len(names)} feature_names, but X has {n_features} features. "
            "Pass one name per feature, in the order of the columns."
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
