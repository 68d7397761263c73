"""Rows and what is known about them, sums over rows, and the batches of training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch.utils.data import Dataset, Sampler

from skvae.nn.rows import RowsWithGaps, SparseRows, to_dense_tensor


@dataclass
class Data:
    """A checked matrix X and what is known about its rows.

    Attributes
    ----------
    X : ndarray, CSR array or Shards of shape (n_samples, n_features)
    covariates : ndarray or CSR array of shape (n_samples, n_covariates)
        For encoder and decoder. Without covariates it has no columns.
    embeddings : ndarray of shape (n_samples, n_embedding_features)
        For the encoder alone. Without embeddings it has no columns.
    memberships : ndarray of shape (n_samples, n_topics)
        Probabilities of each row's topic, which training pulls its proportions towards;
        zeros where nothing is known. Without memberships it has no columns.
    has_gaps : bool
        Whether X has missing values, NaN.
    """

    X: Any
    covariates: Any = None
    embeddings: Any = None
    memberships: Any = None
    has_gaps: bool = False

    def __post_init__(self):
        nothing = np.empty((self.X.shape[0], 0), np.float32)
        if self.covariates is None:
            self.covariates = nothing
        if self.embeddings is None:
            self.embeddings = nothing
        if self.memberships is None:
            self.memberships = nothing

    def take(self, rows):
        parts = self.X, self.covariates, self.embeddings, self.memberships
        return Data(*(part[rows] for part in parts), has_gaps=self.has_gaps)

    def tensors(self, dtype, device=None, *, sparse, inference=False):
        """Return X, covariates and embeddings as tensors, X as `SparseRows` if asked.

        Those of training may share their memory with the arrays. Those of inference do
        not, and have no gradients.
        """
        c, e = (
            to_dense_tensor(part, dtype, device, inference)
            for part in (self.covariates, self.embeddings)
        )
        if sparse:
            return SparseRows.from_csr(self.X, dtype, device, not inference), c, e
        x = to_dense_tensor(self.X, dtype, device, inference)
        return RowsWithGaps.from_dense(x) if self.has_gaps else x, c, e


# --- sums over rows ------------------------------------------------------------------
# In double precision, a few rows at a time: a copy of all values would double the
# memory, and X may be on disk.

N_AT_ONCE = 2**12


def row_sums(X):
    """Sum of each row of a sparse matrix."""
    parts = (X[i : i + N_AT_ONCE] for i in range(0, X.shape[0], N_AT_ONCE))
    return np.concatenate([part @ np.ones(X.shape[1]) for part in parts])


def column_sums(X, rows):
    """Sum of each column of a sparse matrix over some rows."""
    parts = (X[rows[i : i + N_AT_ONCE]] for i in range(0, len(rows), N_AT_ONCE))
    return sum(np.bincount(part.indices, part.data, X.shape[1]) for part in parts)


def document_frequencies(X):
    """Number of rows of a sparse matrix with a nonzero in each column."""
    parts = (X[i : i + N_AT_ONCE] for i in range(0, X.shape[0], N_AT_ONCE))
    return sum(np.bincount(part.indices, minlength=X.shape[1]) for part in parts)


def mean_per_token(values, n_tokens, average):
    """Mean per token of values of documents, over tokens or over documents.

    Documents without tokens have no mean of their own.

    Raises
    ------
    ValueError
        If `average` is neither "token" nor "document".
    """
    if average == "token":
        return values.sum() / n_tokens.sum()
    if average != "document":
        raise ValueError(f"average={average!r}. Pass 'token' or 'document'.")
    counted = n_tokens > 0
    return np.mean(values[counted] / n_tokens[counted])


def feature_moments(X, n_values=2**21):
    """Mean, standard deviation and number of the values of each column, without NaN.

    Sums go over dense blocks of `n_values`, so every container gives the same bits.
    """
    size = max(1, n_values // X.shape[1])

    def blocks():
        for start in range(0, X.shape[0], size):
            rows = X[start : start + size]
            rows = rows.toarray() if issparse(rows) else rows
            yield np.ascontiguousarray(rows, dtype=np.float64)

    with np.errstate(over="ignore", invalid="ignore"):  # training reports it
        number = total = 0
        for rows in blocks():
            number = number + (~np.isnan(rows)).sum(axis=0)
            total = total + np.nansum(rows, axis=0)
        known = np.maximum(number, 1)
        mean = total / known
        square = sum(np.nansum((rows - mean) ** 2, axis=0) for rows in blocks())
    return mean, np.sqrt(square / known), number


# --- batches of training -------------------------------------------------------------


@dataclass(eq=False)
class RowDataset(Dataset):
    """Batches of rows: (encoder input, covariates, embeddings, memberships), target.

    Attributes
    ----------
    data : Data
    rows : array of int
        Numbers of the rows to use.
    corrupt : callable, optional
        ``corrupt(X, rng)`` returns the encoder's input. By default it is the target.
        The result for a sparse batch has the same nonzero places.
    sparse : bool
        Whether batches are `SparseRows` or dense tensors.
    rng : numpy.random.Generator, optional
        For `corrupt`.
    """

    data: Data
    rows: np.ndarray
    corrupt: Callable | None = None
    sparse: bool = False
    rng: np.random.Generator | None = None

    def __len__(self):
        return len(self.rows)

    def __getitems__(self, indices):
        batch = self.data.take(self.rows[indices])  # a copy
        x, c, e = batch.tensors(torch.float32, sparse=self.sparse)
        beside = c, e, torch.from_numpy(batch.memberships)
        if self.corrupt is None:
            return (x, *beside), x
        corrupted = self.corrupt(batch.X, self.rng)
        if self.sparse:
            x_seen = x.with_values(torch.from_numpy(corrupted.data).to(x.dtype))
        else:
            corrupted = Data(corrupted, has_gaps=batch.has_gaps)
            x_seen, _, _ = corrupted.tensors(torch.float32, sparse=False)
        return (x_seen, *beside), x


class EvenBatchSampler(Sampler):
    """Batches of row numbers whose sizes differ by at most one.

    A small rest at the end of an epoch would weigh as much as a whole batch, and
    distort the statistics of batch norm.

    Parameters
    ----------
    n_samples : int
    batch_size : int
        Largest size of a batch.
    generator : torch.Generator, optional
        Shuffles the rows.
    rank, n_processes : int
        Number of this process among those that share each batch.
    """

    def __init__(self, n_samples, batch_size, generator=None, rank=0, n_processes=1):
        self.n_samples = n_samples
        self.n_batches = math.ceil(n_samples / batch_size)
        self.generator = generator
        self.rank, self.n_processes = rank, n_processes
        if n_samples // self.n_batches < n_processes:
            raise ValueError(
                f"{n_processes} processes cannot share batches of "
                f"{n_samples // self.n_batches} rows. Raise `batch_size`, or use fewer."
            )

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        rows = torch.arange(self.n_samples)
        if self.generator is not None:
            rows = torch.randperm(self.n_samples, generator=self.generator)
        for batch in rows.tensor_split(self.n_batches):
            yield batch.tensor_split(self.n_processes)[self.rank].numpy()
