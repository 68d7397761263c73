"""The documentation is true: its code runs, and the reference lacks no public name."""

import importlib
import io
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from helpers import PUBLIC_MODULES, train_briefly
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline

import skvae
from skvae import GSMTopicModel
from skvae.datasets import load_docstrings

ROOT = Path(__file__).parents[1]
# Pages whose Python blocks run one after the other as they stand,
PAGES = """
    getting_started coming_from_lda coming_from_bertopic coming_from_stm topic_models
    how_many_topics
    seed_words covariates topics_over_time embeddings tables missing_values
    anomaly_detection troubleshooting models/nvdm models/gsm models/prodlda
    models/papers models/cluster models/consensus models/vae
"""
PAGES = ["README.md", *(f"docs/{page}.md" for page in PAGES.split())]
# and those that begin with a fitted model at hand. Blocks of all others are fragments.
PAGES_OF_A_MODEL = [
    f"docs/{page}.md" for page in ("index", "autoencoders", "inspection", "trust")
]
SLOW = {  # of many fits
    f"docs/{page}.md"
    for page in "anomaly_detection how_many_topics models/consensus".split()
} | {"docs/index.md", "docs/autoencoders.md"}
# A block, and what it prints if that is always the same.
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S
)


@pytest.fixture(scope="module")
def few():
    corpus = load_docstrings(packages=["numpy"])
    corpus.data, corpus.target = corpus.data[:250], corpus.target[:250]
    return corpus


@pytest.fixture
def at_hand(few, tmp_path, monkeypatch):
    """Few texts and epochs, and a place for what the pages write and show."""
    train_briefly(monkeypatch)
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    monkeypatch.setattr(skvae.datasets, "load_docstrings", lambda **_: few)
    monkeypatch.setattr(skvae.datasets, "fetch_example_texts", lambda **_: few)
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


@pytest.fixture
def of_a_model(few):
    """What pages that begin in the middle take for granted."""
    counts = CountVectorizer(stop_words="english", min_df=5)
    model = Pipeline([("counts", counts), ("topics", GSMTopicModel(5, max_epochs=2))])
    model.fit(few.data)
    X = counts.transform(few.data)
    return {
        "skvae": skvae,
        "texts": few.data,
        "model": model,
        "pipeline": model,
        "gsm": model[-1],
        "X": X,
        "X_test": X,
        "words": counts.get_feature_names_out(),
        "images": np.zeros((4, 8, 8, 3)),
        "pyLDAvis": MagicMock(),
        "topicwizard": MagicMock(),
    }


def run(page, names):
    """Run the Python blocks of a page, and compare what they print."""
    text = (ROOT / page).read_text(encoding="utf-8")
    names["__name__"] = "__main__"
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        code = "\n" * line + block["code"]  # errors then tell the line of the page
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), names)
        if block["output"] is not None:
            assert printed.getvalue() == block["output"]


def each_page(pages):
    marks = [pytest.mark.slow, pytest.mark.timeout(600)]
    return pytest.mark.parametrize(
        "page",
        [pytest.param(page, marks=marks if page in SLOW else ()) for page in pages],
    )


@each_page(PAGES)
def test_code_of_a_page_runs(page, at_hand):
    if page.endswith("covariates.md"):  # it has a search over a Pipeline with them
        pytest.importorskip("sklearn", "1.8")
    run(page, {})


@each_page(PAGES_OF_A_MODEL)
def test_code_of_a_page_runs_with_a_model_at_hand(page, at_hand, of_a_model):
    if page.endswith("inspection.md"):
        pytest.importorskip("pyLDAvis")
    if page.endswith("trust.md"):
        of_a_model["model"] = of_a_model["gsm"]
    run(page, of_a_model)


def test_pages_link_to_what_is_there():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *pages_of_docs()]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)", text):
            path, _, anchor = target.partition("#")
            example = re.fullmatch(r"(?:\.\./)*auto_examples/(.+)\.rst", path)
            if example is None:
                there = page.parent / path if path else page
                assert there.exists(), f"{page}: {target}"
                assert not anchor or anchor in anchors(there), f"{page}: {target}"
            elif example[1] != "index":
                assert (ROOT / "examples" / f"{example[1]}.py").exists(), target


def anchors(page):
    """What headings of a page are called in addresses, on GitHub and in the site."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return [re.sub(r"[^\w\- ]", "", t).replace(" ", "-").lower() for t in titles]


def test_links_read_as_titles_and_not_as_files():
    for page in pages_of_docs():
        named = re.findall(r"\[[\w/]+\.md\]", page.read_text(encoding="utf-8"))
        assert not named, f"{page}: {named}"


def test_site_leads_to_every_page():
    docs, listed = ROOT / "docs", {"index"}
    for page in pages_of_docs():
        text = page.read_text(encoding="utf-8")
        for names in re.findall(r"^```{toctree}\n(.*?)^```", text, flags=re.M | re.S):
            listed |= {name for name in names.split() if not name.startswith(":")}
    pages = (page.relative_to(docs).with_suffix("") for page in pages_of_docs())
    pages = {page.as_posix() for page in pages}
    assert pages - listed == set()


CLASS = re.compile(r"(?:skvae\.(?:\w+\.)*)?(\w+Display|\w+TopicModel)\b")


def test_names_in_pages_are_public():
    names = public_names()
    for page in pages_of_docs():
        spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text(encoding="utf-8"))
        for span in spans:
            if found := CLASS.match(span):
                assert found[1] in names | {"BaseTopicModel"}, f"{page}: {span}"
            elif found := re.fullmatch(r"skvae((?:\.[a-z_]+)+)(?:\(.*)?", span):
                thing = skvae
                for part in found[1][1:].split("."):
                    thing = getattr(thing, part, None) or importlib.import_module(
                        f"{thing.__name__}.{part}"
                    )


def pages_of_docs():
    made = {"_build", "auto_examples", "generated"}
    pages = (ROOT / "docs").glob("**/*.md")
    return [page for page in pages if not made & {*page.parts}]


def test_reference_has_every_public_name():
    listed = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8").split()
    assert public_names() - {*listed} == {"__version__"}


def public_names():
    modules = map(importlib.import_module, PUBLIC_MODULES)
    return {name for module in modules for name in module.__all__}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_site_is_built_without_a_warning(tmp_path):
    """From a copy, since it writes pages of its own, and without running examples."""
    needed = "sphinx myst_parser sphinx_gallery sphinx_design sphinx_copybutton"
    for package in (*needed.split(), "pydata_sphinx_theme"):
        pytest.importorskip(package)
    for folder in ("docs", "examples"):
        ignored = shutil.ignore_patterns("_build", "auto_examples", "generated")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, tmp_path)
    command = f"{sys.executable} -m sphinx -W --keep-going -D plot_gallery=0 -b html"
    done = subprocess.run(
        [*command.split(), "docs", "site"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "generated" / "skvae.GSMTopicModel.html").exists()
