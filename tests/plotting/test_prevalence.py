"""The picture of topics over time and by group."""

import numpy as np
import pandas as pd
import pytest
from helpers import make
from sklearn.decomposition import LatentDirichletAllocation

from skvae import GSMTopicModel, ProdLDATopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import topic_prevalence
from skvae.plotting import TopicPrevalenceDisplay

X = make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data

GROUPS = np.array(["a", "b", "c"])[np.arange(60) % 3]


@pytest.fixture(scope="module")
def models():
    found = {cls: make(cls).fit(X) for cls in (GSMTopicModel, ProdLDATopicModel)}
    found[LatentDirichletAllocation] = LatentDirichletAllocation(
        2, max_iter=2, random_state=0
    ).fit(X)
    return found


DATES = pd.date_range("2024-01-10", "2024-06-28", periods=60)


# --- the picture ------------------------------------------------------------------


def test_lines_show_shares_and_bands_their_intervals(models):
    pytest.importorskip("matplotlib").use("agg")
    model = models[GSMTopicModel]
    display = TopicPrevalenceDisplay.from_estimator(
        model, X, DATES, topics=[1, "topic 0"]
    )
    found = topic_prevalence(model, X, DATES)
    for ax, k in zip(display.axes_.flat, [1, 0]):
        rows = found[found["topic"] == f"topic {k}"]
        (line,), (band,) = ax.lines, ax.collections
        np.testing.assert_allclose(line.get_ydata(), rows["share"])
        top = band.get_paths()[0].vertices[:, 1].max()
        assert top == pytest.approx((rows["share"] + 1.96 * rows["std_error"]).max())
        assert ax.get_title(loc="left") == f"topic {k}"


def test_groups_are_points_and_numbers_a_line(models):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    words = [f"word{j}" for j in range(20)]
    model = models[GSMTopicModel]
    display = TopicPrevalenceDisplay.from_estimator(
        model, X, GROUPS, topics=1, feature_names=words
    )
    ax = display.axes_[0, 0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert "word" in ax.get_title(loc="left")
    figure, ax = plt.subplots()
    years = 2000 + np.arange(60) % 4
    display = TopicPrevalenceDisplay.from_estimator(model, X, years, ax=ax)
    assert display.figure_ is figure
    assert display.axes_[0, 0].lines[0].get_xdata().tolist() == [2000, 2001, 2002, 2003]
    plt.close("all")


def test_the_topics_that_vary_most_are_shown(models):
    lda = LatentDirichletAllocation(5, random_state=0).fit(X)
    found = topic_prevalence(lda, X, GROUPS)
    shares = found.pivot(index="group", columns="topic", values="share")
    span = (shares.max() - shares.min()).sort_values(ascending=False)
    display = TopicPrevalenceDisplay.from_estimator(lda, X, GROUPS, topics=2)
    assert list(display.titles) == list(span.index[:2])
