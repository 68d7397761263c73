"""Searches and comparisons of models."""

import numpy as np
import pandas as pd
import pytest
from helpers import bars, save
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skvae import NVDMTopicModel
from skvae.metrics import npmi_coherence
from skvae.plotting import ModelSelectionDisplay

FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


def test_selection_of_a_search_shows_perplexity_and_the_choice(data):
    X, _ = data
    grid = {"n_components": [2, 3, 5], "lr": [0.01, 1e-5]}
    search = GridSearchCV(NVDMTopicModel(**FAST), grid, cv=2).fit(X)
    display = ModelSelectionDisplay.from_estimator(search)
    save(display)
    cv = pd.DataFrame(search.cv_results_)
    for k, row in cv.groupby("param_n_components"):
        best = row.loc[row["mean_test_score"].idxmax()]
        splits = np.exp(-best[["split0_test_score", "split1_test_score"]].astype(float))
        shown = display.results.set_index("n_components").loc[k]
        assert shown["value"] == pytest.approx(splits.mean())
        assert shown["std"] == pytest.approx(splits.std(ddof=0))
    assert display.choices == {"": search.best_params_["n_components"]}
    assert display.axes_[0, 0].get_title(loc="left") == "perplexity"


def test_selection_of_a_search_with_several_scorers():
    texts = ["cat cat dog", "dog cat the", "train bus the", "bus train train"] * 5
    search = GridSearchCV(
        make_pipeline(CountVectorizer(), NMF(init="random", random_state=0)),
        {"nmf__n_components": [1, 2]},
        scoring={
            "npmi": lambda model, X: npmi_coherence(model, X, n_words=2),
            "topics": lambda model, X: -len(model[-1].components_),
        },
        refit="topics",
        cv=2,
    ).fit(texts)
    display = ModelSelectionDisplay.from_estimator(search)
    save(display)
    assert display.results["metric"].unique().tolist() == ["npmi", "topics"]
    assert display.results["value"].tolist()[2:] == [-1, -2]
    assert display.choices == {"": 1}
    told = r"went over \['nmf__n_components'\]. Pass one"
    with pytest.raises(ValueError, match=told):
        ModelSelectionDisplay.from_estimator(search, parameter="topics")


def test_selection_of_a_comparison_joins_families():
    table = pd.DataFrame(
        {"perplexity": [90, 50, 40, 45, 60.0], "npmi": [np.nan, 0.1, 0.2, 0.3, 0.4]},
        index=["unigram", "GSM 5", "GSM 10", "GSM 20", "LDA 10"],
    ).assign(diversity=0.5, perplexity_std=1.0)
    display = ModelSelectionDisplay.from_comparison(table)
    save(display)
    assert display.choices == {"GSM": 10, "LDA": 10}
    panel = display.axes_[0, 0]
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert set(labels) == {"unigram", "GSM", "LDA"}
    gsm = next(c for c in panel.containers if c.get_label() == "GSM")
    drawn = gsm.lines[0].get_xydata().tolist()
    assert drawn == [[5, 50], [10, 40], [20, 45]]
    with pytest.raises(ValueError, match="The table has no model"):
        ModelSelectionDisplay.from_comparison(table.iloc[:1])
    # What a table has beyond that, if it is known, has panels in a second row.
    more = table.assign(npmi_test=0.2, stability=0.0, nmi=np.nan)
    display = ModelSelectionDisplay.from_comparison(more)
    save(display)
    shown = [ax.get_title("left") for ax in display.axes_.flat if ax.get_visible()]
    assert display.axes_.shape == (2, 3) and shown == [
        *["perplexity", "coherence (npmi)", "coherence, held-out texts"],
        *["diversity", "stability over seeds"],
    ]


def test_models_of_any_name_have_a_bar_each():
    table = pd.DataFrame(
        {"perplexity": [90, 50, 40, 45.0], "nmi": [np.nan, 0.1, 0.3, np.nan]},
        index=["unigram", "GSM 20", "LDA 20", "mine"],
    ).assign(npmi=[np.nan, -0.1, 0.2, 0.1], npmi_std=[np.nan, 0.1, 0.1, 0.1])
    display = ModelSelectionDisplay.from_comparison(table)
    save(display)
    assert display.choices == {}
    for ax, metric in zip(display.axes_.flat, ["perplexity", "npmi", "nmi"]):
        lengths = [bar.get_width() for bar in ax.patches]
        expected = table.loc[["GSM 20", "LDA 20", "mine"], metric]
        np.testing.assert_allclose(lengths, expected.fillna(0))
        # The best one is dark: LDA, by whichever.
        dark = np.argmin([sum(bar.get_facecolor()[:3]) for bar in ax.patches])
        assert dark == 1
    words, _ = bars(display.axes_[0, 0])
    assert words == ["GSM 20", "LDA 20", "mine"]
    numbers = [text.get_text() for text in display.axes_[0, 2].texts]
    assert numbers == ["0.1", "0.3", "none"]
    # A single number of each family makes no line.
    display = ModelSelectionDisplay.from_comparison(table.drop(index="mine"))
    assert bars(display.axes_[0, 0])[0] == ["GSM 20", "LDA 20"]


def test_searches_of_any_kind(data):
    X, _ = data
    model = NVDMTopicModel(**FAST)

    def constant(model, X, y=None):
        return -len(model.components_)

    own = GridSearchCV(model, {"n_components": [2, 3]}, scoring=constant, cv=2).fit(X)
    results = ModelSelectionDisplay.from_estimator(own).results
    assert results["metric"].tolist() == ["score", "score"]
    assert results["value"].tolist() == [-2, -3]
    with pytest.raises(NotFittedError):
        ModelSelectionDisplay.from_estimator(GridSearchCV(model, {}))
    with pytest.raises(TypeError, match="NVDMTopicModel is no search. Pass a fitted"):
        ModelSelectionDisplay.from_estimator(model)

    metrics = {"a": constant, "b": constant}
    own.set_params(scoring=metrics, refit=False).fit(X)
    assert ModelSelectionDisplay.from_estimator(own).choices == {"": 2}

    halving = HalvingGridSearchCV(
        model, {"n_components": [2, 3, 4]}, cv=2, min_resources=30, random_state=0
    ).fit(X)
    display = ModelSelectionDisplay.from_estimator(halving)
    results = display.results.set_index("n_components")
    best = results.loc[halving.best_params_["n_components"]]
    splits = pd.DataFrame(halving.cv_results_).loc[halving.best_index_]
    splits = splits[["split0_test_score", "split1_test_score"]].astype(float)
    assert best["value"] == pytest.approx(np.exp(-splits).mean())

    grid = [{"m__n_components": [2, 3]}, {"m": [PCA(2)]}]
    pipeline = Pipeline([("m", PCA())])
    mixed = GridSearchCV(pipeline, grid, cv=2).fit(X)
    shown = ModelSelectionDisplay.from_estimator(mixed, parameter="m__n_components")
    assert shown.results["n_components"].tolist() == [2, 3]
