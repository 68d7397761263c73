"""Columns of a matrix, chosen as scikit-learn's ColumnTransformer lets one choose."""

import numpy as np
import pandas as pd


def column_numbers(X, columns):
    """Numbers of columns that are given as a slice, numbers, names, mask or function.

    Raises
    ------
    AttributeError, IndexError, KeyError or ValueError
        If X has no such columns.
    """
    chosen = columns(X) if callable(columns) else columns
    if not isinstance(chosen, slice):
        chosen = np.asarray(chosen)
        if chosen.dtype.kind in "OUT":
            place = pd.Index(X.columns).get_indexer(chosen)
            if (place < 0).any():
                raise KeyError(chosen[np.argmin(place)])
            chosen = place
        elif chosen.size == 0:
            chosen = chosen.astype(int)
    elif any(isinstance(end, str) for end in (chosen.start, chosen.stop)):
        chosen = pd.Index(X.columns).slice_indexer(chosen.start, chosen.stop)
    return np.arange(X.shape[1])[chosen]
