"""Checks of parameters, device and input.

The only module that imports anything private of scikit-learn.
"""

from collections.abc import Iterable, Mapping, Sized
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import validate_data
from skorch.callbacks import Callback

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_code_names",
    "check_feature_names",
    "check_input",
    "check_layer_sizes",
    "check_n_words",
    "check_parameters",
    "check_range",
    "check_same_columns",
    "column_names",
    "contains_texts",
    "contains_words",
    "resolve_device",
]

MANY = 2**63  # which torch has no integers for


def check_parameters(estimator):
    """Raise InvalidParameterError for a parameter outside its constraints."""
    name = type(estimator).__name__
    constraints = estimator._parameter_constraints
    check_feature_names(getattr(estimator, "feature_names", None))
    params = estimator.get_params(deep=False)
    validate_parameter_constraints(constraints, params, caller_name=name)
    for param, value in params.items():
        numeric = any(isinstance(c, Interval) for c in constraints.get(param, ()))
        if numeric and isinstance(value, bool):  # an int to Python, a slip to us
            raise InvalidParameterError(
                f"The {param!r} parameter of {name} must be a number. "
                f"Got {value!r} instead."
            )
        if numeric and isinstance(value, Integral) and abs(value) >= MANY:
            raise InvalidParameterError(
                f"The {param!r} parameter of {name} must be below 2**63."
            )
    for callback in params.get("callbacks") or ():
        if isinstance(callback, tuple):
            callback = callback[-1]
        if not isinstance(callback, Callback):
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {name} must hold skorch callbacks, or "
                f"pairs of a name and a callback. Got {callback!r} instead."
            )
    if "hidden_layer_sizes" in params:
        check_layer_sizes(name, "hidden_layer_sizes", params["hidden_layer_sizes"])


def check_layer_sizes(name, param, sizes):
    """Return the sizes of layers, of which one number is one layer, as a tuple of int.

    Raises
    ------
    InvalidParameterError
        If they are no positive integers.
    """
    given = [sizes] if np.ndim(sizes) == 0 else sizes
    if np.ndim(given) != 1 or not all(
        isinstance(n, Integral) and not isinstance(n, bool) and 1 <= n < MANY
        for n in given
    ):
        raise InvalidParameterError(
            f"The {param!r} parameter of {name} must hold integers of at least 1. "
            f"Got {sizes!r} instead."
        )
    return tuple(int(n) for n in given)


WORDS = "feature_names=vectorizer.get_feature_names_out()"


def check_n_words(n_words):
    """Raise TypeError or ValueError unless it is a number, rather than words."""
    if not np.isscalar(n_words):
        raise TypeError(
            f"n_words is of type {type(n_words).__name__}, not a number. Pass words as "
            f"{WORDS}."
        )
    check_scalar(n_words, "n_words", Integral, min_val=1)


def check_feature_names(names):
    """Raise TypeError for a vectorizer or its vocabulary in the place of its words."""
    if hasattr(names, "get_feature_names_out") or isinstance(names, Mapping):
        raise TypeError(
            f"feature_names is of type {type(names).__name__}, but takes a word for "
            f"each column. Pass {WORDS}."
        )


def resolve_device(device):
    """Turn "auto" into the best device, and refuse one that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise ValueError(
            f"device={device!r} is not available: {str(error).splitlines()[0]}. "
            'Use device="cpu" or device="auto".'
        ) from error
    return device


def check_input(estimator, X, *, reset, **options):
    """scikit-learn's `validate_data` for CSR and dense rows that fit single precision.

    Raises
    ------
    ValueError
        In its words.
    """
    with np.errstate(invalid="ignore"):  # of the sum of inf and -inf; it tells itself
        X = validate_data(estimator, X, reset=reset, accept_sparse="csr", **options)
    check_range(estimator, X, "X")
    return X


def check_range(estimator, X, name):
    """Raise ValueError if a value is beyond single precision."""
    values = X.data if sp.issparse(X) else X
    largest = np.finfo(np.float32).max.item()
    if max(np.abs(value_range(values))) > largest:
        raise ValueError(
            f"Input {name} of {type(estimator).__name__} contains infinity or a value "
            f"too large for dtype('float32'). Scale {name} to smaller values."
        )


def value_range(values):
    """Smallest and largest of the values that are not NaN; of none 0 or NaN."""
    if values.size == 0:
        return 0.0, 0.0
    return np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)


def column_names(X):
    """Names of the columns of a DataFrame, or of the numbers of a row that is a Series.

    None if there are none, or if they are not strings, all of them, as in scikit-learn.
    """
    names = X.index if isinstance(X, pd.Series) else getattr(X, "columns", ())
    names = list(names)
    return names if names and all(isinstance(name, str) for name in names) else None


def check_same_columns(names, expected, name, owner, *, allow_others=False):
    """Raise ValueError unless columns have the expected names in the expected order.

    Either may be None, unknown. Other numbers of columns are left to other checks.
    With `allow_others`, the same names in another order alone are refused.
    """
    if names is None or expected is None or len(names) != len(expected):
        return
    if allow_others and set(names) != set(expected):
        return
    for column, (found, other) in enumerate(zip(names, expected)):
        if found != other:
            raise ValueError(
                f"Column {column} of {name} is {found!r}, but that of {owner} is "
                f"{other!r}. Pass the same columns in the same order: select them by "
                f"name, in the order of {owner}."
            )


def check_code_names(model, X):
    """Raise ValueError if codes have the columns of `transform` in another order."""
    names = model.get_feature_names_out()
    owner = f"{type(model).__name__}.transform"
    check_same_columns(column_names(X), names, "X", owner, allow_others=True)


def contains_texts(X):
    """Whether X is a container of strings rather than of counts."""
    if isinstance(X, np.ndarray):
        X = X.flat
    elif hasattr(X, "columns") or sp.issparse(X):
        return False
    elif not (isinstance(X, Iterable) and isinstance(X, Sized)):
        return False
    return isinstance(next(iter(X), None), str)


def contains_words(X):
    """Whether X holds strings in any place of counts, as lists of tokens do."""
    if hasattr(X, "columns"):
        first = np.asarray(X[:1], dtype=object)
        return any(isinstance(value, str) for value in first.flat)
    if isinstance(X, list | tuple) and len(X) and isinstance(X[0], list | tuple):
        return contains_texts(X[0])
    return contains_texts(X)
