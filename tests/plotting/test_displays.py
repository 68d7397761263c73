"""What all Displays have in common."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import save
from sklearn.decomposition import PCA, LatentDirichletAllocation

import skvae
from skvae.plotting import (
    EmbeddingMapDisplay,
    LatentSpaceDisplay,
    ModelSelectionDisplay,
    TopicDocumentsDisplay,
    TopicEffectDisplay,
    TopicHierarchyDisplay,
    TopicPrevalenceDisplay,
    TopicWordsDisplay,
)

plt = pytest.importorskip("matplotlib.pyplot")

NAMES = [f"w{j}" for j in range(40)]


def test_what_is_drawn_with_is_imported_late():
    code = "import sys, skvae, skvae.plotting, skvae.inspection; print(*sys.modules)"
    # Jupyter completes names by dir().
    assert "report" in dir(skvae) and callable(skvae.report)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = run.stdout.split()
    assert "skvae.plotting" in loaded
    assert not {"matplotlib", "pyLDAvis", "jinja2", "sklearn.manifold"} & set(loaded)


def test_matplotlib_is_asked_for_by_name(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skvae\[plot\]'"):
        TopicWordsDisplay.from_estimator(models["LDA"])


# --- what a user meets ----------------------------------------------------------------


@pytest.mark.parametrize("name", skvae.plotting.__all__)
def test_models_are_shown_the_door_that_takes_them(models, name):
    display = getattr(skvae.plotting, name)
    if name != "draw_images":
        with pytest.raises(
            TypeError, match=f"{name} takes data, not a model.*from_estimator"
        ):
            display(models["GSM"])
        assert callable(display.from_estimator)


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ("$\\frac$ $5", "$\\frac$ $5"),  # no formula
        ("\ud800", "\ufffd"),
        ("a\n\tb\0\x07", "a  b\ufffd\ufffd"),
        ("_hidden", "_hidden"),  # from legends of matplotlib
        ("", ""),
        ("long" * 1000, "long" * 10 + " ..."),
    ],
)
def test_texts_of_any_kind_are_drawn(odd, shown):
    X = np.random.default_rng(0).poisson(1.0, (40, 4))
    labels = np.array([odd, "b"], dtype=object)[np.arange(40) % 2]
    many = np.array([odd, *NAMES[:19]], dtype=object)[np.arange(40) % 20]
    names = [odd, *NAMES[:3]]
    lda = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(X)
    named = skvae.TopicGroups(lda, {odd or "empty": [0]}).fit(X)
    options = {"feature_names": names, "n_words": 4}
    index = [f"{odd} 5", f"{odd} 9", "b 5"]
    table = pd.DataFrame({"perplexity": [3.0, 2.0, 1.0]}, index)
    result = dict(metric=odd, family="", n_components=2, value=1.0, std=np.nan)
    displays = [
        TopicWordsDisplay.from_estimator(named, X, **options),
        EmbeddingMapDisplay.from_estimator(lda, **options),
        TopicDocumentsDisplay.from_estimator(lda, X, labels, **options),
        LatentSpaceDisplay.from_estimator(lda, X, labels, transformer=PCA(2)),
        LatentSpaceDisplay.from_estimator(lda, X, many, transformer=PCA(2)),
        LatentSpaceDisplay.from_estimator(named, X, dimensions=(0, 1)),
        TopicHierarchyDisplay.from_estimator(named, **options),
        TopicPrevalenceDisplay.from_estimator(named, X, labels, **options),
        TopicEffectDisplay.from_estimator(named, X, pd.Series(labels), **options),
        ModelSelectionDisplay.from_comparison(table),
        ModelSelectionDisplay.from_comparison(table.iloc[1:]),
        ModelSelectionDisplay(pd.DataFrame([result]), {}).plot(),
    ]
    for display in displays:
        save(display)
        texts = display.figure_.findobj(plt.Text)
        drawn = [text for text in texts if shown in text.get_text()]
        assert drawn and not any(text.get_parse_math() for text in drawn if shown)


def test_axes_of_any_figure(models, data):
    figure = plt.figure()
    ax = figure.add_axes([0.5, 0.5, 0.4, 0.4])
    display = TopicWordsDisplay.from_estimator(models["LDA"], ax=ax, n_words=3)
    save(display)
    assert display.axes_[0, 0].get_position().x0 == pytest.approx(0.5)
    with pytest.raises(ValueError, match="ax is in no figure any more"):
        display.plot(ax=ax)
    figure = plt.figure(layout="constrained")
    left, _ = figure.subfigures(1, 2)
    EmbeddingMapDisplay.from_estimator(models["LDA"], ax=left.subplots())
    figure.savefig(io.BytesIO())
