"""Curves of training."""

import numpy as np
import pytest
from helpers import save
from sklearn.pipeline import make_pipeline

from skvae import NVDMTopicModel
from skvae.plotting import TrainingCurveDisplay

FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


# --- training and selection ---------------------------------------------------------


def test_training_curves_are_the_history(data):
    X, _ = data
    model = NVDMTopicModel(3, early_stopping=True, **FAST).fit(X)
    display = TrainingCurveDisplay.from_estimator(make_pipeline("passthrough", model))
    save(display)
    loss, likelihood, kl, units = display.axes_[0]
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_array_equal(lines["training"], model.history_["loss"])
    np.testing.assert_array_equal(lines["held out"], model.history_["validation_loss"])
    best = f"kept: epoch {model.health_['best_epoch']}"
    assert best in [text.get_text() for text in loss.get_legend().get_texts()]
    np.testing.assert_array_equal(kl.lines[0].get_ydata(), model.history_["kl"])
    heights = [bar.get_height() for bar in units.patches]
    kl = model.health_["kl_per_unit"]
    np.testing.assert_allclose(heights, np.sort(kl)[::-1])
    numbers = [text.get_text() for text in units.get_xticklabels()]
    assert numbers == [str(k) for k in np.argsort(-kl)]
    active = model.health_["active_units"]
    assert units.get_xlabel() == f"{active} of 3 units in use"


def test_models_without_history_are_told_apart(models):
    with pytest.raises(TypeError, match="NMF has no history_"):
        TrainingCurveDisplay.from_estimator(models["NMF"])


def test_one_epoch_is_a_point_and_none_is_held_out(data):
    model = NVDMTopicModel(3, **FAST | {"max_epochs": 1}).fit(data[0])
    display = TrainingCurveDisplay.from_estimator(model)
    save(display)
    (line,) = display.axes_[0, 0].lines
    assert line.get_marker() == "o"
