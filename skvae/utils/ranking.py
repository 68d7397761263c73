"""What comes first."""

import numpy as np
from sklearn.utils import check_array


def top_columns(components, n_words):
    """Return the columns with the largest weights of each topic, best first.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
    n_words : int

    Returns
    -------
    columns : ndarray of shape (n_components, n_words)
        Ties are in the order of the columns.
    """
    components = check_array(components, dtype=np.float64, input_name="components")
    n_features = components.shape[1]
    if not 1 <= n_words <= n_features:
        raise ValueError(
            f"n_words={n_words}, but the topics weigh {n_features} words. Pass "
            f"n_words between 1 and {n_features}."
        )
    return np.argsort(-components, axis=1, kind="stable")[:, :n_words]
