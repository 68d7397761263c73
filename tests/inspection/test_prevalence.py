"""Topics over time and by group: means and their errors."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from helpers import draws_of, make
from sklearn.decomposition import NMF, LatentDirichletAllocation

from skvae import ClusterTopicModel, GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import topic_prevalence

X = make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data

GROUPS = np.array(["a", "b", "c"])[np.arange(60) % 3]


@pytest.fixture(scope="module")
def models():
    lda = LatentDirichletAllocation(2, max_iter=2, random_state=0)
    fitted = [make(GSMTopicModel).fit(X), make(ProdLDATopicModel).fit(X), lda.fit(X)]
    return {type(model): model for model in fitted}


def test_shares_are_means_and_errors_those_of_the_sample(models):
    lda = models[LatentDirichletAllocation]
    found = topic_prevalence(lda, X, GROUPS)
    shares = lda.transform(X)
    for k in range(lda.n_components):
        rows = found[found["topic"] == f"topic {k}"].set_index("group")
        for group in "abc":
            of_group = shares[group == GROUPS, k]
            share, error, n = rows.loc[group, ["share", "std_error", "documents"]]
            assert share == pytest.approx(of_group.mean())
            assert error == pytest.approx(of_group.std(ddof=1) / np.sqrt(20))
            assert n == 20
    assert found["group"].tolist() == list(np.repeat(["a", "b", "c"], 2))


@pytest.mark.parametrize("cls", [GSMTopicModel, ProdLDATopicModel])
def test_errors_hold_the_posterior_too(cls, models):
    model = models[cls]
    found = topic_prevalence(model, X, np.zeros(60, int))
    draws = draws_of(model, X)
    variance = model.transform(X).var(axis=0, ddof=1) + draws.var(axis=0).mean(axis=0)
    np.testing.assert_allclose(found["std_error"] ** 2, variance / 60, rtol=0.03)


DATES = pd.date_range("2024-01-10", "2024-06-28", periods=60)


MONTHS = DATES.to_period("M")
DAYS = [date.fromordinal(day.toordinal()) for day in DATES]
SAME = [DATES, DATES.to_series(), DATES.to_numpy(), DATES.to_list(), DAYS]


@pytest.mark.parametrize(
    "by",
    [*SAME, MONTHS, MONTHS.to_series()],
    ids=["index", "series", "numpy", "list", "dates", "periods", "series of periods"],
)
def test_dates_in_any_container_are_put_into_periods(by, models):
    found = topic_prevalence(models[GSMTopicModel], X, by)
    months = pd.period_range("2024-01", "2024-06", freq="M")
    assert found["group"].unique().tolist() == months.tolist()
    expected = topic_prevalence(models[GSMTopicModel], X, DATES.strftime("%Y-%m"))
    columns = ["topic", "share", "std_error", "documents"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])


def test_times_of_a_zone_are_taken_as_they_read_there(models):
    late = pd.to_datetime(["2024-01-31 23:30"] * 60).tz_localize("America/New_York")
    found = topic_prevalence(models[GSMTopicModel], X, late)
    assert found["group"].astype(str).unique().tolist() == ["2024-01"]


def spread_over(*dates):
    """60 dates in no order, of which all given ones occur."""
    return pd.to_datetime(list(dates))[np.random.default_rng(0).permutation(60) % 7]


SEVEN = """
2023-11-30T23:30 2023-12-31T00:00 2024-01-01T00:30 2024-02-29T12:00 2024-03-10T02:30
2024-05-31T23:59 2024-06-01T00:00
""".split()
FREQUENCIES = """
D 2D 3D 7D 10D W 2W 3W W-MON 2W-MON W-THU M 2M 3M 4M 5M 6M 12M Q 2Q 3Q Q-NOV 2Q-JAN
Y 2Y 10Y Y-JUN 2Y-JUN h 6h 36h 1D12h ME 3ME QE 2QE QE-NOV YE 10YE YE-JUN
""".split()


@pytest.mark.parametrize("freq", FREQUENCIES)
@pytest.mark.parametrize("kind", ["dates", "zone", "periods", "gap"])
def test_no_frequency_loses_a_document(freq, kind, models):
    dates = spread_over(*SEVEN)
    if kind == "zone":
        dates = dates.tz_localize("UTC").tz_convert("Asia/Kolkata")
    if kind == "gap":
        long_ago = "1968-02-03T00:00" if "h" not in freq else SEVEN[6]
        dates = spread_over(*SEVEN[:6], long_ago)
    of_periods = re.sub("(?<=[MQY])E", "", freq)  # which know no "ME"
    by = dates.to_period(of_periods) if kind == "periods" else dates
    lda = models[LatentDirichletAllocation]
    found = topic_prevalence(lda, X, by, freq=freq)
    groups = found[found["topic"] == "topic 0"]
    assert groups["documents"].sum() == 60
    periods = pd.PeriodIndex(groups["group"])
    # One after the other without gaps or overlaps, and none is empty at the ends.
    assert (np.diff(periods.asi8) == periods.freq.n).all()
    assert groups["documents"].iloc[[0, -1]].all()
    # Documents are in the period that their date is in.
    local = dates.tz_localize(None)
    starts, ends = periods.start_time, periods.end_time
    started = starts.values[:, None] <= local.values
    within = started & (local.values <= ends.values[:, None])
    assert groups["documents"].tolist() == within.sum(axis=1).tolist()
    mean = lda.transform(X)[within[0], 0].mean()
    assert groups["share"].iloc[0] == pytest.approx(mean)


def test_several_months_are_one_period(models):
    dates = pd.to_datetime(["2024-01-15", "2024-02-15", "2024-05-15"] * 20)
    found = topic_prevalence(models[GSMTopicModel], X, dates, freq="2M")
    halves = found[found["topic"] == "topic 0"].set_index("group")["documents"]
    assert halves.index.astype(str).tolist() == ["2024-01", "2024-03", "2024-05"]
    assert halves.tolist() == [40, 0, 20]


def test_periods_that_do_not_overlap_are_kept_as_they_are(models):
    periods = pd.period_range("2024-02", periods=4, freq="2M")
    by = periods[[3, 0] * 30]
    found = topic_prevalence(models[GSMTopicModel], X, by)
    assert found["group"].unique().tolist() == periods.tolist()
    assert found["documents"].tolist() == [30, 30, 0, 0, 0, 0, 30, 30]


REFUSED = [*"MS 0D -2M month".split(), 3, None, pd.DateOffset(months=2)]


@pytest.mark.parametrize("freq", REFUSED)
def test_frequencies_that_are_no_lengths_of_periods_are_refused(freq, models):
    told = f"freq={freq!r} is not a length of periods. Pass 'D'"
    with pytest.raises(ValueError, match=re.escape(told)):
        topic_prevalence(models[GSMTopicModel], X, DATES, freq=freq)


def test_periods_without_documents_have_no_share(models):
    years = pd.to_datetime(np.where(np.arange(60) == 0, "2020-05-05", "2022-01-01"))
    found = topic_prevalence(models[GSMTopicModel], X, years, freq="Y")
    assert found["documents"].tolist() == [1, 1, 0, 0, 59, 59]
    assert found["share"].isna().tolist() == [False] * 2 + [True] * 2 + [False] * 2
    assert found["std_error"].isna().tolist() == [True] * 4 + [False] * 2


def test_documents_without_tokens_are_left_out(models):
    Z = X.toarray()
    Z[:20] = 0
    found = topic_prevalence(models[GSMTopicModel], Z, np.arange(60) < 30)
    assert found["documents"].tolist() == [30, 30, 10, 10]
    with pytest.raises(ValueError, match="no tokens"):
        topic_prevalence(models[GSMTopicModel], 0 * Z, GROUPS)


def test_embeddings_tell_of_documents_without_tokens():
    E = np.random.default_rng(0).normal(size=(60, 3))
    model = make(GSMTopicModel).fit(X, embeddings=E)
    found = topic_prevalence(model, 0 * X, GROUPS, embeddings=E)
    assert found["documents"].tolist() == [20] * 6


@pytest.mark.parametrize("model", [NMF(2, init="nndsvda"), ClusterTopicModel(2)])
def test_other_models(model):
    found = topic_prevalence(model.fit(X), X, GROUPS)
    np.testing.assert_allclose(found.groupby("group")["share"].sum(), 1)
    assert (found["std_error"] > 0).all()


@pytest.mark.parametrize(
    "by, match",
    [
        (GROUPS[:59], r"shape \(59,\), but X has 60"),
        (np.zeros((60, 1)), r"shape \(60, 1\)"),
        (["a", None] * 30, "lacks the date or group of 30"),
        ([pd.NaT, *DATES[1:]], "of 1 documents"),
        (["a", 3] * 30, "several types"),
        (
            DATES.astype(str).tolist(),
            r"by holds dates as strings.*Pass pd\.to_datetime\(by",
        ),
    ],
)
def test_bad_groups_are_refused(by, match, models):
    with pytest.raises(ValueError, match=match):
        topic_prevalence(models[GSMTopicModel], X, by)


def test_signed_codes_are_refused():
    with pytest.raises(ValueError, match="no topic proportions"):
        topic_prevalence(make(NVDMTopicModel).fit(X), X, GROUPS)


@pytest.mark.parametrize(
    "date",
    ["2024-02-01", "2024/02/01", "1.2.2024", "01/02/24", "Feb 2020"]
    + ["1 February 2020", "february 2020", "1. Mar. 2020", "Sept. 3, 2020"],
)
def test_dates_are_not_sorted_as_texts(date, models):
    with pytest.raises(ValueError, match="dates as strings.*pd.to_datetime"):
        topic_prevalence(models[GSMTopicModel], X, [date] * X.shape[0])


@pytest.mark.parametrize(
    "name",
    ["May", "March", "2024-02", "18-34", "2020", "1", "2nd", "v1.2", "Marketing 2"],
)
def test_names_with_digits_are_groups(name, models):
    found = topic_prevalence(models[GSMTopicModel], X, [name] * X.shape[0])
    assert found["group"].unique().tolist() == [name]
