"""From a matrix, and what is known beside it, to the batches that a net trains on."""

import math

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from skvae.distributed import ALONE
from skvae.nn.rows import SparseRows, to_dense_tensor, to_rows


class Data:
    """A matrix and what is known of its rows beside it, which stay together.

    Parameters
    ----------
    X : ndarray, CSR array or Shards of shape (n_samples, n_features)
    covariates : ndarray or CSR array of shape (n_samples, n_covariates), optional
        For encoder and decoder.
    embeddings : ndarray of shape (n_samples, n_embedding_features), optional
        For the encoder alone. Without either there is an array without columns.
    gaps : bool
        Whether X has missing values, NaN.
    """

    def __init__(self, X, covariates=None, embeddings=None, *, gaps=False):
        nothing = np.empty((X.shape[0], 0), np.float32)
        self.X = X
        self.covariates = nothing if covariates is None else covariates
        self.embeddings = nothing if embeddings is None else embeddings
        self.gaps = gaps

    def take(self, rows):
        parts = self.X[rows], self.covariates[rows], self.embeddings[rows]
        return Data(*parts, gaps=self.gaps)

    def beside(self, dtype=torch.float32, device=None, copy=True):
        """Covariates and embeddings as tensors."""
        return [
            to_dense_tensor(part, dtype, device, copy)
            for part in (self.covariates, self.embeddings)
        ]


class RowDataset(Dataset):
    """Rows, a batch at a time, as ((encoder input, covariates, embeddings), target).

    Parameters
    ----------
    data : Data
    rows : array of int
        Numbers of the rows that count.
    corrupt : callable, optional
        ``corrupt(rows, rng)`` gives the encoder's input; by default it is the target.
        Of sparse batches it may change the values, not their places.
    sparse : bool
        Whether batches are `SparseRows` or dense tensors.
    """

    def __init__(self, data, rows, corrupt=None, sparse=False):
        self.data = data
        self.rows = rows
        self.corrupt = corrupt
        self.sparse = sparse
        self.rng = None

    def __len__(self):
        return len(self.rows)

    def __getitems__(self, indices):
        batch = self.data.take(self.rows[indices])
        # Taking the rows has copied them.
        beside = batch.beside(copy=False)
        if self.sparse:
            x = SparseRows.from_csr(batch.X)
        else:
            x = self._to_rows(batch.X)
        if self.corrupt is None:
            return (x, *beside), x
        corrupted = self.corrupt(batch.X, self.rng)
        if self.sparse:
            seen = x.with_values(torch.from_numpy(corrupted.data).to(x.dtype))
        else:
            seen = self._to_rows(corrupted)
        return (seen, *beside), x

    def _to_rows(self, rows):
        return to_rows(rows, torch.float32, None, False, gaps=self.data.gaps)


class EvenBatchSampler(Sampler):
    """Batches of row numbers, all of one size but for a row.

    A small rest at the end of an epoch would weigh as much as a whole batch, and spoil
    the statistics of batch norm.

    Parameters
    ----------
    n_samples : int
    batch_size : int
        Largest size of a batch.
    generator : torch.Generator, optional
        Shuffles the rows.
    processes : Alone or Group
        Of each batch this process takes its part.
    """

    def __init__(self, n_samples, batch_size, generator=None, processes=ALONE):
        self.n_samples = n_samples
        self.n_batches = math.ceil(n_samples / batch_size)
        self.generator = generator
        self.processes = processes
        if n_samples // self.n_batches < processes.size:
            raise ValueError(
                f"{processes.size} processes cannot share batches of "
                f"{n_samples // self.n_batches} rows. Raise `batch_size`, or use fewer."
            )

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        rows = torch.arange(self.n_samples)
        if self.generator is not None:
            rows = torch.randperm(self.n_samples, generator=self.generator)
        for batch in rows.tensor_split(self.n_batches):
            yield batch.tensor_split(self.processes.size)[self.processes.rank].numpy()
