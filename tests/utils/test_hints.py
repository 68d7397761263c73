"""Errors name what skvae calls the parameters and methods of other libraries."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from helpers import PUBLIC_MODULES, make
from sklearn.exceptions import NotFittedError

import skvae
from skvae import ClusterTopicModel, GSMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.utils.hints import ATTRIBUTES, PARAMETERS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def gsm(corpus):
    return make(GSMTopicModel).fit(corpus.data)


@pytest.mark.parametrize(
    "function, wrong, hint",
    [
        (GSMTopicModel, "n_topics", " It is called 'n_components'."),
        (ProdLDATopicModel, "alpha", " It is called 'concentration'."),
        (GSMTopicModel, "alpha", ""),  # which has no such parameter
        (VAETransformer, "contamination", ""),
    ],
)
def test_errors_name_the_parameter(function, wrong, hint):
    with pytest.raises(TypeError) as error:
        function(**{wrong: 1})
    text = f"{function.__name__}() has no parameter {wrong!r}.{hint}"
    assert str(error.value) == text


def test_hints_at_parameters_name_what_exists():
    users = ProdLDATopicModel, GSMTopicModel, VAETransformer, ClusterTopicModel
    known = {name for user in users for name in inspect.signature(user).parameters}
    assert {*PARAMETERS.values()} <= known and not PARAMETERS.keys() & known


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_hints_at_attributes_name_what_exists(name, gsm):
    hint = ATTRIBUTES[name]
    with pytest.raises(AttributeError) as error:
        getattr(gsm, name)
    text = f"'GSMTopicModel' object has no attribute {name!r}. Use {hint}."
    assert str(error.value) == text
    path, found = re.match(r"[\w.]+", hint)[0], gsm
    if path.startswith("skvae."):
        path, found = path.removeprefix("skvae."), skvae
    for part in path.split("."):
        found = getattr(found, part)


def test_other_attributes_keep_their_errors(gsm):
    with pytest.raises(AttributeError, match="no attribute 'transfrom'$"):
        gsm.transfrom  # noqa: B018
    with pytest.raises(NotFittedError):
        GSMTopicModel().health_  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'labels_'$"):
        ClusterTopicModel().labels_  # noqa: B018
    assert hasattr(ClusterTopicModel(), "predict")


def test_signatures_are_as_without_hints():
    explained = inspect.signature(GSMTopicModel).parameters
    assert [*explained] == [*inspect.signature(GSMTopicModel.__init__).parameters][1:]


def test_subclasses_may_have_parameters_of_their_own():
    class Own(GSMTopicModel):
        def __init__(self, n_components=3, n_topics=None):
            super().__init__(n_components)
            self.n_topics = n_topics

    assert Own(n_topics=2).set_params(n_topics=4).n_topics == 4


# --- tables of names in the docs --------------------------------------------------

MODULES = map(importlib.import_module, PUBLIC_MODULES)
PUBLIC = {name: getattr(module, name) for module in MODULES for name in module.__all__}


@pytest.mark.parametrize(
    "page", ["coming_from_lda", "coming_from_bertopic", "autoencoders"]
)
def test_calls_in_the_tables_exist(page):
    """Functions of skvae in the right column have the parameters that are passed."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    cells = [row.split(" | ")[1] for row in text.splitlines() if row[:3] == "| `"]
    codes = re.findall(r"`(\w+\([^`]*\))`", " ".join(cells))
    nodes = [node for code in codes for node in ast.walk(ast.parse(code))]
    checked = 0
    for call in nodes:
        name = getattr(getattr(call, "func", None), "id", None)
        if name in PUBLIC:
            values = dict.fromkeys(keyword.arg for keyword in call.keywords)
            inspect.signature(PUBLIC[name]).bind(*[None] * len(call.args), **values)
            checked += 1
    assert checked > 4
