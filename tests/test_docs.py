"""The documentation is true: its code runs, and the reference lacks no public name."""

import importlib
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import skvae
from skvae.datasets import load_docstrings

ROOT = Path(__file__).parents[1]
# Pages whose Python blocks run one after the other. Those of others are fragments.
PAGES = [
    "README.md",
    "docs/getting_started.md",
    "docs/coming_from_lda.md",
    "docs/topic_models.md",
    "docs/troubleshooting.md",
    "docs/models/nvdm.md",
    "docs/models/gsm.md",
    "docs/models/prodlda.md",
    "docs/models/vae.md",
]
MODULES = ["datasets", "inspection", "metrics", "model_selection", "plotting"]
# A block, and what it prints if that is always the same.
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S
)


@pytest.fixture(scope="module")
def few():
    return load_docstrings(packages=["joblib", "skorch"])


@pytest.fixture
def at_hand(few, tmp_path, monkeypatch):
    """Few texts, and a folder and a picture for what the pages write and show."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    monkeypatch.setattr(skvae.datasets, "load_docstrings", lambda **_: few)
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore:Top words|NMF")
def test_code_of_a_page_runs(page, at_hand):
    text, names = (ROOT / page).read_text(), {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        code = "\n" * line + block["code"]  # errors then tell the line of the page
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), names)
        if block["output"] is not None:
            assert printed.getvalue() == block["output"]


def test_pages_link_to_what_is_there():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
    for page in pages:
        if "auto_examples" in page.parts or "_build" in page.parts:
            continue
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
            if "auto_examples" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"


def test_reference_has_every_public_name():
    listed = (ROOT / "docs" / "api.rst").read_text().split()
    modules = [skvae, *(importlib.import_module(f"skvae.{m}") for m in MODULES)]
    names = {name for module in modules for name in module.__all__}
    assert names - set(listed) == {"__version__"}
