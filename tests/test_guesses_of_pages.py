"""Names of other libraries that pages list: errors say what stands beside them."""

import copy
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import HDBSCAN
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import skvae
from skvae import (
    GSMTopicModel,
    VAETransformer,
    inspection,
    metrics,
    model_selection,
    plotting,
)

ROW = re.compile(r"^\| (`.+) \| (.+) \|$", re.M)
DOCS = Path(__file__).parents[1] / "docs"


def rows_of(page, heading):
    """Rows of the tables of a section that begin with code: cells, left and right."""
    section = (DOCS / page).read_text("utf-8").split(f"## {heading}\n")[1]
    return ROW.findall(section.split("\n## ")[0])


def codes(cell):
    return re.findall("`([^`]+)`", cell)


@pytest.fixture(scope="module")
def at_hand():
    """What the tables take for granted."""
    texts = ["array shape axis dtype ndim size", "random seed state draw normal"] * 15
    vectorizer = CountVectorizer().fit(texts)
    X = vectorizer.transform(texts)
    small = dict(hidden_layer_sizes=4, max_epochs=2, random_state=0)
    gsm = GSMTopicModel(4, **small)
    images = load_digits().data[:20] / 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vae = VAETransformer(2, likelihood="bernoulli", **small).fit(images)
        pipeline = make_pipeline(CountVectorizer(), clone(gsm)).fit(texts)
        gsm.fit(X)
    modules = skvae, inspection, metrics, plotting, model_selection
    public = {name: getattr(m, name) for m in modules for name in m.__all__}
    others = [CountVectorizer, GridSearchCV, HDBSCAN, Pipeline, make_pipeline]
    return {
        **public,
        **{thing.__name__: thing for thing in others},
        **{"skvae": skvae, "np": np, "texts": texts, "vectorizer": vectorizer},
        **{"words": vectorizer.get_feature_names_out(), "grid": {"n_components": [2]}},
        **{"gsm": gsm, "vae": vae, "pipeline": pipeline, "codes": np.zeros((3, 2))},
        "counts X": X,
        "images X": images,
        "vectors": np.eye(len(texts)),
        "dates": pd.date_range("2024", periods=len(texts)),
        "groups": np.arange(len(texts)) % 2,
    }


def run(code, at_hand, X="counts X"):
    names = {**at_hand, "X": at_hand[X]}
    names["gsm"] = copy.copy(at_hand["gsm"])  # whose parameters some rows set
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(code, names)


TYPED = [
    (*row, kind)
    for page, kind in [
        ("coming_from_lda.md", "counts X"),
        ("autoencoders.md", "images X"),
    ]
    for row in rows_of(page, "Names from other libraries")
]


@pytest.mark.parametrize("typed, here, kind", TYPED)
def test_what_is_typed_first_is_an_error_that_says_what_there_is(
    typed, here, kind, at_hand
):
    typed, *others = codes(typed)
    with pytest.raises((TypeError, ValueError, AttributeError)) as error:
        run(typed, at_hand, kind)
    if here.startswith("none"):
        assert "is learnt" in str(error.value)
        return
    right = codes(here)[0]
    run(right, at_hand, kind)
    text = str(error.value)
    if "scoring" in text or "'Pipeline'" in text:
        return  # an error of scikit-learn
    answer = text.partition("'. ")[2]
    new = set(re.findall(r"\w+", right)) - set(re.findall(r"\w+", typed))
    called = f"{right.partition('(')[0]}("
    values = "(1, 8, 8)" in text or "X / 255" in text
    assert values or new & set(re.findall(r"\w+", text)) or called in answer
    # What is listed beside it is answered alike.
    for other in others:
        name = r"\w+(?==)" if "=" in typed else r"\w+(\(\w*\))?$"
        call = re.sub(name, other, typed, count=1)
        with pytest.raises((TypeError, AttributeError)) as error:
            run(call, at_hand, kind)
        assert str(error.value).endswith(f"'{other}'. {answer}")


@pytest.mark.parametrize("typed, here", rows_of("coming_from_bertopic.md", "Calls"))
def test_calls_of_bertopic_are_answered(typed, here, at_hand):
    for name in (code.partition("(")[0] for code in codes(typed)):
        if not hasattr(GSMTopicModel, name) and "." not in name:
            with pytest.raises(AttributeError, match=rf"'{name}'\. Use "):
                getattr(at_hand["gsm"], name)
    for code in codes(here):
        if "(" in code and "path" not in code:
            run(code, at_hand)


@pytest.mark.parametrize(
    "typed, here", rows_of("coming_from_bertopic.md", "Parameters")
)
def test_parameters_of_bertopic_are_answered(typed, here, at_hand):
    for name in codes(typed):
        with pytest.raises(TypeError, match=f"no parameter '{name}'. (?!It has|Is it)"):
            GSMTopicModel(**{name: 1})
    if not here.startswith("none"):
        run(codes(here)[0], at_hand)


def test_the_pages_have_tables():
    assert len(TYPED) > 30
