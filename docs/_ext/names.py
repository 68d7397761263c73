"""Names in the pages become links, so that their Markdown stays plain.

`GSMTopicModel` leads to the reference, `GridSearchCV` to scikit-learn's, `plot_map.py`
to its page in the gallery and a script of examples/benchmarks to the file. The first of
each in a section, or in the row of a table, does.
"""

import importlib
import inspect
import os
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.ext import intersphinx
from sphinx.transforms import SphinxTransform

EXAMPLES = Path(__file__).parents[2] / "examples"


def public_names(app):
    """Return full names of what the reference lists, by what people write for them."""
    names = {}
    reference = (Path(app.srcdir) / "api.rst").read_text(encoding="utf-8")
    for path in re.findall(r"currentmodule:: (\S+)", reference):
        module = importlib.import_module(path)
        for name in module.__all__:
            thing = getattr(module, name)
            names[name] = f"{path}.{name}"
            for member in dir(thing) if inspect.isclass(thing) else ():
                method = getattr(thing, member)
                own = (getattr(method, "__module__", None) or "").startswith("skvae.")
                if member[0] != "_" and inspect.isroutine(method) and own:
                    names[f"{name}.{member}"] = f"{path}.{name}.{member}"
    names |= {full: full for full in names.values()}
    names |= {path: path for path in re.findall(r"automodule:: (\S+)", reference)}
    return {name: names[name] for name in names if name not in ("load", "report")}


def names_elsewhere(env):
    """Return full names of the inventories, scikit-learn's also by their last part."""
    inventory = intersphinx.InventoryAdapter(env).main_inventory
    names, classes = {}, {}
    for kind, entries in inventory.items():
        if kind.startswith("py:"):
            names |= {full: full for full in entries if "." in full}
    for full in inventory["py:class"]:
        if full.startswith("sklearn.") and "._" not in full:
            classes.setdefault(full.rpartition(".")[2], []).append(full)
    names |= {name: full for name, (full, *more) in classes.items() if not more}
    for full in inventory["py:method"]:
        path, _, name = full.rpartition(".")
        short = f"{path.rpartition('.')[2]}.{name}"
        if names.get(short.partition(".")[0]) == path:
            names[short] = full
    return names


def look_up_names(app):
    """Look up all names before pages are read."""
    app.env.app_names = names_elsewhere(app.env) | public_names(app)


def full_name(env, text):
    """Return the full name that stands in a text, also where it is called."""
    return env.app_names.get(re.sub(r"\(.*\)$", "", text, flags=re.DOTALL))


def reference_of(env, text):
    """Return a node for what a name stands for, None if that is nothing known."""
    if script := re.fullmatch(r"(?:examples/)?((?:\w+/)*\w+\.py)", text):
        found = sorted(EXAMPLES.rglob(script[1]))
        if not found:
            return None
        path = found[0].relative_to(EXAMPLES)
        if not (EXAMPLES / path.parent / "GALLERY_HEADER.rst").exists():
            target = f"/../examples/{path}"
            return addnodes.download_reference(reftarget=target, refexplicit=True)
        page = f"/auto_examples/{path.with_suffix('')}"
        return addnodes.pending_xref(refdomain="std", reftype="doc", reftarget=page)
    full = full_name(env, text)
    return full and addnodes.pending_xref(refdomain="py", reftype="obj", reftarget=full)


class LinkNames(SphinxTransform):
    """Put links around names in Markdown."""

    default_priority = 500

    def apply(self):
        if not os.fspath(self.env.doc2path(self.env.docname)).endswith(".md"):
            return
        seen = set()
        for literal in [*self.document.findall(nodes.literal)]:
            parents, node = [], literal
            while node := node.parent:
                parents.append(node)
            linked = (nodes.title, nodes.reference, addnodes.pending_xref)
            if any(isinstance(parent, linked) for parent in parents):
                continue
            parts = (nodes.row, nodes.section)
            section = next((p for p in parents if isinstance(p, parts)), None)
            reference = reference_of(self.env, literal.astext())
            if reference is None or (section, reference["reftarget"]) in seen:
                continue
            seen.add((section, reference["reftarget"]))
            reference.update_basic_atts({"classes": ["name"]})
            reference["refdoc"] = self.env.docname
            reference["refexplicit"] = reference["refwarn"] = True
            literal.replace_self(reference)
            reference += literal


def link_names_in_docstrings(app, env, node, contnode):
    """Resolve names that docstrings and examples do not write in full."""
    full = full_name(env, node["reftarget"])
    if node.get("refdomain") != "py" or full is None or full == node["reftarget"]:
        return None
    node["reftarget"] = full
    domain = env.domains.python_domain
    found = domain.resolve_xref(
        env, node["refdoc"], app.builder, "obj", full, node, contnode
    )
    return found or intersphinx.missing_reference(app, env, node, contnode)


def setup(app):
    """Connect what this module does."""
    app.connect("builder-inited", look_up_names, priority=900)  # inventories are there
    app.connect("missing-reference", link_names_in_docstrings)
    app.add_transform(LinkNames)
    return {"parallel_read_safe": True}
