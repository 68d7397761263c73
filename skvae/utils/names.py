"""Names of topics."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from skvae.utils.hints import ATTRIBUTES


def numbered_topics(n_topics):
    """Return the names of topics that nobody named: "topic 0", "topic 1", and so on."""
    return np.array([f"topic {k}" for k in range(n_topics)], dtype=object)


class TopicNamesMixin(ClassNamePrefixFeaturesOutMixin):
    """Topics go by one name in tables, pictures and the columns of `transform`."""

    def __getattr__(self, name):
        if name in ATTRIBUTES:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}. "
                f"Use {ATTRIBUTES[name]}."
            )
        return self.__getattribute__(name)  # which raises the original error

    def get_feature_names_out(self, input_features=None):
        """Names of the topics: those that they were given, else "topic 0" and so on.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Only checked, against the names that the model was fitted with.

        Returns
        -------
        names : ndarray of str of shape (n_topics,)
            One for each column of `transform`.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If `input_features` are not those of the fit.
        """
        columns = super().get_feature_names_out(input_features)
        if hasattr(self, "topic_names_"):
            return self.topic_names_.copy()
        return numbered_topics(len(columns))
