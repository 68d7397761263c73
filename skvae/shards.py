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
ARRAYS = "data", "indices", "indptr"
DTYPES = [np.float64, np.float32, np.int64, np.int32]


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
            index = json.loads((self.folder / INDEX).read_text())
            if index["format"] != FORMAT:
                raise ValueError(f"they are of format {index['format']!r}")
            self.dtype = np.dtype(index["dtype"])
            self.shape = sum(index["n_rows"]), index["n_features"]
            self._parts = [self._open(*part) for part in enumerate(index["n_rows"])]
            # In memory, 4 bytes a row: each batch asks for rows of most parts.
            self._indptr = np.concatenate([part.indptr for part in self._parts])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{self.folder} holds no shards that this version of skvae can read: "
                f"{error}. Write them with skvae.shards.write_shards."
            ) from error
        self._ends = np.cumsum(index["n_rows"])
        self.nnz = sum(part.nnz for part in self._parts)

    def _open(self, number, n_rows):
        data, indices, indptr = (
            # As plain arrays, which are faster to index.
            np.asarray(open_memmap(file_of(self.folder, number, name), mode="r"))
            for name in ARRAYS
        )
        if not (
            data.dtype == self.dtype
            and len(indptr) == n_rows + 1
            and indptr[-1] == len(indices) == len(data)
            and (indptr[1:] >= indptr[:-1]).all()  # whoever takes rows relies on it
        ):
            raise ValueError(f"shard {number} is not the one that {INDEX} tells of")
        return sp.csr_array((data, indices, indptr), shape=(n_rows, self.shape[1]))

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
            except ValueError as error:
                message = f"Shard {number} of {self.folder} is damaged: {error}."
                raise ValueError(message) from error
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
        numbers = np.atleast_1d(rows)
        if numbers.dtype == bool and numbers.shape == (n,):
            return np.flatnonzero(numbers)
        if numbers.shape == (0,):
            return numbers.astype(np.int64)
        whole = numbers.ndim == 1 and np.issubdtype(numbers.dtype, np.integer)
        if not whole or not -n <= numbers.min() <= numbers.max() < n:
            raise IndexError(
                f"Shards of {n} rows are indexed by numbers of these, a mask of {n} "
                f"values or a slice, but got {rows!r:.60}."
            )
        return numbers.astype(np.int64) % n

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Shards do not fit into an array. Take some rows, such as X[:1000]."
        )

    def __reduce__(self):
        return type(self), (self.folder,)

    def __repr__(self):
        return (
            f"Shards({str(self.folder)!r}): {self.shape[0]} x {self.shape[1]} of "
            f"{self.dtype}, {self.nnz} stored values in {len(self._parts)} parts"
        )


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
        If chunks differ in their number of columns, hold NaN or infinity, or if there
        is no row.
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
        dtype = n_features = None
        n_rows = []
        for number, chunk in enumerate(chunks):
            rows = check_array(
                chunk,
                accept_sparse="csr",
                dtype=DTYPES,
                ensure_min_samples=0,
                input_name="a chunk",
            )
            rows = canonical_csr(sp.csr_array(rows))
            if dtype is None:
                dtype, n_features = rows.dtype, rows.shape[1]
            if rows.shape[1] != n_features:
                raise ValueError(
                    f"Chunk {number} has {rows.shape[1]} features, but the first has "
                    f"{n_features}. Give all of them the same vectorizer."
                )
            if not np.can_cast(rows.dtype, dtype):
                raise TypeError(
                    f"Chunk {number} holds {rows.dtype}, not {dtype} as the first."
                )
            if rows.shape[0] > 0:
                rows = rows.astype(dtype, copy=False)
                for name in ARRAYS:
                    np.save(file_of(draft, len(n_rows), name), getattr(rows, name))
                n_rows.append(rows.shape[0])
        if not n_rows:
            raise ValueError("write_shards was given no rows.")
        index = {"format": FORMAT, "n_features": n_features, "dtype": dtype.name}
        (draft / INDEX).write_text(json.dumps(index | {"n_rows": n_rows}))
    return Shards(folder)
