"""A sparse matrix on disk, of which rows come to memory as they are asked for."""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.lib.format import open_memmap
from sklearn.utils import check_array

from skvae.utils.files import new_folder
from skvae.utils.validation import canonical_csr

__all__ = ["Shards", "write_shards"]

FORMAT = 1
INDEX = "shards.json"
MAX_INDEX = 2**24  # bytes, of more than a million shards
ARRAYS = "data", "indices", "indptr"
MAX_HEADER = 2**8  # bytes, of a plain array
DTYPES = "float64", "float32", "int64", "int32"
MAX_FEATURES = 2**31 - 1  # that of HashingVectorizer, and of 32 bits


class Shards:
    """A matrix in memory-mapped CSR files, larger than memory if need be.

    `fit`, `partial_fit`, `transform`, `score` and all other methods of skvae's models
    take it in place of a matrix, with the same result bit for bit. Training reads the
    rows of one batch at a time, in random order, from anywhere in the matrix; what of
    the files is in memory meanwhile is up to the system, which drops it when memory is
    short.

    Indexing by numbers of rows, a mask or a slice gives a CSR array in memory. Pickled
    is the path alone, so that worker processes open the same files.

    Parameters
    ----------
    folder : str or path-like
        Where `write_shards` wrote it.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    nnz : int
        Number of stored values.
    folder : Path

    Raises
    ------
    ValueError
        If the folder holds no complete shards, or anything else in their place.

    See Also
    --------
    write_shards : Writes such a folder.

    Examples
    --------
    >>> import tempfile
    >>> from skvae import NVDMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.shards import Shards, write_shards
    >>> counts = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     chunks = (counts[start : start + 80] for start in range(0, 200, 80))
    ...     _ = write_shards(chunks, f"{folder}/counts")
    ...     X = Shards(f"{folder}/counts")
    ...     model = NVDMTopicModel(3, max_epochs=2, random_state=0).fit(X)
    ...     print(X.shape, model.transform(X[:5]).shape)
    (200, 50) (5, 3)
    """

    ndim = 2
    __iter__ = None  # or numpy and others would take it for a list of rows

    def __init__(self, folder):
        self.folder = Path(folder).expanduser().absolute()
        try:
            index = read_index(self.folder / INDEX)
            n_features, self.dtype = index["n_features"], np.dtype(index["dtype"])
            self._parts = [
                self._open(number, n_rows, n_features)
                for number, n_rows in enumerate(index["n_rows"])
            ]
            self._ends = np.cumsum(index["n_rows"])
            # In memory, 4 bytes a row: each batch asks for rows of most parts.
            indptrs = [part.indptr for part in self._parts]
            self._indptr = np.concatenate(indptrs)
            self.shape = int(self._ends[-1]), n_features
        except MemoryError:
            raise
        except Exception as error:  # whatever numpy makes of a forged file
            raise ValueError(
                f"{self.folder} holds no shards that this version of skvae can read: "
                f"{error}. Write them with skvae.shards.write_shards."
            ) from error
        self.nnz = sum(part.nnz for part in self._parts)

    def _open(self, number, n_rows, n_features):
        paths = [file_of(self.folder, number, name) for name in ARRAYS]
        data, indices, indptr = (
            # As plain arrays, which are faster to index.
            np.asarray(open_memmap(path, mode="r", max_header_size=MAX_HEADER))
            for path in paths
        )
        if not (
            data.ndim == indices.ndim == indptr.ndim == 1
            and data.dtype == self.dtype
            and len(indptr) == n_rows + 1
            # Else scipy would copy them to memory.
            and indices.dtype == indptr.dtype in (np.int32, np.int64)
            # Whoever takes rows relies on it.
            and indptr[0] == 0
            and (indptr[1:] >= indptr[:-1]).all()
            and indptr[-1] == len(indices) == len(data)
        ):
            raise ValueError(f"shard {number} is not the one that {INDEX} tells of")
        return sp.csr_array((data, indices, indptr), shape=(n_rows, n_features))

    def parts(self):
        """Yield the shards one after the other, checked, as read-only CSR arrays.

        Yields
        ------
        part : CSR array

        Raises
        ------
        ValueError
            If a file is damaged.
        """
        for number, part in enumerate(self._parts):
            try:
                part.check_format(full_check=True)
                sound = part.has_canonical_format
            except ValueError:
                sound = False
            if not sound:
                raise ValueError(f"Shard {number} of {self.folder} is damaged.")
            yield part

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, tuple):  # as in X[rows, :]
            rows, *columns = rows
            if any(c is not Ellipsis and c != slice(None) for c in columns):
                raise IndexError("Shards are indexed by rows only, with all columns.")
        rows = self._numbers(rows)
        # One part after the other, each from its front to its end; then as asked for.
        order = np.argsort(rows, kind="stable")
        part = np.searchsorted(self._ends, rows[order], side="right")
        places, ends = ranges(*(self._indptr[rows[order] + part + i] for i in (0, 1)))
        data = np.empty(len(places), self.dtype)
        # Ends in all parts together may be beyond what counts those of one.
        kind = np.result_type(self._indptr, np.min_scalar_type(-len(places)))
        indices = np.empty(len(places), kind)
        met, first = np.unique(part, return_index=True)
        for k, rows_of_part in zip(met, np.split(np.arange(len(rows)), first[1:])):
            held = slice(ends[rows_of_part[0]], ends[rows_of_part[-1] + 1])
            of_part = places[held]
            data[held] = self._parts[k].data[of_part]
            indices[held] = self._parts[k].indices[of_part]
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.shape[1]:
            raise ValueError(
                f"{self.folder} is damaged: rows of it have values beyond its "
                f"{self.shape[1]} columns. Write it anew with write_shards."
            )
        taken = sp.csr_array(
            (data, indices, ends.astype(kind)), shape=(len(rows), self.shape[1])
        )
        in_order = (order[1:] > order[:-1]).all()
        return taken if in_order else taken[np.argsort(order)]

    def _numbers(self, rows):
        """Numbers of rows from a slice, a mask or numbers, negative ones included."""
        n = len(self)
        if isinstance(rows, slice):
            return np.arange(*rows.indices(n))
        rows = np.atleast_1d(rows)
        if rows.dtype == bool:
            if rows.shape != (n,):
                raise IndexError(f"The mask has shape {rows.shape}, not ({n},).")
            return np.flatnonzero(rows)
        if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
            raise IndexError("Shards are indexed by numbers of rows, masks or slices.")
        rows = rows.astype(np.int64)
        if rows.size and not -n <= rows.min() <= rows.max() < n:
            raise IndexError(f"Shards have {n} rows, but other numbers were asked for.")
        return np.where(rows < 0, rows + n, rows)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Shards do not become an array, which might not fit into memory. Take some "
            "rows: X[:1000] is a CSR array."
        )

    def __reduce__(self):
        return type(self), (self.folder,)

    def __repr__(self):
        return (
            f"Shards({str(self.folder)!r}): {self.shape[0]} x {self.shape[1]} of "
            f"{self.dtype}, {self.nnz} stored values in {len(self._parts)} parts"
        )


def read_index(path):
    """The index of a folder, in which nothing is but what `write_shards` writes."""
    text = path.read_bytes() if path.stat().st_size <= MAX_INDEX else b""
    if text.count(b"{") + text.count(b"[") != 2:  # nothing deep or large is parsed
        raise ValueError(f"{INDEX} is no index of shards")
    index = json.loads(text)
    if isinstance(index, dict) and index.get("format", FORMAT) != FORMAT:
        raise ValueError(f"they are of format {index['format']!r:.50}")
    if not (
        isinstance(index, dict)
        and index.keys() == {"format", "n_features", "dtype", "n_rows"}
        and type(index["format"]) is int
        and index["dtype"] in DTYPES
        and is_size(index["n_features"])
        and index["n_features"] <= MAX_FEATURES
        and type(index["n_rows"]) is list
        and len(index["n_rows"]) > 0
        and all(map(is_size, index["n_rows"]))
    ):
        raise ValueError(f"{INDEX} is none that write_shards writes")
    return index


def is_size(value):
    return type(value) is int and value > 0


def ranges(starts, ends):
    """Numbers from starts to ends, range by range, and where each range begins."""
    lengths = ends - starts
    begins = np.append(0, np.cumsum(lengths))
    return np.arange(begins[-1]) + np.repeat(starts - begins[:-1], lengths), begins


def file_of(folder, number, name):
    return folder / f"{number:06d}-{name}.npy"


def write_shards(chunks, folder):
    """Write matrices, one below the other, as one matrix on disk.

    Only one of them is in memory at a time.

    Parameters
    ----------
    chunks : iterable of {array-like, sparse matrix} of shape (n_rows, n_features)
        Each becomes a shard, so that some ten thousand rows are a good size. All
        have the type of the first, or one that it can hold.
    folder : str or path-like
        A new folder. It is there once all is written, and not at all if that fails.

    Returns
    -------
    shards : Shards
        The matrix, opened.

    Raises
    ------
    FileExistsError
        If anything is in the place of the folder.
    OSError
        If the folder cannot be written.
    ValueError
        If chunks differ in their number of columns, have 2**31 or more, hold NaN or
        infinity, or if there is no row.
    TypeError
        If a chunk holds values of a type that the first one's cannot hold.

    See Also
    --------
    Shards : Opens the folder again.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from skvae.shards import write_shards
    >>> def chunks_of_texts():
    ...     yield ["a rose is a rose"]
    ...     yield ["is a rose", "a tulip"]
    >>> hashing = HashingVectorizer(n_features=2**10, norm=None, alternate_sign=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     counts = map(hashing.transform, chunks_of_texts())
    ...     print(write_shards(counts, f"{folder}/counts").shape)
    (3, 1024)
    """
    folder = Path(folder).expanduser().absolute()
    with new_folder(folder) as draft:
        index = {"format": FORMAT, "n_features": None, "dtype": None, "n_rows": []}
        for chunk in chunks:
            _write_shard(chunk, draft, index)
        if not index["n_rows"]:
            raise ValueError("write_shards was given no rows.")
        (draft / INDEX).write_text(json.dumps(index))
    return Shards(folder)


def _write_shard(chunk, folder, index):
    rows = check_array(
        chunk,
        accept_sparse="csr",
        dtype=[np.dtype(name) for name in DTYPES],
        ensure_min_samples=0,
        input_name="a chunk",
    )
    number = len(index["n_rows"])
    if rows.shape[1] > MAX_FEATURES:
        raise ValueError(
            f"Chunk {number} has {rows.shape[1]} features, and {MAX_FEATURES} are the "
            "limit."
        )
    rows = canonical_csr(sp.csr_array(rows))
    if index["dtype"] is None:
        index.update(n_features=rows.shape[1], dtype=rows.dtype.name)
    if rows.shape[1] != index["n_features"]:
        raise ValueError(
            f"Chunk {number} has {rows.shape[1]} features, but the first has "
            f"{index['n_features']}. Give all of them the same vectorizer."
        )
    if not np.can_cast(rows.dtype, index["dtype"]):
        raise TypeError(
            f"Chunk {number} holds {rows.dtype}, but the first holds "
            f"{index['dtype']}. Cast them to one type."
        )
    if rows.shape[0] == 0:
        return
    rows.data = rows.data.astype(index["dtype"], copy=False)
    for name in ARRAYS:
        path = file_of(folder, number, name)
        np.save(path, getattr(rows, name), allow_pickle=False)
    index["n_rows"].append(rows.shape[0])
