"""Bars of words, and classes of topics."""

import numpy as np
import pandas as pd
import pytest
from helpers import bars, save
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.inspection import top_words, topic_sizes
from skvae.plotting import LatentSpaceDisplay, TopicDocumentsDisplay, TopicWordsDisplay

plt = pytest.importorskip("matplotlib.pyplot")

NAMES = [f"w{j}" for j in range(40)]

FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


# --- topics ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_topic_words_are_those_of_the_table(models, data, name):
    X, _ = data
    display = TopicWordsDisplay.from_estimator(models[name], X, n_words=5)
    save(display)
    share = topic_sizes(models[name], X)["share"].to_numpy()
    table = top_words(models[name], 5)
    p = models[name].components_
    p = p / p.sum(axis=1, keepdims=True)
    for k, ax in zip(np.argsort(-share), display.axes_.flat):
        words, lengths = bars(ax)
        assert words == table.iloc[k].tolist()
        expected = p[k, [NAMES.index(word) for word in words]]
        np.testing.assert_allclose(lengths, expected)
        assert ax.get_title(loc="left") == f"topic {k}  ({share[k]:.1%})"


def test_topic_words_of_signed_weights(models):
    display = TopicWordsDisplay.from_estimator(models["NVDM"], topics=[2, 0], n_words=4)
    save(display)
    words, lengths = bars(display.axes_[0, 0])
    assert words == top_words(models["NVDM"], 4).iloc[2].tolist()
    np.testing.assert_allclose(lengths, np.sort(models["NVDM"].components_[2])[:-5:-1])
    assert display.axes_[0, 0].get_title(loc="left") == "topic 2"
    assert display.axes_[-1, 0].get_xlabel() == "weight of the word"


def test_topic_words_take_the_place_of_axes(models):
    figure, (left, right) = plt.subplots(1, 2)
    display = TopicWordsDisplay.from_estimator(
        models["LDA"], by="frex", weight=0.3, n_words=3, ax=right, n_columns=2
    )
    assert display.figure_ is figure and display.axes_.shape == (2, 2)
    assert right not in figure.axes and left in figure.axes
    expected = top_words(models["LDA"], 3, by="frex", weight=0.3).iloc[1].tolist()
    assert bars(display.axes_[0, 1])[0] == expected
    save(display)


def test_documents_are_drawn_given_covariates(data):
    X, y = data
    model = GSMTopicModel(2, **FAST).fit(X, covariates=y)
    display = TopicWordsDisplay.from_estimator(model, X, covariates=y)
    sizes = topic_sizes(model, X, covariates=y)["share"].sort_values(ascending=False)
    np.testing.assert_array_equal(display.shares, sizes)
    display = LatentSpaceDisplay.from_estimator(make_pipeline(model), X, covariates=y)
    np.testing.assert_array_equal(display.codes, model.transform(X, covariates=y))


def test_bars_of_all_topics_have_one_scale():
    words = pd.DataFrame([["a", "b"]] * 4, index=list("wxyz"))
    values = np.array([[0.02, 0.01], [0.03, 0.01], [0.04, 0.0], [0.9, 0.01]])
    display = TopicWordsDisplay(words, values).plot()
    save(display)
    lengths = [[bar.get_width() for bar in ax.patches] for ax in display.axes_.flat]
    # Twice the median of the longest; what goes beyond is broken.
    np.testing.assert_allclose(lengths, np.minimum(values, 0.07))
    assert len({ax.get_xlim() for ax in display.axes_.flat}) == 1
    broken = [ax.lines[0].get_ydata().tolist() for ax in display.axes_.flat]
    assert broken == [[], [], [], [0]]
    assert display.axes_[0, 3].texts[0].get_text() == "90.0%"
    display.plot(sharex=False)
    lengths = [[bar.get_width() for bar in ax.patches] for ax in display.axes_.flat]
    np.testing.assert_allclose(lengths, values)
    assert "a scale for each topic" in display.axes_[0, 0].get_xlabel()


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_classes_of_topics(models, data, name):
    X, y = data
    labels = np.array(["red", "green", "blue"])[y]
    display = TopicDocumentsDisplay.from_estimator(models[name], X, labels, n_words=2)
    save(display)
    shares = display.shares
    assert list(shares.columns) == ["blue", "green", "red"]
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    theta = models[name].transform(X)
    theta = theta / theta.sum(axis=1, keepdims=True)
    words = top_words(models[name], 2)
    for k in range(3):
        row = shares.loc[f"topic {k}  {' '.join(words.iloc[k])}"]
        np.testing.assert_allclose(row["red"], theta[labels == "red", k].mean())
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_allclose(drawn, shares)
    with pytest.raises(ValueError, match=r"y has shape \(2,\), but X has 300 rows"):
        TopicDocumentsDisplay.from_estimator(models[name], X, y[:2])


def test_relevance_of_words_goes_by_the_documents(models, data):
    X, _ = data
    X = X.assign(**{name: 40 for name in top_words(models["LDA"], 1).iloc[0]})
    display = TopicWordsDisplay.from_estimator(
        models["LDA"], X, by="relevance", weight=0.2, topics=["topic 0"]
    )
    expected = top_words(models["LDA"], 8, by="relevance", weight=0.2, X=X)
    assert bars(display.axes_[0, 0])[0] == expected.iloc[0].tolist()
    with pytest.raises(ValueError, match="topic=7, but the topics are 0 to 2"):
        TopicWordsDisplay.from_estimator(models["LDA"], topics=[7])
