"""Files and folders that are there as a whole or not at all."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# What is no place for a file, by the type that its mode tells.
NO_FILES = {
    stat.S_IFDIR: (errno.EISDIR, "A folder"),
    stat.S_IFSOCK: (errno.ENXIO, "A socket"),
    stat.S_IFBLK: (errno.ENOTSUP, "A block device"),
}


@contextlib.contextmanager
def replacing(path):
    """A file that takes the place of `path` once it is complete, or leaves no trace.

    A pipe or a character device, such as /dev/stdout, is written to as it is. Enter it
    before any work, since a path that cannot be written is an OSError right then.
    """
    path = Path(path).expanduser()
    target = Path(os.path.realpath(path))  # of a link, what it points to
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except FileNotFoundError:
        kind = None
    if kind is None or (kind == stat.S_IFREG and target.exists()):
        with draft_beside(target, Path.touch) as draft:
            with open(draft, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # or a crash might leave an empty file
            if target.exists():
                shutil.copymode(target, draft)
            os.replace(draft, target)
    elif kind in NO_FILES:
        number, name = NO_FILES[kind]
        raise OSError(number, f"{name} is in the place of the file", str(path))
    else:  # also a file without a name, as /dev/fd may lead to
        with open(path, "wb", opener=open_at_once) as file:
            yield file


def check_plain(path):
    """Raise OSError unless a path leads to a plain file, which can be read at once."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, "It is no plain file", str(path))


def open_at_once(path, flags):
    """Open what exists; of a pipe that nobody reads, it is an error, not a wait."""
    flags &= ~os.O_CREAT
    if os.name != "posix":
        return os.open(path, flags)
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            error.strerror = "Nothing reads what would be written, start that first"
        raise
    os.set_blocking(descriptor, True)
    return descriptor


@contextlib.contextmanager
def new_folder(path):
    """A folder to fill that is at `path` once it is complete, or leaves no trace."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        raise FileExistsError(f"{path} exists. Remove it, or write to another one.")
    with draft_beside(path, Path.mkdir) as draft:
        yield draft
        try:
            draft.rename(path)
        except OSError as error:
            if path.exists():  # by another process, meanwhile
                raise FileExistsError(f"{path} exists by now.") from error
            raise


# --- drafts -----------------------------------------------------------------------


@contextlib.contextmanager
def draft_beside(path, create):
    """A new file or folder beside `path`, for a while, to be moved there.

    It is locked meanwhile, and the system drops locks of processes that are killed: a
    draft of the same path that nobody has locked is one that nobody needs, and goes.
    """
    if not path.parent.is_dir():
        text = "There is no folder to write the file in"
        raise FileNotFoundError(errno.ENOENT, text, str(path.parent))
    name = f".{path.name[:50]}."  # names may have 255 bytes
    pattern = glob.escape(name) + "[0-9a-f]" * 16 + ".tmp"
    for left in path.parent.glob(pattern):
        # Alive, of another user, or where there are no locks.
        with contextlib.suppress(OSError), locked(left, wait=False):
            remove(left)
    with contextlib.ExitStack() as stack:
        while True:
            draft = path.with_name(f"{name}{secrets.token_hex(8)}.tmp")
            create(draft, exist_ok=False)
            stack.callback(remove, draft)
            with contextlib.suppress(OSError):
                stack.enter_context(locked(draft, wait=True))
            if draft.exists():  # or another one has cleared it before it was locked
                break
        yield draft


@contextlib.contextmanager
def locked(path, wait):
    """A lock on a file or a folder; OSError if there can be none."""
    if fcntl is None:
        raise OSError(errno.ENOLCK, "There are no locks")
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR  # NFS locks what is writable
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def remove(path):
    """Remove a file or folder, if it is there and that can be done."""
    with contextlib.suppress(OSError):  # the first error is the one to tell
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
