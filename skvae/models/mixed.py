"""Which columns of a table have which likelihood."""

import reprlib
from collections import Counter
from itertools import groupby
from numbers import Integral

import numpy as np
import scipy.sparse as sp

from skvae.models.side_data import column_numbers
from skvae.nn.likelihoods import LIKELIHOODS, BernoulliOutput, CategoricalOutput
from skvae.utils.validation import EXTREMES, invalid_parameter


def parts_of(likelihood, n_features):
    """Names of likelihoods, and the columns of each."""
    if isinstance(likelihood, str):
        return ((likelihood, tuple(range(n_features))),)
    return likelihood


def resolved_likelihood(model, X_given, X):
    """The parameter `likelihood` with columns by their numbers, for a fit to X.

    Parameters
    ----------
    model : VAETransformer
    X_given : DataFrame or array
        X as it came, for names of columns.
    X : ndarray or CSR array
        As it was checked.

    Raises
    ------
    InvalidParameterError
        If it is no list of names and columns of X.
    """
    if isinstance(model.likelihood, str):
        return model.likelihood
    named = X_given if hasattr(X_given, "shape") else X  # not so a list of lists
    parts = []
    try:
        for kind, columns in model.likelihood:
            if kind not in LIKELIHOODS:
                raise ValueError(f"there is no likelihood {kind!r}")
            if isinstance(columns, Integral | str) and not isinstance(columns, bool):
                columns = [columns]
            numbers = column_numbers(named, columns)
            blocks = [numbers]
            if kind == "categorical":
                blocks = one_hot_blocks(X, numbers)
            parts += [(kind, tuple(sorted(int(j) for j in block))) for block in blocks]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        must = (
            f"be one of {', '.join(sorted(LIKELIHOODS))}, or a list of pairs of these "
            "and columns of X, such as [('gaussian', [0, 1]), ('poisson', ['n'])]; but "
            f"X has {X.shape[1]} columns, and {error}"
        )
        raise invalid_parameter(model, "likelihood", must) from error
    return tuple((kind, block) for kind, block in parts if block)


def check_columns(model, likelihood, n_features):
    """Raise InvalidParameterError unless each column has one likelihood."""
    times = Counter(j for _, block in parts_of(likelihood, n_features) for j in block)
    often = sorted(j for j in times if times[j] > 1)
    absent = [j for j in range(n_features) if j not in times]
    if often or absent:
        must = (
            f"have each of the {n_features} columns of X once: {absent[:10]} are in "
            f"none, {often[:10]} in several"
        )
        raise invalid_parameter(model, "likelihood", must)


def kinds_of(likelihood):
    """Return the names of one likelihood or a list, None for what `fit` refuses."""
    if isinstance(likelihood, str):
        return [likelihood]
    if not isinstance(likelihood, tuple | list):
        return []
    pairs = (part if isinstance(part, tuple | list) else () for part in likelihood)
    names = (pair[0] if len(pair) == 2 else None for pair in pairs)
    return [name if isinstance(name, str) else None for name in names]


def likelihood_to_train(model):
    """Return the likelihood of a training, which continues with its first columns."""
    if not hasattr(model, "net_"):
        return model._likelihood()
    if isinstance(model.likelihood, str):
        return model.likelihood
    before = model.net_.config["likelihood"]
    # One-hot blocks next to each other may have been one pair.
    kinds, now = (
        [kind for kind, _ in groupby(kinds_of(parts))]
        for parts in (before, model.likelihood)
    )
    if isinstance(before, str) or kinds != now:
        must = f"be as in the fit before, {before!r}, unless warm_start=False"
        raise invalid_parameter(model, "likelihood", must)
    return before


def one_hot_blocks(X, numbers):
    """Columns side by side that hold one category each, parted where rows add up to 1.

    As OneHotEncoder makes them of several features; those that cannot be parted stay
    one block.
    """
    values = X[:, numbers]
    values = values.toarray() if sp.issparse(values) else values
    blocks, start, sums = [], 0, np.zeros(len(values))
    for end in range(1, len(numbers) + 1):
        sums = sums + values[:, end - 1]
        if ((sums == 1) | np.isnan(sums)).all() and not np.isnan(sums).all():
            blocks.append(numbers[start:end])
            start, sums = end, np.zeros(len(values))
    return blocks if start == len(numbers) else [numbers]


def each_part(X, likelihood):
    """Yield each likelihood, what to call it in messages, and its columns of X."""
    for kind, columns in parts_of(likelihood, X.shape[1]):
        if isinstance(likelihood, str):
            yield LIKELIHOODS[kind], f"likelihood={kind!r}", X
        else:
            where = f"{kind!r} for the columns {reprlib.repr(list(columns))}"
            yield LIKELIHOODS[kind], where, X[:, list(columns)]


def check_values(model, X, likelihood, *, scored):
    """Raise ValueError if values are missing where none may be.

    If rows are `scored`, their values must be in the support of the likelihoods too.
    """
    for output, where, part in each_part(X, likelihood):
        name = f"{type(model).__name__} with {where}"
        values = part.data if sp.issparse(part) else part
        if output.counts and np.isnan(values).any():
            raise ValueError(
                f"{name} takes no missing values, but X contains NaN. Count them as 0, "
                "or take likelihood='poisson'."
            )
        if sp.issparse(part) and np.isnan(values).any():
            raise ValueError(
                f"{name} takes missing values in dense X only, but X is sparse and "
                "contains NaN. Pass X.toarray() or use sparse_threshold=0."
            )
        if scored:
            check_support(name, output, part, values)


def check_support(name, output, part, values):
    """Raise ValueError unless all values are in the support of a likelihood."""
    ends = [reduce(values, axis=None) if values.size else 0 for reduce in EXTREMES]
    (least, most), (lowest, highest) = ends, output.support
    if least < lowest or most > highest:
        is_gray = least >= 0 and output is BernoulliOutput
        ways = f"X / {most:g}, or MinMaxScaler" if is_gray else "MinMaxScaler"
        raise ValueError(
            f"{name} takes values in [{lowest}, {highest}], but X has values from "
            f"{least:g} to {most:g}. Scale X ({ways}), or use likelihood='gaussian'."
        )
    if output is CategoricalOutput:
        is_binary = np.isin(values, (0, 1)) | np.isnan(values)
        if not is_binary.all() or (np.asarray(part.sum(axis=1)) > 1).any():
            raise ValueError(
                f"{name} takes rows of zeros with a single 1, as from OneHotEncoder, "
                "but X has others. Pass a pair for each such block of columns."
            )
