"""Checks of parameters, device and input.

The only module that imports anything private of scikit-learn.
"""

from collections.abc import Iterable, Mapping, Sized
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import (  # noqa: F401, for other modules
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import validate_data
from skorch.callbacks import Callback

MANY = 2**63  # which torch has no integers for
# Smallest and largest value, without NaN and without copies.
EXTREMES = np.fmin.reduce, np.fmax.reduce


def invalid_parameter(estimator, name, must, value=None):
    """Return the error for a parameter, `must` being what it must be or hold.

    The value is that of the estimator, unless it is that of an estimator within.
    """
    value = getattr(estimator, name) if value is None else value
    return InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must {must}. Got "
        f"{value!r:.300} instead."
    )


def check_parameters(estimator):
    """Raise InvalidParameterError for a parameter outside its constraints."""
    name = type(estimator).__name__
    constraints = estimator._parameter_constraints
    params = estimator.get_params(deep=False)
    if params.get("feature_names") is not None:
        check_feature_names(params["feature_names"])
    validate_parameter_constraints(constraints, params, caller_name=name)
    for param, value in params.items():
        numeric = any(isinstance(c, Interval) for c in constraints.get(param, ()))
        if numeric and isinstance(value, bool):  # an int to Python, a slip to us
            raise invalid_parameter(estimator, param, "be a number")
        if numeric and isinstance(value, Integral) and abs(value) >= MANY:
            raise invalid_parameter(estimator, param, "be below 2**63")
    for callback in params.get("callbacks") or ():
        if isinstance(callback, tuple):
            callback = callback[-1]
        if not isinstance(callback, Callback):
            must = "hold skorch callbacks, or pairs of a name and a callback"
            raise invalid_parameter(estimator, "callbacks", must)
    if "hidden_layer_sizes" in params:
        check_layer_sizes(estimator, "hidden_layer_sizes")


def draft_of(estimator, keep_fitted=False):
    """Return a shallow copy for `fit` to change, so that a fit that fails does no harm.

    It has only the parameters, unless `keep_fitted`.
    """
    draft = object.__new__(type(estimator))
    draft.__dict__ = {
        key: value
        for key, value in vars(estimator).items()
        if keep_fitted or not key.endswith("_")
    }
    return draft


def check_layer_sizes(estimator, name):
    """Return a parameter with sizes of layers, or one size, as a tuple of int.

    Raises
    ------
    InvalidParameterError
        If they are no positive integers.
    """
    sizes = getattr(estimator, name)
    sizes = [sizes] if np.ndim(sizes) == 0 else sizes
    if np.ndim(sizes) != 1 or not all(
        isinstance(n, Integral) and not isinstance(n, bool) and 1 <= n < MANY
        for n in sizes
    ):
        raise invalid_parameter(estimator, name, "hold integers of at least 1")
    return tuple(int(n) for n in sizes)


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
    ends = [reduce(values, axis=None) for reduce in EXTREMES if values.size]
    if any(abs(end) > np.finfo(np.float32).max.item() for end in ends):
        raise ValueError(
            f"Input {name} of {type(estimator).__name__} contains infinity or a value "
            f"too large for dtype('float32'). Scale {name} to smaller values."
        )


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
    if getattr(getattr(X, "dtype", None), "kind", "O") in "biuf":
        return False
    if isinstance(X, list | tuple) and len(X) and isinstance(X[0], list | tuple):
        return contains_texts(X[0])
    return contains_texts(X)


def canonical_csr(X):
    """Sorted CSR without duplicates and stored zeros; X itself if it is that."""
    if X.has_canonical_format and X.data.all():
        return X
    X = X.copy()  # never in place: the arrays may be the caller's
    X.sum_duplicates()
    X.eliminate_zeros()
    return X
