"""What the topic proportions of documents tell: sizes of topics, and prevalence."""

import re

import numpy as np
import pandas as pd

from skvae.fitted.model import posterior_variances, topic_names
from skvae.utils.counts import check_csr

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def sizes_of(model, counts, shares):
    """`topic_sizes` by the topic proportions of the documents."""
    n_tokens = check_csr(counts).sum(axis=1)
    if not n_tokens.sum() > 0:
        raise ValueError("X has no tokens. Pass documents that have some.")
    telling = (n_tokens > 0) & (shares.max(axis=1) > shares.mean(axis=1) + 1e-12)
    largest = shares.argmax(axis=1)[telling | (shares.shape[1] == 1)]
    return pd.DataFrame(
        {
            "share": n_tokens @ shares / n_tokens.sum(),
            "documents": np.bincount(largest, minlength=shares.shape[1]),
        },
        index=topic_names(model),
    )


def prevalence_of(model, counts, given, shares, by, freq):
    """`topic_prevalence` by the topic proportions of the documents."""
    groups = _groups(by, freq, len(shares))
    variances = posterior_variances(model, counts, given)
    if "embeddings" not in given:
        telling = check_csr(counts).sum(axis=1) > 0
        shares, variances, groups = shares[telling], variances[telling], groups[telling]
    if len(shares) == 0:
        raise ValueError("X has no tokens. Pass documents that have some.")
    order = groups.unique().sort_values()
    if isinstance(groups, pd.PeriodIndex):
        order = pd.period_range(order[0], order[-1])
    by_group = pd.DataFrame(shares).groupby(groups, sort=True)
    n = by_group.size().reindex(order, fill_value=0).to_numpy()
    mean = by_group.mean().reindex(order)
    within = by_group.var().reindex(order) + pd.DataFrame(variances).groupby(
        groups
    ).mean().reindex(order)
    n_topics = shares.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # of no documents
        errors = np.sqrt(within.to_numpy() / n[:, None])
    return pd.DataFrame(
        {
            "group": order.repeat(n_topics),
            "topic": np.tile(topic_names(model), len(order)),
            "share": mean.to_numpy().ravel(),
            "std_error": errors.ravel(),
            "documents": n.repeat(n_topics),
        }
    )


def _groups(by, freq, n_samples):
    """An index with the group of each document: Periods, if `by` holds dates."""
    if np.ndim(by) != 1 or len(by) != n_samples:
        raise ValueError(
            f"by has the shape {np.shape(by)}, but X has {n_samples} documents. Pass a "
            "date or a group for each."
        )
    groups = pd.Index(by)
    if groups.isna().any():
        raise ValueError(
            f"by lacks the date or group of {groups.isna().sum()} documents. Leave "
            "these out, or give their group a name."
        )
    if groups.inferred_type in ("date", "datetime"):
        groups = pd.DatetimeIndex(groups)
    if isinstance(groups, pd.DatetimeIndex):
        try:
            return _disjoint(groups.tz_localize(None).to_period(freq))
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"freq={freq!r} is not a length of periods. Pass 'D', 'W', 'M', 'Q' or "
                "'Y', a multiple such as '2W', or another period frequency of pandas."
            ) from error
    if isinstance(groups, pd.PeriodIndex):
        first = groups.asi8[:1]
        if ((groups.asi8 - first) % groups.freq.n).any():  # they overlap
            groups = _disjoint(groups)
        return groups
    if groups.inferred_type == "string" and all(map(_DATE.match, groups)):
        raise ValueError(
            f"by holds dates as strings, such as {groups[0]!r:.40}. Pass "
            "pd.to_datetime(by)."
        )
    if groups.inferred_type.startswith("mixed"):
        raise ValueError(
            "by holds groups of several types, which have no order. Make all of them "
            "strings."
        )
    return groups


def _disjoint(periods):
    """Periods of several months, days or the like that do not overlap.

    pandas starts one of its own at each date. Here they start at multiples of their
    length from 1970 on, so that "3M" are quarters and "10Y" decades.
    """
    start = periods.asi8 - periods.asi8 % periods.freq.n
    return pd.PeriodIndex.from_ordinals(start, freq=periods.freq)
