"""Files and folders that are written completely or not at all."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Open a file that replaces `path` once it is complete; an error leaves no trace.

    Enter it before any work: a path that cannot be written is an OSError right then.
    """
    path = Path(os.path.realpath(os.path.expanduser(path)))  # links stay links
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file. Remove it, or write to another path.")
    draft = draft_of(path)
    try:
        with open(draft, "xb") as file:
            yield file
        if path.exists():
            shutil.copymode(path, draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path):
    """Make a folder that is moved to `path` once it is filled; an error removes it."""
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists. Remove it, or write to another path.")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    draft.mkdir()
    try:
        yield draft
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def draft_of(path):
    """Return an unused path in the same folder."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write to.")
    return path.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}.tmp")
