"""Where files are written: what is there already, drafts, and who else is at it."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import make
from skorch.callbacks import Callback

import skvae
from skvae import GSMTopicModel
from skvae.export import model_card, to_onnx
from skvae.shards import Shards, write_shards
from skvae.utils.files import new_folder, replacing

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture(scope="module")
def model(corpus):
    return make(GSMTopicModel).fit(corpus.data)


def device(path, kind, number):
    try:
        os.mknod(path, kind | 0o666, os.makedev(*number))
    except PermissionError:
        pytest.skip("needs the right to make devices")


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


NO_PLACES = {
    "a folder": Path.mkdir,
    "a folder that a link leads to": lambda path: path.symlink_to(path.parent),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a missing folder": lambda path: path.symlink_to("no/where"),
    "a pipe that nobody reads": os.mkfifo if os.name == "posix" else None,
    "a socket": socket_at,
    "a block device": lambda path: device(path, stat.S_IFBLK, (7, 0)),
}
UNREACHED = {
    "in no folder": lambda folder: folder / "none" / "file",
    "in a file": lambda folder: Path(__file__) / "file",
    "with a name too long": lambda folder: folder / ("a" * 300),
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


@pytest.fixture(params=WRITERS)
def write(request, model, monkeypatch):
    if request.param == "to_onnx":
        pytest.importorskip("onnxscript")
        monkeypatch.setattr("skvae.export._onnx._graph", None)
    yield lambda path: WRITERS[request.param](model, path)
    model.set_params(callbacks=None)


@posix
@pytest.mark.parametrize("kind", NO_PLACES)
def test_what_is_no_place_for_a_file_is_told_before_any_work(kind, write, tmp_path):
    path = tmp_path / "file"
    NO_PLACES[kind](path)
    before = path.lstat().st_ino
    with pytest.raises(OSError, match="file"):
        write(path)
    assert path.lstat().st_ino == before and list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("kind", UNREACHED)
def test_a_path_that_cannot_be_is_told_before_any_work(kind, write, tmp_path, request):
    if kind == "in no folder" and "shards" in request.node.name:
        pytest.skip("it makes the folder")
    with pytest.raises(OSError, match="none|file|aaa"):
        write(UNREACHED[kind](tmp_path))
    assert not list(tmp_path.iterdir())


def read_all(path, there):
    """Start to read a pipe; what it is called with gets all of it."""
    reader = threading.Thread(target=lambda: there.append(Path(path).read_bytes()))
    reader.start()
    return reader


@posix
@pytest.mark.parametrize(
    "write", [lambda model, path: model.save(path), model_card], ids=["save", "card"]
)
def test_pipes_and_devices_are_written_to_as_they_are(write, model, tmp_path):
    write(model, tmp_path / "plain")
    expected, path, there = (tmp_path / "plain").read_bytes(), tmp_path / "pipe", []
    os.mkfifo(path)
    reader = read_all(path, there)
    while True:  # until the reader has opened it
        try:
            write(model, path)
            break
        except OSError as error:
            assert "Nothing reads" in str(error)
    reader.join()

    ends = os.pipe()  # as /dev/stdout is one
    reader = read_all(f"/dev/fd/{ends[0]}", there)
    write(model, f"/dev/fd/{ends[1]}")
    os.close(ends[1])
    reader.join()
    os.close(ends[0])

    with tempfile.TemporaryFile() as nameless:
        write(model, f"/dev/fd/{nameless.fileno()}")
        there.append(nameless.read())
    assert there == [expected] * 3
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["pipe", "plain"]


@posix
def test_a_device_stays_one(model, tmp_path):
    device(path := tmp_path / "null", stat.S_IFCHR, (1, 3))
    for write in (model.save, lambda path: model_card(model, path)):
        write(path)
        assert stat.S_ISCHR(path.stat().st_mode) and os.listdir(tmp_path) == ["null"]
    with pytest.raises(OSError, match="No space"):
        model.save("/dev/full")


# --- drafts of processes that were killed -----------------------------------------


KILLED = """
import sys, time
from pathlib import Path
from skvae.utils.files import new_folder, replacing
path, folder = map(Path, sys.argv[1:])
with replacing(path) as file, new_folder(folder) as draft:
    file.write(bytes(10**6))
    (draft / "part").write_bytes(bytes(10**6))
    print("at work", flush=True)
    time.sleep(600)
"""


@posix
@pytest.mark.parametrize("name", ["model", "[a-b]*.é?" * 10, "é" * 127])
def test_the_next_write_clears_what_a_killed_process_left(name, model, tmp_path):
    path, folder = tmp_path / name, tmp_path / f"{name[:9]}.shards"
    command = [sys.executable, "-c", KILLED, path, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"at work\n"
            model.save(path)
            write_shards([np.eye(3)], folder)
            assert len(os.listdir(tmp_path)) == 4  # two drafts of who lives
        finally:
            process.kill()
    others = [tmp_path / ".model.tmp", tmp_path / f".other.{'0' * 16}.tmp"]
    for other in others:  # of others' or of another file
        other.touch()
    shutil.rmtree(folder)
    model.save(path)
    write_shards([np.eye(3)], folder)
    assert {*tmp_path.iterdir()} == {path, folder, *others}
    skvae.load(path), Shards(folder)


def test_who_writes_to_one_place_at_once_gets_it_in_turn(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as a:
        with replacing(path) as b:
            with pytest.raises(KeyError), replacing(path):
                raise KeyError
            b.write(b"b")
        a.write(b"a")
        assert path.read_bytes() == b"b"
    assert path.read_bytes() == b"a" and os.listdir(tmp_path) == ["file"]
    folder = tmp_path / "folder"
    with pytest.raises(OSError), new_folder(folder) as late:
        (late / "b").touch()
        with new_folder(folder) as early:
            (early / "a").touch()
    assert os.listdir(folder) == ["a"] and len(os.listdir(tmp_path)) == 2


def test_a_draft_that_is_cleared_before_it_is_locked_is_made_anew(
    tmp_path, monkeypatch
):
    """The other process comes between making and locking it."""
    made = []

    def touch(self, **kwargs):
        open(self, "x").close()
        made.append(self)
        if len(made) == 1:
            self.unlink()

    monkeypatch.setattr(Path, "touch", touch)
    with replacing(tmp_path / "file") as file:
        file.write(b"a")
    assert len(made) == 2 and os.listdir(tmp_path) == ["file"]


def test_without_locks_nothing_is_cleared(tmp_path, monkeypatch):
    left = tmp_path / f".file.{'0' * 16}.tmp"
    left.touch()
    monkeypatch.setattr("skvae.utils.files.fcntl", None)
    with replacing(tmp_path / "file"):
        pass
    assert left.exists() and len(os.listdir(tmp_path)) == 2
