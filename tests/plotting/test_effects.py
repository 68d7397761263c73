"""The picture of what topic proportions depend on."""

import numpy as np
import pandas as pd
import pytest
from helpers import make

from skvae import GSMTopicModel
from skvae.inspection import topic_effects
from skvae.plotting import TopicEffectDisplay

plt = pytest.importorskip("matplotlib.pyplot")
N = 300
TABLE = pd.DataFrame(
    {
        "party": np.array(["a", "b", "c"])[np.arange(N) % 3],
        "age": np.random.default_rng(0).integers(18, 90, N),
    }
)


@pytest.fixture(scope="module")
def X(data):
    return data[0].to_numpy()


@pytest.fixture(scope="module")
def model(X):
    return make(GSMTopicModel, n_components=3, batch_size=50, lr=0.1).fit(X)


def test_points_are_effects_and_bars_their_intervals(model, X):
    display = TopicEffectDisplay.from_estimator(model, X, TABLE, topics=[2, "topic 0"])
    found = topic_effects(model, X, TABLE).set_index(["term", "topic"])
    assert display.axes_.shape == (1, 3)
    for ax, term in zip(display.axes_.flat, ["age", "party=b", "party=c"]):
        assert ax.get_title(loc="left") == term
        rows = found.loc[term].loc[["topic 2", "topic 0"]]
        zero, points = ax.lines
        np.testing.assert_array_equal(zero.get_xdata(), [0, 0])
        np.testing.assert_allclose(points.get_xdata(), rows["estimate"])
        (bars,) = ax.collections
        ends = np.array([path.vertices[:, 0] for path in bars.get_paths()], float)
        np.testing.assert_allclose(ends, rows[["low", "high"]].to_numpy(float))
    labels = [text.get_text() for text in display.axes_[0, 0].get_yticklabels()]
    assert labels == ["topic 2", "topic 0"]


def test_topics_with_the_largest_effects_come_first(model, X):
    display = TopicEffectDisplay.from_estimator(model, X, TABLE, topics=None)
    found = topic_effects(model, X, TABLE)
    found = found[found["term"] != "intercept"]
    sizes = (found["estimate"] / found["std_error"]).abs().groupby(found["topic"]).max()
    assert list(display.titles) == list(sizes.sort_values(ascending=False).index)
    one = TopicEffectDisplay.from_estimator(model, X, TABLE, topics=1)
    assert list(one.titles) == list(display.titles)[:1]


def test_expected_shares_over_a_number(model, X):
    display = TopicEffectDisplay.from_estimator(
        model, X, TABLE, over="age", topics=None
    )
    found = topic_effects(model, X, TABLE).pivot(
        index="topic", columns="term", values="estimate"
    )
    usual = TABLE["party"].mode()[0]
    for ax, name in zip(display.axes_.flat, display.titles):
        (line,) = ax.lines
        ages = line.get_xdata()
        assert (ages.min(), ages.max()) == (TABLE["age"].min(), TABLE["age"].max())
        effects = found.loc[name]
        start = effects["intercept"] + effects.get(f"party={usual}", 0)
        np.testing.assert_allclose(line.get_ydata(), start + ages * effects["age"])
        assert ax.get_xlabel() == "age"
    alone = TopicEffectDisplay.from_estimator(model, X, TABLE[["age"]], over="age")
    effects = topic_effects(model, X, TABLE[["age"]].assign(age=TABLE["age"] - 50))
    rows = alone.effects[alone.effects["topic"] == "topic 1"]
    at_50 = effects[(effects["term"] == "intercept") & (effects["topic"] == "topic 1")]
    for column in ("estimate", "low", "high"):
        value = np.interp(50, rows["age"], rows[column])
        assert value == pytest.approx(at_50[column].item(), abs=2e-3)
    with pytest.raises(ValueError, match="over='party' is not a column of numbers"):
        TopicEffectDisplay.from_estimator(model, X, TABLE, over="party")


def test_formulas_have_curves(model, X):
    pytest.importorskip("formulaic")
    display = TopicEffectDisplay.from_estimator(
        model, X, "party * bs(age, df=4)", TABLE, over="age", topics=1
    )
    assert np.ptp(np.diff(display.axes_[0, 0].lines[0].get_ydata())) > 0
