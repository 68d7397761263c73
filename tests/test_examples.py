"""The comparison runs from texts to table, words and picture."""

import runpy
from pathlib import Path

import pytest

from skvae.datasets import make_topic_corpus

SCRIPT = Path(__file__).parents[1] / "examples" / "compare_topic_models.py"


@pytest.fixture
def texts(tmp_path):
    """A file with a document of planted topics on each line."""
    corpus = make_topic_corpus(150, 60, 3, mean_length=40, random_state=0)
    words = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    path = tmp_path / "texts.txt"
    lines = (
        " ".join(word for word, n in zip(words, row) for _ in range(n))
        for row in corpus.data.toarray()
    )
    path.write_text("\n".join(lines))
    return path


def run(*arguments):
    runpy.run_path(str(SCRIPT))["main"]([str(argument) for argument in arguments])


def test_comparison_of_ones_own_texts(texts, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "topics.png"
    options = "--n-components", 3, "--n-jobs", 1, "--n-seeds", 2
    run("--data", texts, *options, "--output", picture)
    printed = capsys.readouterr().out
    for name in (
        "unigram",
        "NVDM",
        "GSM",
        "ProdLDA",
        "LDA",
        "NMF",
        "135 documents to fit",
    ):
        assert name in printed
    assert "±" in printed and "word" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_too_few_texts_are_told_in_one_line(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "texts.txt"
    path.write_text("apple pear\nplum quince\n" * 5)
    with pytest.raises(SystemExit, match="10 texts and 4 frequent words"):
        run("--data", path)
