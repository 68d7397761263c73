"""Texts and counts: what is read, what is left out, and that planted topics hold."""

import ast
import json
import os
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
    load_texts,
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


def test_docstrings_keep_prose_and_drop_doctests_and_underlines(package):
    docstrings = load_docstrings(packages=["fakepkg"])
    text = docstrings.data[docstrings.names.index("fakepkg._module.Model")]
    assert text.split() == ["Class", *LONG.split(), "Title", "Ω", "after."]


def test_min_words_counts_words(package):
    names = load_docstrings(packages=["fakepkg"], min_words=3).names
    assert "fakepkg._module.Model.short" in names
    with pytest.raises(ValueError, match="no docstring of at least 1000 words"):
        load_docstrings(packages=["fakepkg"], min_words=1000)


def test_missing_packages_are_named():
    with pytest.raises(ValueError, match="named no_such_a, os.path, no_such_b"):
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
# load_texts
# ---------------------------------------------------------------------------


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def test_folder_without_subfolders_has_no_target(tmp_path):
    write(tmp_path / "b.txt", "zwei")
    write(tmp_path / "a.TXT", "größe\nΩ")
    write(tmp_path / "blank.txt", " \n")
    write(tmp_path / "c.md", "other kind")
    texts = load_texts(str(tmp_path))
    assert texts.data == ["größe\nΩ", "zwei"]
    assert texts.filenames == [str(tmp_path / "a.TXT"), str(tmp_path / "b.txt")]
    assert "target" not in texts


def test_first_level_subfolders_are_the_labels(tmp_path):
    write(tmp_path / "sport" / "a.txt", "ball")
    write(tmp_path / "art" / "deep" / "b.txt", "paint")
    write(tmp_path / "sport" / "deep" / "c.txt", "goal")
    texts = load_texts(tmp_path)
    assert texts.data == ["paint", "ball", "goal"]
    assert texts.target_names == ["art", "sport"]
    assert texts.target.tolist() == [0, 1, 1]
    write(tmp_path / "unlabelled.txt", "neither")
    assert "target" not in load_texts(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_pipes_are_told_without_a_wait(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match="no plain file"):
        load_texts(tmp_path / name)


def test_links_are_followed_and_hidden_names_left_out(tmp_path):
    folder = tmp_path / ".hidden" / "texts"  # the path itself may be hidden
    write(folder / "art" / "a.txt", "paint")
    write(folder / "art" / "._a.txt", "not a text")
    write(folder / ".git" / "b.txt", "not a class")
    write(tmp_path / "elsewhere" / "c.txt", "ball")
    (folder / "sport").symlink_to(tmp_path / "elsewhere")
    (folder / "art" / "d.txt").symlink_to(tmp_path / "elsewhere" / "c.txt")
    (folder / "art" / "round").symlink_to(folder)
    (tmp_path / "elsewhere" / "self").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(folder)
    for path in (folder, tmp_path / "link"):
        texts = load_texts(path)
        assert texts.data == ["paint", "ball", "ball"]
        assert texts.target_names == ["art", "sport"]
        assert texts.target.tolist() == [0, 0, 1]
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="link.*gone.*leads nowhere"):
        load_texts(folder)


@pytest.mark.parametrize(("suffix", "sep"), [("csv", ","), ("tsv", "\t"), ("CSV", ",")])
def test_separated_values(tmp_path, suffix, sep):
    rows = [["n", "text"], ["1", '"größe, Ω"'], ["2", ""], ["3", " "], ["4", "None"]]
    path = write(tmp_path / f"t.{suffix}", "\n".join(sep.join(row) for row in rows))
    texts = load_texts(path)
    assert texts.data == ["größe, Ω", "None"]
    assert texts.frame["n"].tolist() == [1, 4]
    assert load_texts(path, text_column="n").data == ["1", "2", "3", "4"]


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "json-lines"])
def test_json_lines(tmp_path, suffix):
    rows = [{"n": 1, "date": "größe"}, {"n": 2, "date": None}, {"n": 3, "date": "2020"}]
    path = write(tmp_path / f"t.{suffix}", "\n".join(map(json.dumps, rows)))
    texts = load_texts(path)
    assert texts.data == ["größe", "2020"]
    assert texts.frame["n"].tolist() == [1, 3]


@pytest.mark.parametrize(
    "text",
    ["007", "1e5", "true", "12", "nan", "inf", "NULL", " x ", "9" * 30, "a\r\nb"],
)
def test_texts_of_a_table_are_as_written_and_other_columns_are_typed(tmp_path, text):
    path = write(
        tmp_path / "t.csv", f'n,b,t\r\n1,true,"{text}"\r\n2,true,\r\n3,false\r\n'
    )
    texts = load_texts(path, text_column="t")
    assert texts.data == texts.frame["t"].tolist() == [text]
    assert texts.frame["n"].tolist() == [1]
    assert texts.frame["b"].tolist() == [True]
    assert load_texts(path, text_column="n").data == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        (
            "stars,t\n5,Good food, cheap\n1,Cold soup, slow\n",
            "t",
            "in line 2, saw 3.*twice",
        ),
        ("t\nGood food, cheap\n", "t", "in line 2, saw 2.*double quotes"),
        ("a,t\n1,x\n2,y,z\n", None, "in line 3, saw 3.*double quotes"),
        ('a,t\n1,"x\n', None, "EOF inside string.*double quotes"),
        ("t,t\nx,1\n", "t", "2 columns named 't'"),
        ("t\n", None, "found nothing"),
        ("", None, "found nothing"),
    ],
)
def test_broken_tables_are_refused_by_name(tmp_path, table, column, said):
    path = write(tmp_path / "t.csv", table)
    with pytest.raises(ValueError, match=said) as caught:
        load_texts(path, text_column=column)
    assert "t.csv'" in str(caught.value)


def test_nul_in_a_table_cuts_no_text(tmp_path):
    assert load_texts(write(tmp_path / "t.csv", "t\na\0b\n")).data == ["a\ufffdb"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Expecting property name"),
        ('[{"t": "x"}]', "it holds a list"),
        ("null", "it holds a NoneType"),
        ("[" * 100_000, "recursion"),
        ('{"n": ' + "9" * 5000 + "}", "4300 digits"),
        ('{"t": 7}', "no string in column 't', but a int"),
        ('{"t": ["x"]}', "no string in column 't', but a list"),
    ],
)
def test_broken_json_lines_are_refused_by_file_and_number(tmp_path, line, said):
    path = write(tmp_path / "t.jsonl", '{"t": "x"}\n\n' + line)
    with pytest.raises(ValueError) as caught:
        load_texts(path, text_column="t")
    message = str(caught.value)
    assert "line 3 of" in message.lower() and "t.jsonl" in message and said in message


def test_json_may_lack_keys_and_halves_of_characters_are_replaced(tmp_path):
    rows = ['{"n": 1}', '{"t": NaN}', '{"t": "\\ud800", "n": [{"k": 1}]}']
    texts = load_texts(write(tmp_path / "t.jsonl", "\n".join(rows)))
    assert texts.data == ["\ufffd"]
    assert texts.frame["n"].tolist() == [[{"k": 1}]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.txt", "größe"),
        ("t.csv", "t,n\ngröße,1"),
        ("t.tsv", "t\tn\ngröße\t1"),
        ("t.jsonl", '{"t": "größe"}'),
        ("folder/t.txt", "größe"),
    ],
)
def test_byte_order_mark_tells_the_encoding(tmp_path, encoding, name, text):
    path = write(tmp_path / name, "\ufeff" + text, encoding)
    path = path.parent if path.parent != tmp_path else path
    for given in ("utf-8", "latin-1", encoding):
        assert load_texts(path, encoding=given).data == ["größe"]


def test_lines_of_a_text_file(tmp_path):
    path = write(tmp_path / "t.txt", "größe\n\nΩ two \n")
    assert load_texts(path).data == ["größe", "Ω two"]


def test_encoding(tmp_path):
    path = write(tmp_path / "t.txt", "größe", encoding="latin-1")
    assert load_texts(path, encoding="latin-1").data == ["größe"]
    assert load_texts(path).data == ["gr\ufffd\ufffde"]


def test_column_errors_list_the_columns(tmp_path):
    path = write(tmp_path / "t.csv", "title,body,n\na,b,1\n")
    columns = r"\['title', 'body', 'n'\]"
    with pytest.raises(ValueError, match=f"2 columns of strings.*{columns}"):
        load_texts(path)
    with pytest.raises(ValueError, match=f"0 columns named 'text'.*{columns}"):
        load_texts(path, text_column="text")
    with pytest.raises(TypeError, match="text_column must be an instance of str"):
        load_texts(path, text_column=1)
    assert load_texts(path, text_column="body").data == ["b"]


def test_path_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_texts(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"\.txt file that is not blank"):
        load_texts(tmp_path)
    with pytest.raises(ValueError, match="a line that is not blank"):
        load_texts(write(tmp_path / "blank.txt", "\n \n"))
    with pytest.raises(ValueError, match="cannot read .*a.pdf.*\\.csv, \\.tsv"):
        load_texts(write(tmp_path / "a.pdf", "x"))
    with pytest.raises(ValueError, match="row with a text"):
        load_texts(write(tmp_path / "a.csv", "text,n\n,1\n"), text_column="text")


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
