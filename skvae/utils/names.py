"""Names of topics."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


def numbered_topics(n_topics):
    """Return the names of topics that nobody named: "topic 0", "topic 1", and so on."""
    return np.array([f"topic {k}" for k in range(n_topics)], dtype=object)


class TopicNamesMixin:
    """Topics go by one name in tables, pictures and the columns of `transform`."""

    def get_feature_names_out(self, input_features=None):
        """Names of the topics: those that they were given, else "topic 0" and so on.

        Parameters
        ----------
        input_features : ignored
            Not used.

        Returns
        -------
        names : ndarray of str of shape (n_topics,)
            One for each column of `transform`.
        """
        check_is_fitted(self)
        if hasattr(self, "topic_names_"):
            return self.topic_names_.copy()
        return numbered_topics(self._n_features_out)
