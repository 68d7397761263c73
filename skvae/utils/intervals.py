"""How tables of `topic_prevalence` are drawn: their axis, and intervals."""

import numpy as np
import pandas as pd

# Standard errors to either side of a mean that hold it in 95 of 100 samples.
_Z = 1.96


def axis_of_groups(groups):
    """Where groups belong: on an axis of "time", in "order", or side by side."""
    if isinstance(groups.dtype, pd.PeriodDtype):
        return "time"
    return "order" if pd.api.types.is_numeric_dtype(groups) else "groups"


def share_interval(prevalence):
    """Ends of the 95 % interval of each share of `topic_prevalence`.

    Of a single document, whose error nobody knows, both are the share.
    """
    error = _Z * prevalence["std_error"].fillna(0)
    return np.maximum(prevalence["share"] - error, 0), prevalence["share"] + error
