"""Files that are there as a whole or not at all."""

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """A file that takes the place of `path` once it is complete, or leaves no trace."""
    path = Path(os.path.realpath(path))  # of a link, what it points to
    if not path.parent.is_dir():
        text = "There is no folder to write the file in"
        raise FileNotFoundError(errno.ENOENT, text, str(path.parent))
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(draft, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a crash might leave an empty file
        if path.exists():
            shutil.copymode(path, draft)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            draft.unlink()
        raise
