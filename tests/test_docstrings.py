"""Docstrings of all that is public are complete, in numpydoc's format."""

import importlib
import inspect

import pytest
from helpers import PUBLIC_MODULES
from numpydoc.validate import validate

LEFT_OUT = {
    "GL01",  # the summary begins on the line of the quotes
    "RT02",  # results have names
    "ES01",  # an extended summary is there where it helps
    "SS05",  # summaries may name what is returned: "Words that come first ..."
}


def full_name(thing):
    return f"{thing.__module__}.{thing.__qualname__}"


def public_names():
    """Names of classes, functions and methods, each by where it is defined."""
    names = {}
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing):
                continue
            names[full_name(thing)] = "function"
            if not isinstance(thing, type):
                continue
            names[full_name(thing)] = "class"
            for member_name, _ in inspect.getmembers_static(thing):
                member = inspect.getattr_static(thing, member_name)
                member = getattr(member, "__func__", getattr(member, "fget", member))
                public = inspect.isfunction(member) and member_name[0] != "_"
                if public and member.__module__.startswith("skvae"):
                    names[full_name(member)] = "member"
    return names


NAMES = public_names()


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid(name):
    left_out = LEFT_OUT
    if NAMES[name] == "member" or name.endswith("Error"):
        left_out = left_out | {"EX01", "SA01"}
    errors = validate(name)["errors"]
    found = [f"{code}: {text}" for code, text in errors if code not in left_out]
    assert not found, f"{name}\n" + "\n".join(found)
