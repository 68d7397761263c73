"""Arrows between modules go down, as docs/how_skvae_is_built.md draws them."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skvae

ROOT = Path(skvae.__file__).parent
# From the bottom: modules import from their own line and from those above it here.
LAYERS = [
    {"utils"},
    {"nn", "shards"},
    {"training", "persistence"},
    {"distributed"},
    {"models", "datasets"},
    {"metrics", "inspection"},
    {"model_selection", "plotting", "export", "text"},
    {"_report"},
    {""},  # skvae/__init__.py
]


def name_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path.read_text("utf-8") for path in ROOT.rglob("*.py")}


def imports_of(source):
    """Modules of skvae that a source imports, also late, and names that it takes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner in SOURCES
                yield (inner, None) if is_module else (node.module, alias.name)


ARROWS = [
    (module, target, name)
    for module, source in SOURCES.items()
    for target, name in imports_of(source)
    if target.partition(".")[0] == "skvae"
]


def layer_of(module):
    part = (module + ".").split(".")[1]
    return next(i for i, parts in enumerate(LAYERS) if part in parts)


def test_there_is_no_circle():
    graph = {module: set() for module in SOURCES}
    for module, target, _ in ARROWS:
        graph[module].add(target)
    assert len(list(TopologicalSorter(graph).static_order())) == len(SOURCES) > 50


def test_arrows_go_down():
    wrong = [(a, b) for a, b, _ in ARROWS if layer_of(b) > layer_of(a)]
    assert not wrong


def test_what_a_package_hides_stays_in_it():
    wrong = []
    for module, target, name in ARROWS:
        *parts, last = [*target.split("."), *([name] if name else [])]
        for i, part in enumerate([*parts, last]):
            home = ".".join([*parts, last][:i])
            hidden = part.startswith("_") and not part.startswith("__")
            if hidden and not f"{module}.".startswith(f"{home}."):
                wrong.append((module, target, name))
    assert not wrong


@pytest.mark.parametrize(
    "package, foreign",
    [("nn", {"sklearn", "skorch", "pandas"}), ("training", {"sklearn"})],
)
def test_packages_know_no_more_than_they_need(package, foreign):
    """Networks know nothing of scikit-learn, and training does not either."""
    found = {
        (module, name)
        for module, source in SOURCES.items()
        if module.startswith(f"skvae.{package}.")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
        if name.partition(".")[0] in foreign
    }
    assert not found
