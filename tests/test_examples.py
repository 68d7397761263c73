"""The examples run from data to tables, words and pictures."""

import ast
import io
import json
import re
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import train_briefly
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skvae.datasets import load_docstrings, make_topic_corpus
from skvae.export._onnx import OLDEST_TORCH

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPT = EXAMPLES / "compare_topic_models.py"
SCALING = EXAMPLES / "scaling"
SCRIPTS = [SCRIPT]
for folder in ("images", "tables", "topics", "scaling"):
    SCRIPTS += sorted((EXAMPLES / folder).glob("*.py"))


@pytest.fixture
def texts(tmp_path):
    """A table with a document of planted topics in each row."""
    corpus = make_topic_corpus(150, 60, 3, mean_length=40, random_state=0)
    words = np.array([f"word{a}{b}" for a in "abcdef" for b in "abcdefghij"])
    rows = corpus.data.toarray().astype(int)
    lines = [" ".join(np.repeat(words, row)) for row in rows]
    path = tmp_path / "texts.csv"
    pd.DataFrame({"id": range(len(lines)), "text": lines}).to_csv(path, index=False)
    return path


def run(*arguments):
    runpy.run_path(str(SCRIPT))["main"]([str(argument) for argument in arguments])


def test_comparison_of_ones_own_texts(texts, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "topics.png"
    options = "--max-df", 1.0, "--n-components", 3, "--n-jobs", 1, "--n-seeds", 2
    run("--data", texts, *options, "--output", picture)
    printed = capsys.readouterr().out
    names = ["unigram", "NVDM", "GSM", "ProdLDA", "LDA", "NMF", "135 documents to fit"]
    assert all(name in printed for name in names)
    assert "±" in printed and "word" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_too_few_texts_are_told_in_one_line(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "apple pear\nplum quince\n" * 5)
    with pytest.raises(SystemExit, match="10 texts and 4 frequent words"):
        run("--data", path, "--max-df", 0.5)
    with pytest.raises(SystemExit, match="no terms remain|max_df corresponds"):
        run("--data", path, "--max-df", 0.1)


def test_texts_are_read_from_folders_and_columns_of_tables(tmp_path):
    pytest.importorskip("matplotlib")
    read_texts = runpy.run_path(str(SCRIPT))["read_texts"]
    table = pd.DataFrame({"title": ["a", "b", "c"], "text": ["one", None, "two"]})
    table.to_csv(tmp_path / "texts.csv")
    table.to_json(tmp_path / "texts.jsonl", orient="records", lines=True)
    for name in ("texts.csv", "texts.jsonl"):
        assert read_texts(tmp_path / name, "text") == ["one", "two"]
        with pytest.raises(SystemExit, match="--text-column, one of .*title, text"):
            read_texts(tmp_path / name)
    (tmp_path / "a.txt").write_text("three")
    assert read_texts(tmp_path) == ["three"]
    with pytest.raises(SystemExit, match="is not a folder"):
        read_texts(tmp_path / "a.txt")


def run_plot(script, monkeypatch, capsys):
    """Run an example that shows pictures at its end; return what it prints besides."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")  # of other tests
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    monkeypatch.setattr("sys.argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    assert shown
    for number in shown:
        assert plt.figure(number).axes
        plt.figure(number).savefig(io.BytesIO())
    plt.close("all")
    return capsys.readouterr().out


@pytest.fixture
def at_hand(tmp_path, monkeypatch):
    """An empty folder, as if it were a visitor's, no network and few data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    few = load_docstrings(packages=["joblib", "skorch"])

    def few_digits():
        digits = load_digits()
        return Bunch(**digits | {key: digits[key][:250] for key in ("data", "target")})

    monkeypatch.setattr("skvae.datasets._fetch", lambda *_, **__: None)
    monkeypatch.setattr("skvae.datasets.load_docstrings", lambda **_: few)
    monkeypatch.setattr("skvae.datasets.load_digits", few_digits)
    return few


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_examples_run_alone(script):
    """The gallery offers each script by itself, without the others of its folder."""
    tree = ast.parse(script.read_text("utf-8"))
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
    imported = {name.partition(".")[0] for name in names}
    assert "skvae" in imported
    assert not imported & {"", *(path.stem for path in script.parent.iterdir())}


# Of many fits, or of processes that are started three times.
SLOW = {
    *("plot_clusters", "plot_pca_comparison", "plot_latent_map", "plot_mixed_table"),
    *("plot_model_selection", "plot_recurring_topics", "plot_three_models"),
    *("plot_search", "plot_stream"),
}


PLOTS = [
    pytest.param(script, marks=pytest.mark.slow if script.stem in SLOW else ())
    for script in SCRIPTS
    if script.stem.startswith("plot_")
]


@pytest.mark.parametrize("script", PLOTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:NMF|Maximum|Top words")
def test_examples_end_with_a_picture(script, at_hand, tmp_path, monkeypatch, capsys):
    if script.parent == SCALING:
        for name in ("dask.distributed", "onnxruntime", "onnxscript"):
            pytest.importorskip(name)
        if script.stem == "plot_export":
            pytest.importorskip("torch", OLDEST_TORCH)
        at_hand.data = 2 * at_hand.data  # enough for some chunks
    else:
        train_briefly(monkeypatch)
    printed = run_plot(script, monkeypatch, capsys)
    assert printed
    if script.parent == SCALING:
        assert "False" not in printed and len(printed.splitlines()) > 4
    for path in tmp_path.glob("*/*.html"):
        assert f"wrote {path}" in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    "launch",
    [
        ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
        ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"],
    ],
    ids=lambda launch: launch[0],
)
def test_two_processes_train_about_what_one_does(launch):
    for name in ("torch.distributed", launch[0].partition(".")[0]):
        pytest.importorskip(name)
    command = [sys.executable, "-m", *launch, SCALING / "train_in_processes.py"]
    printed = subprocess.run(
        [*command, "--packages", "joblib", "skorch"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found = re.findall(r"(\d) process(?:es)?: perplexity (\d+)", printed)
    assert [n for n, _ in found] == ["2", "1"]
    two, one = (float(value) for _, value in found)
    assert two == pytest.approx(one, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options", "sections"),
    [
        ("speed", "--only epoch profile --n-rounds 1", ["epoch", "profile"]),
        ("scaling", "--only disk", ["disk"]),
        ("two_cores", "", ["fits", "search"]),
    ],
)
def test_benchmarks_of_speed_print_tables(
    script, options, sections, monkeypatch, tmp_path, capsys
):
    monkeypatch.syspath_prepend(EXAMPLES / "benchmarks")
    path = tmp_path / "figures.json"
    main = runpy.run_path(str(EXAMPLES / "benchmarks" / f"{script}.py"))["main"]
    threads = torch.get_num_threads()
    try:
        main(["--quick", "--json", str(path), *options.split()])
    finally:
        torch.set_num_threads(threads)
    figures = json.loads(path.read_text())
    assert figures.keys() == {"machine", *sections}
    printed = capsys.readouterr().out
    assert figures["machine"] in printed
    for name in sections:
        assert figures[name] and f"\n{name}" in printed
        numbers = [v for v in figures[name][0].values() if not isinstance(v, str)]
        assert len(numbers) > 2 and min(numbers) >= 0
