"""Configuration of the documentation.

Build it with ``python -m sphinx -W --keep-going -b html docs docs/_build/html``.
"""

import os
import re
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sklearn.experimental import enable_halving_search_cv  # noqa: F401, an example's

import skvae

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # examples may run beside each other

project = "skvae"
author = "The skvae developers"
copyright = author
version = release = skvae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "names",
    "notebook",
]
exclude_patterns = ["_build", "_ext", "images"]
templates_path = ["_templates"]
default_role = "py:obj"

myst_enable_extensions = ["colon_fence", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {"version": version}

# Inventories lie here, since a build asks the network for nothing.
intersphinx_mapping = {
    name: (url, f"_inventories/{name}.inv")
    for name, url in {
        "python": "https://docs.python.org/3",
        "numpy": "https://numpy.org/doc/stable",
        "scipy": "https://docs.scipy.org/doc/scipy",
        "pandas": "https://pandas.pydata.org/docs",
        "sklearn": "https://scikit-learn.org/stable",
    }.items()
}
intersphinx_disabled_reftypes = ["std:*"]  # names alone, not pages of others

autodoc_default_options = {
    "members": True,
    # But not from these, which are scikit-learn's and Python's.
    "inherited-members": "TransformerMixin, _SetOutputMixin, BaseEstimator, "
    "_MetadataRequester, CallbackSupportMixin, BaseException",
    "member-order": "bysource",
}
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "ndarray": "numpy.ndarray",
    "DataFrame": "pandas.DataFrame",
    "Series": "pandas.Series",
    "Path": "pathlib.Path",
    "Pipeline": "sklearn.pipeline.Pipeline",
    "Bunch": "sklearn.utils.Bunch",
    "RandomState": "numpy.random.RandomState",
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",  # others are shown and not run
    "subsection_order": [
        f"../examples/{name}" for name in ("topics", "images", "tables", "scaling")
    ],
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skvae",),
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "image_srcset": ["2x"],
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skvae"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_logo = html_favicon = "_static/logo.svg"
copybutton_exclude = ".linenos, .gp, .go"  # prompts and output stay
toc_object_entries_show_parents = "hide"
# No empty sidebar beside pages that have none below them.
html_sidebars = {page: [] for page in ("getting_started", "contributing", "changelog")}
html_theme_options = {
    "logo": {"text": "skvae"},
    "header_links_before_dropdown": 4,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    # Wide tables, and cards, take the place of the table of contents.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **dict.fromkeys(
            ("index", "benchmarks", "performance", "recipe", "models/papers"), []
        ),
    },
}


def visit_math(writer, node):
    """Write a formula as MathML, which browsers show without a script."""
    block = node.tagname == "math_block"
    math = tex2mathml(node.astext(), as_block=block)
    # Browsers leave no room between "log" and what it is of.
    applied = r"<mo>&ApplyFunction;</mo>(?!\s*<mo[^>]*>[(\[])"
    math = re.sub(applied, '<mspace width="0.17em"/>', math)
    writer.body.append(f'<div class="formula">{math}</div>' if block else math)
    raise SkipNode


def skip_requests(app, what, name, member, skip, options):
    """Leave out scikit-learn's methods that ask for metadata, such as set_fit_request.

    Their docstrings refer to pages of its own.
    """
    return True if re.fullmatch("set_.*_request", name) else None


def setup(app):
    """Let formulas be MathML."""
    app.connect("autodoc-skip-member", skip_requests)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
