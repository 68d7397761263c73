"""The examples run from data to tables, words and pictures."""

import importlib
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_extraction.image import extract_patches_2d

from skvae.datasets import make_topic_corpus

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPT = EXAMPLES / "compare_topic_models.py"
IMAGES = EXAMPLES / "images"


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


@pytest.mark.parametrize(
    "script", sorted(IMAGES.glob("plot_*.py")), ids=lambda p: p.stem
)
def test_examples_of_images_end_with_a_picture(script, monkeypatch, capsys):
    """Without a network, on few of scikit-learn's bundled images."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")  # of other tests
    monkeypatch.syspath_prepend(IMAGES)
    images = importlib.import_module("images")

    def absent(*_):
        raise OSError

    def few_digits(return_X_y):
        return [part[:400] for part in load_digits(return_X_y=return_X_y)]

    def few_patches(image, size, max_patches, random_state):
        return extract_patches_2d(image, size, max_patches=60, random_state=0)

    monkeypatch.setattr(images, "fetch", absent)
    monkeypatch.setattr(images, "load_digits", few_digits)
    monkeypatch.setattr(images, "extract_patches_2d", few_patches)
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    monkeypatch.setattr("sys.argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    assert len(shown) == 1 and plt.figure(shown[0]).axes
    plt.figure(shown[0]).savefig(io.BytesIO())
    plt.close("all")
    printed = capsys.readouterr().out
    assert "neither cached nor to be had" in printed and len(printed.splitlines()) > 1


def test_images_are_tiled_in_order(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(IMAGES)
    tile = importlib.import_module("images").tile
    rows = np.arange(1, 4)[:, None] / 4 * np.ones(6)  # three grey images of 2 x 3
    picture = tile(rows, (2, 3), n_columns=2)[..., 0]
    gap = [0.0]
    first = [0.25] * 3 + gap + [0.5] * 3
    second = [0.75] * 3 + gap + [0.0] * 3
    np.testing.assert_array_equal(picture, [first, first, gap * 7, second, second])
    colours = np.array([[0.1, 0.1, 0.2, 0.2, 0.3, 0.3]])  # red, green, blue
    np.testing.assert_array_equal(tile(colours, (3, 1, 2), 1)[0, 0], [0.1, 0.2, 0.3])
