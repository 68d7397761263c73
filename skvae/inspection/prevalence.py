"""How much of documents is about a topic, in each period or group."""

import re

import numpy as np
import pandas as pd

from skvae.models.fitted import FittedTopics

# Dates as texts: 2020-02-01, 1.2.2020, Feb 2020, 1 February 2020.
_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|"
    "sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
)
_DATE = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d|\d{1,2}[-./]\d{1,2}[-./]\d{2}"
    rf"|(\d{{1,2}}\.? )?({_MONTHS})\.? \d",
    re.IGNORECASE,
)
# Ends of periods, as pandas calls them since version 2.2.
_PERIOD_END = re.compile(r"^(\d*[QMY])E\b")
# Standard errors to either side of a mean that hold it in 95 of 100 samples.
_Z = 1.96


def topic_prevalence(model, X, by, *, freq="M", covariates=None, embeddings=None):
    """Mean topic proportions of documents over time, or by group, with their errors.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model with topic proportions, or a fitted Pipeline that ends in
        one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`.
    by : array-like of shape (n_samples,)
        Dates of the documents, as `pandas.to_datetime` makes them, or pandas Periods;
        else their groups, as names or numbers.
    freq : str, default="M"
        Length of the periods that dates are put into, as of pandas Periods: "Y", "Q",
        "M", "W" or "D", for example, or a multiple such as "2W". "QE", "ME" and "YE"
        work too. Multiples are counted from 1970: "6M" are half-years and "10Y"
        decades. Not used for groups.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    prevalence : DataFrame of shape (n_groups * n_topics, 5)
        Group by group, in their order, with the columns "group" (a Period, or the value
        of `by`), "topic" (its name), "share", the mean proportion of the documents,
        "std_error", its standard error, and "documents", how many they are. Periods
        within the span that have no documents are there, with a share of NaN; the error
        of a single document is NaN. Documents without tokens are left out, unless the
        model knows them by embeddings.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model has no topic proportions, such as NVDM, whose codes are signed; if
        there are not as many dates or groups as documents, or some are missing; or if
        no document is left.

    See Also
    --------
    skvae.plotting.TopicPrevalenceDisplay : Draws it.
    topic_sizes : Of all documents, where long ones count more.
    top_words : At given covariates, how words of a topic differ by period or group.

    Notes
    -----
    The error of a mean has two parts: documents are a sample of what might have been
    written, and their proportions are known up to the posterior only. The second part
    is the mean variance of the proportions under q(z | x) [1]_, of which `TopicGroups`
    group the draws. The posterior of a `ConsensusTopicModel` is the equal mixture of
    those of its members. `ClusterTopicModel`, LDA and NMF have no posterior to draw
    from: their variance is 0, and the error is that of the sample alone.

    References
    ----------
    .. [1] Treier, S. and Jackman, S. (2008). Democracy as a latent variable. American
       Journal of Political Science. (The method of composition, as in the structural
       topic model's estimateEffect.)
       https://doi.org/10.1111/j.1540-5907.2007.00308.x

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import topic_prevalence
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> dates = pd.to_datetime(["2024-03-01", "2024-03-09", "2024-05-02", "2024-05-03"])
    >>> found = topic_prevalence(model, texts, dates)
    >>> found.pivot(index="group", columns="topic", values="share").round(1)
    topic    topic 0  topic 1
    group
    2024-03      0.9      0.1
    2024-04      NaN      NaN
    2024-05      0.1      0.9
    """
    topics = FittedTopics.of(model, X, covariates=covariates, embeddings=embeddings)
    shares = topics.proportions
    groups = _groups(by, freq, len(shares))
    telling = documents_with_words(topics)
    shares, groups = shares[telling], groups[telling]
    variances = topics.posterior_variances[telling]
    order = groups.unique().sort_values()
    if isinstance(groups, pd.PeriodIndex):
        order = pd.period_range(order[0], order[-1])
    by_group = pd.DataFrame(shares).groupby(groups, sort=True)
    n = by_group.size().reindex(order, fill_value=0).to_numpy()
    mean = by_group.mean().reindex(order)
    posterior = pd.DataFrame(variances).groupby(groups).mean().reindex(order)
    within = by_group.var().reindex(order) + posterior
    n_topics = shares.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # of no documents
        errors = np.sqrt(within.to_numpy() / n[:, None])
    return pd.DataFrame(
        {
            "group": order.repeat(n_topics),
            "topic": np.tile(topics.topic_names, len(order)),
            "share": mean.to_numpy().ravel(),
            "std_error": errors.ravel(),
            "documents": n.repeat(n_topics),
        }
    )


def documents_with_words(topics):
    """Which documents a model knows something about: by words, or by embeddings.

    Raises
    ------
    ValueError
        If there are none.
    """
    known = topics.n_tokens > 0
    if "embeddings" in topics.side_data:
        known = np.ones_like(known)
    if not known.any():
        raise ValueError("X has no tokens. Pass documents that have some.")
    return known


def axis_of_groups(groups):
    """Where groups belong: on an axis of "time", in "order", or side by side."""
    if isinstance(groups.dtype, pd.PeriodDtype):
        return "time"
    return "order" if pd.api.types.is_numeric_dtype(groups) else "groups"


def share_interval(prevalence):
    """Ends of the 95 % interval of each share of `topic_prevalence`.

    Of a single document, whose error is unknown, both are the share.
    """
    error = _Z * prevalence["std_error"].fillna(0)
    return np.maximum(prevalence["share"] - error, 0), prevalence["share"] + error


def _groups(by, freq, n_samples):
    """An index with the group of each document: Periods, if `by` holds dates."""
    if np.ndim(by) != 1 or len(by) != n_samples:
        raise ValueError(
            f"by has the shape {np.shape(by)}, but X has {n_samples} documents."
        )
    groups = pd.Index(by)
    if groups.isna().any():
        n = groups.isna().sum()
        raise ValueError(f"by lacks the date or group of {n} documents. Drop these.")
    if groups.inferred_type in ("date", "datetime"):
        groups = pd.DatetimeIndex(groups)
    if isinstance(groups, pd.DatetimeIndex):
        try:
            period = _PERIOD_END.sub(r"\1", freq)
            return _disjoint(groups.tz_localize(None).to_period(period))
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"freq={freq!r} is not a length of periods. Pass 'D', 'W', 'M', 'Q', "
                "'Y', or a multiple such as '2W'."
            ) from error
    if isinstance(groups, pd.PeriodIndex):
        overlap = ((groups.asi8 - groups.asi8[:1]) % groups.freq.n).any()
        return _disjoint(groups) if overlap else groups
    if groups.inferred_type == "string" and all(map(_DATE.match, groups)):
        raise ValueError(
            f"by holds dates as strings, such as {groups[0]!r:.40}. Pass "
            "pd.to_datetime(by), with format= if day and month could be mixed up."
        )
    if groups.inferred_type.startswith("mixed"):
        raise ValueError("by holds groups of several types. Make all of them strings.")
    return groups


def _disjoint(periods):
    """Periods of several months, days or the like that do not overlap.

    pandas starts one of its own at each date. Here they start at multiples of their
    length from 1970 on, so that "3M" are quarters and "10Y" decades.
    """
    start = periods.asi8 - periods.asi8 % periods.freq.n
    return pd.PeriodIndex.from_ordinals(start, freq=periods.freq)
