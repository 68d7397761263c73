"""The picture of topics over time and by group."""

import numpy as np
import pandas as pd
import pytest
from helpers import make
from sklearn.decomposition import LatentDirichletAllocation

from skvae import GSMTopicModel
from skvae.inspection import topic_prevalence
from skvae.plotting import TopicPrevalenceDisplay

plt = pytest.importorskip("matplotlib.pyplot")
GROUPS = np.array(["a", "b", "c"])[np.arange(300) % 3]
DATES = pd.date_range("2024-01-10", "2024-06-28", periods=300)


@pytest.fixture(scope="module")
def X(data):
    return data[0].to_numpy()


@pytest.fixture(scope="module")
def model(X):
    return make(GSMTopicModel, batch_size=50).fit(X)


def test_all_topics_and_exact_percents(model, X):
    display = TopicPrevalenceDisplay.from_estimator(model, X, DATES, topics=None)
    assert len(display.titles) == len(model.components_)
    display.figure_.canvas.draw()
    axis = display.axes_[0, 0].yaxis
    shown = [text.get_text() for text in axis.get_ticklabels()]
    places = axis.get_ticklocs()
    np.testing.assert_allclose([float(s.rstrip("%")) / 100 for s in shown], places)


def test_lines_show_shares_and_bands_their_intervals(model, X):
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


def test_groups_are_points_and_numbers_a_line(model, X):
    words = [f"word{j}" for j in range(40)]
    display = TopicPrevalenceDisplay.from_estimator(
        model, X, GROUPS, topics=1, feature_names=words
    )
    ax = display.axes_[0, 0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert "word" in ax.get_title(loc="left")
    figure, ax = plt.subplots()
    years = 2000 + np.arange(300) % 4
    display = TopicPrevalenceDisplay.from_estimator(model, X, years, ax=ax)
    assert display.figure_ is figure
    assert display.axes_[0, 0].lines[0].get_xdata().tolist() == [2000, 2001, 2002, 2003]


def test_the_topics_that_vary_most_are_shown(X):
    lda = LatentDirichletAllocation(5, random_state=0).fit(X)
    found = topic_prevalence(lda, X, GROUPS)
    shares = found.pivot(index="group", columns="topic", values="share")
    span = (shares.max() - shares.min()).sort_values(ascending=False)
    display = TopicPrevalenceDisplay.from_estimator(lda, X, GROUPS, topics=2)
    assert list(display.titles) == list(span.index[:2])
