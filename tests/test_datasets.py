"""Texts and counts: what is read, what is left out, and that planted topics hold."""

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import Bunch

import skvae.datasets
from skvae.datasets import (
    fetch_example_images,
    fetch_example_texts,
    load_docstrings,
    make_topic_corpus,
)

LONG = "word " * 20

# ---------------------------------------------------------------------------
# load_docstrings
# ---------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that cannot be imported, with documents of each kind."""
    sources = {
        "__init__.py": f'# Licence\n"""Package {LONG}"""\nraise RuntimeError("ran")\n',
        "_module.py": (
            f'"""Private module {LONG}"""\n'
            "class Model(\n    Base,\n):  # comment\n"
            f'    r"""Class {LONG}\n\n    Title\n    -----\n'
            '    >>> hidden = 1\n    ... + 1\n    hidden\n\n    Ω after.\n    """\n'
            "    def fit(self, X: int = 3) -> int:\n"
            f'        """Fit {LONG}"""\n        text = """Not {LONG}"""\n'
            f'    def _hidden(self):\n        """Not {LONG}"""\n'
            '    def short(self):\n        """Too few words."""\n'
            f'async def run():\n    """Run {LONG}"""\n'
            f'def again():\n    """Run {LONG}"""\n'
        ),
        "_docs.py": (
            f'add_newdoc("fakepkg._c", "array", ("sum",\n """Sum {LONG}"""))\n'
            f'add_docstr(fakepkg.tan, r"""Tangent {LONG}""")\n'
            f'add_newdoc("airy", """Airy {LONG}""")\n'
        ),
        "tests/test_a.py": f'"""Not {LONG}"""\n',
        "_vendor/other.py": f'"""Not {LONG}"""\n',
        "_core/broken.py": f'def good():\n    """Good {LONG}"""\n    syntax error (\n',
    }
    for name, source in sources.items():
        path = tmp_path / "fakepkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_docstrings_are_read_without_running_the_package(package):
    docstrings = load_docstrings(packages=["fakepkg"])
    assert "fakepkg" not in sys.modules
    assert docstrings.names == [
        "fakepkg",
        "fakepkg._core.broken.good",
        "fakepkg._c.array.sum",
        "fakepkg.tan",
        "fakepkg._docs.airy",
        "fakepkg._module.Model",
        "fakepkg._module.Model.fit",
        "fakepkg._module.run",
    ]
    assert not any(text.startswith(("Not", "Private")) for text in docstrings.data)
    assert docstrings.target.tolist() == [0] * 8
    assert docstrings.target_names == ["fakepkg"]
    assert "8 docstrings" in docstrings.DESCR
    # Prose is kept, without doctests and underlines.
    text = docstrings.data[docstrings.names.index("fakepkg._module.Model")]
    assert text.split() == ["Class", *LONG.split(), "Title", "Ω", "after."]


def test_min_words_counts_words(package):
    names = load_docstrings(packages=["fakepkg"], min_words=3).names
    assert "fakepkg._module.Model.short" in names
    with pytest.raises(ValueError, match="no docstring of at least 1000 words"):
        load_docstrings(packages=["fakepkg"], min_words=1000)


def test_missing_packages_are_named():
    with pytest.raises(ValueError, match="no package no_such_a, os.path, no_such_b"):
        load_docstrings(packages=["no_such_a", "numpy", "os.path", "no_such_b"])


def test_scan_agrees_with_the_parser():
    """On scikit-learn's decomposition, where each string is a docstring of its own."""
    docstrings = load_docstrings(packages=["sklearn"], min_words=20)
    folder = Path(find_spec("sklearn").submodule_search_locations[0], "decomposition")
    expected = set()

    def visit(node, name):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                inner = f"{name}.{child.name}"
                text = ast.get_docstring(child) or ""
                # Far above min_words whatever the doctests take away.
                prose = text.partition(">>>")[0]
                if not child.name.startswith("_") and len(prose.split()) > 60:
                    expected.add(inner)
                visit(child, inner)

    for path in folder.glob("*.py"):
        if path.stem != "__init__":
            visit(ast.parse(path.read_bytes()), f"sklearn.decomposition.{path.stem}")
    found = {n for n in docstrings.names if n.startswith("sklearn.decomposition._")}
    assert len(expected) > 20
    # Only a text that an earlier document has may be absent.
    assert len(expected - found) <= 0.05 * len(expected)


def test_default_packages():
    docstrings = load_docstrings()
    assert len(docstrings.data) == len(docstrings.names) == len(docstrings.target)
    assert len(docstrings.data) >= 5000
    assert len(set(docstrings.data)) == len(docstrings.data)
    assert docstrings.target_names == ["numpy", "scipy", "pandas", "sklearn", "torch"]
    assert np.bincount(docstrings.target).min() > 500
    assert not any(re.search(r"^\s*>>>", text, re.M) for text in docstrings.data)
    # A docstring of compiled code, numpy._core or numpy.core by version.
    assert any(n.endswith("multiarray.ndarray.dtype") for n in docstrings.names)
    index = docstrings.names.index("torch.abs")
    assert "absolute value" in docstrings.data[index]


# ---------------------------------------------------------------------------
# fetch_example_texts, fetch_example_images
# ---------------------------------------------------------------------------

PROSE = "one of the words that somebody wrote about something else again"
ENCODED = "M" + 60 * "A"


@pytest.fixture
def no_network(monkeypatch):
    """Without a server that answers; tell which one was asked."""
    asked = []

    def urlopen(url, timeout):
        assert timeout <= 10
        asked.append(url)
        raise TimeoutError

    monkeypatch.setattr(skvae.datasets, "urlopen", urlopen)
    few = load_docstrings(packages=["joblib"])
    monkeypatch.setattr(skvae.datasets, "load_docstrings", lambda: few)
    return asked


@pytest.mark.parametrize("fetch", [fetch_example_texts, fetch_example_images])
def test_examples_fall_back_on_what_is_installed(fetch, tmp_path, no_network):
    with pytest.warns(UserWarning, match="neither cached .* nor to be downloaded"):
        found = fetch(data_home=tmp_path)
    assert len(no_network) == 1
    assert len(found.data) == len(found.target) > 50
    again = fetch(data_home=tmp_path, download_if_missing=False)  # without a warning
    assert len(no_network) == 1
    np.testing.assert_array_equal(found.target, again.target)


def test_example_texts_leave_out_what_is_no_prose(tmp_path, monkeypatch):
    """And keep labels with their texts, in an order that does not change."""
    texts = [f"{i} {PROSE}" for i in range(50)]
    posts = [*texts, f"{PROSE}\n{ENCODED}\n", "too few words", ""]
    corpus = Bunch(
        data=posts, target=np.arange(len(posts)), target_names=[*"abc"], DESCR="Posts."
    )
    monkeypatch.setattr(skvae.datasets, "fetch_20newsgroups", lambda **_: corpus)
    (tmp_path / "20news-bydate_py3.pkz").touch()  # cached: no server is asked
    monkeypatch.setattr(skvae.datasets, "urlopen", None)
    found = fetch_example_texts(data_home=tmp_path)
    assert found.data == [texts[i] for i in found.target]
    assert sorted(found.data) == sorted(texts) != found.data
    assert found.data == fetch_example_texts(data_home=tmp_path).data


def test_a_broken_cache_is_no_reason_to_ask_the_network(tmp_path, monkeypatch):
    few = load_docstrings(packages=["joblib"])
    monkeypatch.setattr(skvae.datasets, "load_docstrings", lambda: few)
    monkeypatch.setattr("sklearn.datasets._twenty_newsgroups._fetch_remote", None)
    (tmp_path / "20news-bydate_py3.pkz").write_bytes(b"broken")
    found = fetch_example_texts(data_home=tmp_path, download_if_missing=False)
    assert found.target_names == ["joblib"]


def test_a_download_that_breaks_is_told(tmp_path, no_network, monkeypatch):
    def broken(**_):
        raise OSError("no such checksum")

    monkeypatch.setattr(skvae.datasets, "_answers", lambda server: True)
    monkeypatch.setattr(skvae.datasets, "fetch_openml", broken)
    with pytest.warns(UserWarning, match="digits of 8 x 8 pixels"):
        assert fetch_example_images(data_home=tmp_path).image_shape == (8, 8)


def test_example_images_are_rows_of_grey_values(tmp_path, monkeypatch):
    images = Bunch(data=np.full((3, 784), 255), target=np.array([*"507"]), DESCR="")
    monkeypatch.setattr(skvae.datasets, "fetch_openml", lambda **_: images)
    monkeypatch.setattr(skvae.datasets, "_answers", lambda server: True)
    found = fetch_example_images(data_home=tmp_path)
    assert found.data.dtype == np.float32 and (found.data == 1).all()
    assert found.target.tolist() == [5, 0, 7] and found.image_shape == (28, 28)


# ---------------------------------------------------------------------------
# make_topic_corpus
# ---------------------------------------------------------------------------


def test_corpus_is_well_formed():
    corpus = make_topic_corpus(300, 40, 5, mean_length=2, random_state=0)
    assert sparse.isspmatrix_csr(corpus.data) and corpus.data.dtype == np.int64
    assert corpus.data.has_canonical_format and corpus.data.data.min() >= 1
    assert corpus.data.shape == (300, 40)
    assert corpus.data.sum(axis=1).min() == 1  # of length 2 many would be empty
    np.testing.assert_allclose(corpus.doc_topic.sum(axis=1), 1)
    np.testing.assert_allclose(corpus.components.sum(axis=1), 1)
    assert corpus.doc_topic.shape == (300, 5) and corpus.components.shape == (5, 40)
    np.testing.assert_array_equal(corpus.target, corpus.doc_topic.argmax(axis=1))


def test_lengths_are_poisson():
    """Mean and variance within 5 standard errors of mean_length."""
    lengths = make_topic_corpus(4000, 20, 3, mean_length=50, random_state=1).data.sum(1)
    assert abs(lengths.mean() - 50) < 5 * np.sqrt(50 / 4000)
    assert abs(lengths.var() - 50) < 5 * np.sqrt((50 + 2 * 50**2) / 4000)


def test_counts_follow_doc_topic_times_components():
    """Given the lengths, a count summed over a group of documents has the mean and
    variance of a sum of binomials: standardised, it has mean 0 and variance 1."""
    corpus = make_topic_corpus(
        3000, 60, 4, word_concentration=0.5, mean_length=60, random_state=2
    )
    lengths = np.asarray(corpus.data.sum(axis=1))
    p = corpus.doc_topic @ corpus.components
    groups = np.eye(4)[corpus.target].T
    mean = groups @ (lengths * p)
    variance = groups @ (lengths * p * (1 - p))
    z = ((groups @ corpus.data - mean) / np.sqrt(variance))[mean > 20]
    assert z.size > 150
    assert np.abs(z).max() < 5
    # The mean of z.size squares of variance 2, dependent only in that they sum up.
    assert abs(np.mean(z**2) - 1) < 5 * np.sqrt(2 / z.size)


def test_same_seed_same_corpus_and_other_seed_other_corpus():
    first, second, other = (make_topic_corpus(50, random_state=s) for s in (0, 0, 1))
    for key in ("doc_topic", "components", "target"):
        np.testing.assert_array_equal(first[key], second[key])
    assert (first.data != second.data).nnz == 0
    assert (first.data != other.data).nnz > 0
    generator = np.random.RandomState(0)
    assert (make_topic_corpus(50, random_state=generator).data != first.data).nnz == 0
    assert (make_topic_corpus(50, random_state=generator).data != first.data).nnz > 0


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generator_is_left_alone(random_state):
    before = np.random.get_state()[1:3]
    make_topic_corpus(10, random_state=random_state)
    after = np.random.get_state()[1:3]
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1] == after[1]


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_samples": 0},
        {"n_features": 0},
        {"n_components": 0},
        {"mean_length": 0},
        {"topic_concentration": 0.0},
        {"word_concentration": -1.0},
    ],
)
def test_invalid_parameters(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        make_topic_corpus(**parameters)
