"""Files are written completely or not at all."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import make
from skorch.callbacks import Callback

import skvae
from skvae import GSMTopicModel
from skvae.export import model_card, to_onnx
from skvae.shards import write_shards
from skvae.utils.files import new_folder, replacing

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture(scope="module")
def model(corpus):
    return make(GSMTopicModel).fit(corpus.data)


# --- paths that cannot be written -------------------------------------------------

NO_PLACES = {
    "a folder": lambda folder: folder,
    "in no folder": lambda folder: folder / "none" / "file",
    "in a file": lambda folder: Path(__file__) / "file",
    "with a name too long": lambda folder: folder / ("a" * 300),
    "a device": lambda folder: Path("/dev/null"),
    "where nobody can write": lambda folder: Path("/proc/file"),
}
# Each with work that would be another error.
WRITERS = {
    "save": lambda model, path: model.set_params(callbacks=[Callback()]).save(path),
    "report": lambda model, path: skvae.report(model, object(), path=path),
    "model_card": lambda model, path: model_card(model, path, X_test=object()),
    "to_onnx": to_onnx,
    "write_shards": lambda model, path: write_shards(object(), path),
}


@posix
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", NO_PLACES)
def test_a_path_that_cannot_be_written_is_an_error_before_any_work(
    kind, writer, model, tmp_path, monkeypatch
):
    if writer == "to_onnx":
        pytest.importorskip("onnxscript")
        monkeypatch.setattr("skvae.export._onnx._graph", None)
    if writer == "write_shards" and kind == "in no folder":
        pytest.skip("it makes the folder")
    monkeypatch.setattr(model, "callbacks", None)
    with pytest.raises(OSError, match="folder|file|exists|aaa"):
        WRITERS[writer](model, NO_PLACES[kind](tmp_path))
    assert not list(tmp_path.iterdir()) and Path("/dev/null").is_char_device()


# --- faults while writing ---------------------------------------------------------


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), MemoryError()],
)
@pytest.mark.parametrize("place", ["block", "replace"])
def test_a_write_that_fails_leaves_what_was_there(
    place, error, there, model, tmp_path, monkeypatch, record_property
):
    path = tmp_path / "file"
    if there:
        path.write_bytes(b"before")

    def fail(*args):
        raise error

    monkeypatch.setattr(f"skvae.utils.files.os.{place}", fail, raising=False)
    with pytest.raises(type(error)), replacing(path) as file:
        file.write(b"after")
        if place == "block":
            raise error
    if place == "replace":
        monkeypatch.setattr(model, "callbacks", None)
        with pytest.raises(type(error)):
            model.save(path)
    assert os.listdir(tmp_path) == ["file"] * there
    assert not there or path.read_bytes() == b"before"
    with pytest.raises(type(error)), new_folder(tmp_path / "folder") as draft:
        (draft / "part").touch()
        raise error
    assert os.listdir(tmp_path) == ["file"] * there
    record_property("faults", 1)


# --- what takes the place of what -------------------------------------------------


@posix
def test_the_new_file_has_the_mode_of_the_old_one_and_its_place(tmp_path):
    path, link, plain = (tmp_path / name for name in ("file", "link", "plain"))
    plain.touch()
    with replacing(path):
        pass
    assert path.stat().st_mode == plain.stat().st_mode  # as of any file
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert path.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    assert path.read_bytes() == b"new"


def test_the_last_of_several_writers_wins(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as a:
        with replacing(path) as b:
            b.write(b"b")
        a.write(b"a")
        assert path.read_bytes() == b"b"
    assert path.read_bytes() == b"a" and os.listdir(tmp_path) == ["file"]
    folder = tmp_path / "folder"
    with pytest.raises(OSError), new_folder(folder) as late:
        (late / "b").touch()
        write_shards([np.eye(3)], folder)
    assert len(os.listdir(tmp_path)) == 2


def test_a_folder_that_exists_is_not_replaced(tmp_path):
    with pytest.raises(FileExistsError, match="exists. Remove it, or write to another"):
        write_shards([np.eye(3)], tmp_path)
    write_shards([np.eye(3)], tmp_path / "a" / "b")
    assert os.listdir(tmp_path / "a") == ["b"]
