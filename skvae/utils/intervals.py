"""Intervals around mean shares."""

import numpy as np

# Standard errors to either side of a mean that hold it in 95 of 100 samples.
_Z = 1.96


def share_interval(prevalence):
    """Ends of the 95 % interval of each share of `topic_prevalence`.

    Of a single document, whose error nobody knows, both are the share.
    """
    error = _Z * prevalence["std_error"].fillna(0)
    return np.maximum(prevalence["share"] - error, 0), prevalence["share"] + error
