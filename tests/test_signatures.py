"""What reads fitted models has the same names for the same, in the same order."""

import importlib
import inspect
import re

import pytest
from helpers import PUBLIC_MODULES

# What else takes any model, or of X no more than its words or columns.
OTHERS = {
    f"{what}Display.from_estimator"
    for what in ("Reconstruction", "Manifold", "Traversal", "Interpolation")
} | {"top_words"}


def readers():
    """Public functions of a fitted model or of topics, and makers of Displays."""
    found = {}
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            thing = getattr(thing, "from_estimator", thing)
            if inspect.isroutine(thing):
                first = next(iter(inspect.signature(thing).parameters), None)
                if first in ("model", "models", "topics", "topics_a"):
                    found[thing.__qualname__] = thing
    return found


READERS = readers()


def parameters_of(name):
    return dict(inspect.signature(READERS[name]).parameters)


@pytest.mark.parametrize("name", READERS)
def test_the_same_has_the_same_name(name):
    """A number of words is `n_words`, one of documents `n_documents`."""
    counted = re.findall(
        r"^(\w+) : int.*\n +Number of (?:top )?(word|document)s\b(?! or)",
        inspect.getdoc(READERS[name]),
        re.MULTILINE,
    )
    assert all(parameter == f"n_{what}s" for parameter, what in counted)


ORDERS = [
    ["X", "texts"],
    ["n_words", "n_documents", "feature_names", "covariates", "embeddings"],
    ["X_test", "covariates_test", "embeddings_test"],
]


@pytest.mark.parametrize("name", READERS)
def test_the_same_has_the_same_order(name):
    taken = list(parameters_of(name))
    for order in ORDERS:
        assert [p for p in taken if p in order] == [p for p in order if p in taken]


@pytest.mark.parametrize("name", READERS)
def test_readers_of_documents_take_what_lies_beside_them(name):
    taken = parameters_of(name)
    beside = [taken.get("covariates"), taken.get("embeddings")]
    if "model" not in taken or name in OTHERS:
        return
    assert all(beside) if "X" in taken else not any(beside)
    assert all(p.kind is p.KEYWORD_ONLY for p in beside if p)


@pytest.mark.parametrize("name", READERS)
def test_readers_of_words_take_their_names(name):
    """Also those of texts, whose neighbours show words."""
    taken = parameters_of(name)
    if "model" in taken and {"n_words", "texts"} & {*taken}:
        assert "feature_names" in taken
    if "feature_names" in taken:
        assert taken["feature_names"].kind is inspect.Parameter.KEYWORD_ONLY


def test_there_are_readers():
    assert len(READERS) > 30
