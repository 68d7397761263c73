"""A few rows of a matrix as networks take them: dense, by non-zeros, or with gaps.

`SparseRows` offers the part of a tensor's interface that topic models use, so that one
module serves both. Its products are sums of rows with weights, which is the job of
`embedding_bag`, and so are their gradients, with rows and columns exchanged: nothing
of the size (rows, columns) is ever made.
"""

import copy
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

# Places of a pattern that dot products are taken at in one go.
PLACES = 4096
# Numbers of a block that stays in the cache while several operations go over it.
CACHED = 2**18


def to_dense_tensor(rows, dtype=torch.float32, device=None, copy=True):
    """A few rows, dense or sparse, as a dense tensor, by default of its own memory."""
    if sp.issparse(rows):  # converted while its values are few
        values = torch.from_numpy(rows.data).to(dtype).numpy()
        rows = sp.csr_array((values, rows.indices, rows.indptr), rows.shape).toarray()
    else:
        rows = np.array(rows, order="C") if copy else np.asarray(rows, order="C")
    return torch.from_numpy(rows).to(device=device, dtype=dtype)


def weighted_sums(matrix, rows, ends, weights):
    """Sums of groups of rows of a matrix, each row times a weight.

    `rows` and `weights` hold one group after the other; group i ends at ends[i + 1].
    """
    return F.embedding_bag(
        rows,
        matrix,
        ends,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )


class Pattern:
    """Places of the non-zeros of a few rows, in the order of rows and of columns.

    Parameters
    ----------
    rows : CSR array, canonical
    gradients : bool
        Whether products are to have gradients, which take the order of columns.
    """

    def __init__(self, rows, gradients=True):
        self.shape = rows.shape
        row_of = np.arange(len(rows.indptr) - 1, dtype=rows.indices.dtype)
        # In the order of rows: where rows end, row and column of each place.
        self.row_ends = torch.from_numpy(rows.indptr)
        self.row = torch.from_numpy(np.repeat(row_of, np.diff(rows.indptr)))
        self.column = torch.from_numpy(rows.indices)
        if not gradients:
            return
        by_row = np.arange(rows.nnz, dtype=rows.indices.dtype)
        by_column = sp.csr_array((by_row, rows.indices, rows.indptr), rows.shape)
        by_column = by_column.tocsc()
        # In the order of columns: where columns end, row and place in the other order.
        self.column_ends = torch.from_numpy(by_column.indptr)
        self.row_by_column = torch.from_numpy(by_column.indices)
        self.place_by_column = torch.from_numpy(by_column.data)

    @cached_property
    def used_columns(self):
        """The columns that have non-zeros, and where these end."""
        columns = self.column_ends.diff().nonzero()[:, 0]
        return columns, F.pad(self.column_ends[1:][columns], (1, 0))

    @cached_property
    def flat(self):
        """Places in the rows laid end to end."""
        return self.row.long() * self.shape[1] + self.column

    def map(self, function):
        """The same with each tensor as a function returns it."""
        mapped = copy.copy(self)
        mapped.__dict__.pop("used_columns", None)
        for key, part in vars(mapped).items():
            if isinstance(part, torch.Tensor):
                setattr(mapped, key, function(part))
        return mapped


class Rows:
    """What rows in several tensors share, of which `values` is one.

    A subclass has `map`: the same with each tensor as a function returns it.
    """

    def to(self, device, non_blocking=False):
        if self.values.device == torch.device(device):
            return self
        return self.map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self):
        return self.map(torch.Tensor.pin_memory)

    @property
    def dtype(self):
        return self.values.dtype


class SparseRows(Rows):
    """Rows of a sparse matrix, followed by some dense columns or not.

    Parameters
    ----------
    pattern : Pattern
        Shared by rows that differ in their values.
    values : tensor of shape (n_non_zeros,)
        Data, in the order of rows; no gradient flows into them.
    tail : tensor of shape (n_rows, n_more_columns), optional
    """

    def __init__(self, pattern, values, tail=None):
        self.pattern = pattern
        self.values = values
        self.tail = tail

    @classmethod
    def from_csr(cls, rows, dtype=torch.float32, device=None, gradients=True):
        values = torch.from_numpy(rows.data).to(dtype)
        rows = cls(Pattern(rows, gradients), values)
        return rows if device is None else rows.to(device)

    def with_values(self, values):
        return type(self)(self.pattern, values, self.tail)

    def map(self, function):
        """The same with each tensor as a function returns it."""
        tail = None if self.tail is None else function(self.tail)
        return type(self)(self.pattern.map(function), function(self.values), tail)

    def __len__(self):
        return self.pattern.shape[0]

    def sum(self, dim):
        """Sum of each row."""
        return sums_of_rows(self.values, self.pattern)

    def __mul__(self, factors):
        """Rows times a factor each, of shape (n_rows, 1)."""
        return self.with_values(self.values * factors[self.pattern.row, 0])

    def __matmul__(self, matrix):
        return Product.apply(matrix, self)


def map_values(function, rows):
    """A function with f(0) = 0 of the values of rows, dense or sparse."""
    if isinstance(rows, SparseRows):
        return rows.with_values(function(rows.values))
    return function(rows)


class RowsWithGaps(Rows):
    """Dense rows of which some values are missing.

    Parameters
    ----------
    values : tensor of shape (n_rows, n_features)
        Zeros stand for what is missing.
    observed : tensor of bool of shape (n_rows, n_features)
    """

    def __init__(self, values, observed):
        self.values = values
        self.observed = observed

    @classmethod
    def from_dense(cls, rows):
        """Rows in which NaN stands for what is missing."""
        observed = ~rows.isnan()
        return cls(torch.where(observed, rows, 0.0), observed)

    def map(self, function):
        return type(self)(function(self.values), function(self.observed))

    def __len__(self):
        return len(self.values)

    def only_observed(self, terms):
        """Terms of all values, of shape (..., n_rows, n_features), 0 where missing."""
        return torch.where(self.observed, terms, 0.0)


def take_columns(rows, columns):
    """Some columns of dense rows, with gaps or without; of sparse rows all."""
    if isinstance(rows, SparseRows):  # which have one likelihood
        return rows
    if isinstance(rows, RowsWithGaps):
        return rows.map(lambda part: part[..., columns])
    return rows[..., columns]


def missing_of(rows):
    """1 where a value of dense rows is missing, else 0."""
    if isinstance(rows, RowsWithGaps):
        return (~rows.observed).to(rows.values.dtype)
    return torch.zeros_like(rows)


def append_columns(rows, columns):
    """Rows, dense or sparse, with more columns, if there are any."""
    if columns is None or columns.shape[-1] == 0:
        return rows
    if not isinstance(rows, SparseRows):
        return torch.cat([rows, columns], dim=-1)
    if rows.tail is not None:
        columns = torch.cat([rows.tail, columns], dim=-1)
    return SparseRows(rows.pattern, rows.values, columns)


def sums_of_rows(values, pattern):
    """Sums of values at the places of a pattern, whose last axis they have, by rows."""
    ends = pattern.row_ends.long().expand(*values.shape[:-1], -1)
    return torch.segment_reduce(values, "sum", offsets=ends, axis=values.dim() - 1)


class Product(torch.autograd.Function):
    """Sparse rows times a dense matrix, in whose precision sums are taken."""

    @staticmethod
    def forward(ctx, matrix, x):
        ctx.x, ctx.matrix = x, matrix
        at = x.pattern
        values = x.values.to(matrix.dtype)
        product = weighted_sums(matrix, at.column, at.row_ends, values).to(x.dtype)
        if x.tail is not None:
            product += x.tail @ matrix[at.shape[1] :].to(x.dtype)
        return product

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, at, matrix = ctx.x, ctx.x.pattern, ctx.matrix
        # Into a gradient that is there, torch adds a few rows in place.
        in_place = matrix.is_leaf and matrix.grad is not None
        columns, ends = at.used_columns if in_place else (None, at.column_ends)
        n_more = 0 if x.tail is None else x.tail.shape[1]
        if n_more:  # room for them
            ends = torch.cat([ends, ends[-1:].expand(n_more)])
        weights = x.values[at.place_by_column].to(grad.dtype)
        sums = weighted_sums(grad.contiguous(), at.row_by_column, ends, weights)
        if n_more:
            sums[-n_more:] = x.tail.T @ grad
        if not in_place:
            return sums, None
        if n_more:
            more = torch.arange(len(matrix) - n_more, len(matrix), device=grad.device)
            columns = torch.cat([columns, more])
        return torch.sparse_coo_tensor(
            columns[None], sums, matrix.shape, is_coalesced=True, check_invariants=False
        ), None


class ProductAt(torch.autograd.Function):
    """product_at of one draw."""

    @staticmethod
    def forward(ctx, a, b, at):
        ctx.save_for_backward(a, b)
        ctx.at = at
        # A few at a time: what they are gathered to then stays in the cache.
        parts = zip(at.row.split(PLACES), at.column.split(PLACES))
        dots = [F.embedding(i, a).mul_(F.embedding(j, b)).sum(-1) for i, j in parts]
        return torch.cat(dots)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (a, b), at = ctx.saved_tensors, ctx.at
        grad_a = weighted_sums(b, at.column, at.row_ends, grad)
        grad = grad[at.place_by_column]
        return grad_a, weighted_sums(a, at.row_by_column, at.column_ends, grad), None


class LogSoftmaxAt(torch.autograd.Function):
    """log_softmax_at of one draw; its gradient takes one pass over the logits."""

    @staticmethod
    def forward(ctx, logits, at):
        probs = logits.softmax(-1)
        ctx.save_for_backward(probs)
        ctx.at = at
        probs_at = probs.flatten()[at.flat]
        if (probs_at < torch.finfo(probs.dtype).tiny).any():  # underflow
            return logits.log_softmax(-1).flatten()[at.flat]
        return probs_at.log()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (probs,), at = ctx.saved_tensors, ctx.at
        # In place: at large vocabularies new memory costs more than the product.
        grad_logits = probs.mul_(-sums_of_rows(grad, at)[:, None])
        grad_logits.view(-1).index_add_(0, at.flat, grad)
        return grad_logits, None


def log_sum_exp_(x):
    """Row by row log(sum(exp(x))), which writes over x, and so takes half the time."""
    largest = x.amax(-1, keepdim=True)
    return x.sub_(largest).exp_().sum(-1).log_().add_(largest[:, 0])


class LogSoftmaxOfProductAt(torch.autograd.Function):
    """log_softmax_at of codes @ weight + bias, a few words at a time.

    The product over all words is never there at once: the way back makes it again,
    which takes less time than memory of that size.
    """

    @staticmethod
    def blocks(codes, weight, bias, at):
        """Yield words, the product there, places in it, and in the order of columns."""
        n_rows, n_words = len(codes), weight.shape[1]
        step = max(1, CACHED // n_rows)
        room = codes.new_empty(n_rows * step)
        column = torch.arange(n_words, device=codes.device)
        column = column.repeat_interleave(at.column_ends.diff())
        starts = range(0, n_words, step)
        ends = at.column_ends[[*starts, n_words]].tolist()
        for start, *places in zip(starts, ends, ends[1:]):
            words, places = slice(start, min(start + step, n_words)), slice(*places)
            width = words.stop - start
            product = room[: n_rows * width].view(n_rows, width)
            torch.addmm(bias[words], codes, weight[:, words], out=product)
            flat = at.row_by_column[places].long() * width + column[places] - start
            yield words, product, flat, places

    @staticmethod
    def forward(ctx, codes, weight, bias, at):
        found = codes.new_empty(len(at.column))
        total = codes.new_full((len(codes),), -torch.inf)
        of_blocks = LogSoftmaxOfProductAt.blocks(codes, weight, bias, at)
        for _, product, flat, places in of_blocks:
            found[places] = product.view(-1)[flat]
            total = torch.logaddexp(total, log_sum_exp_(product))
        ctx.save_for_backward(codes, weight, bias, total)
        ctx.at = at
        by_row = torch.empty_like(found)
        by_row[at.place_by_column.long()] = found - total[at.row_by_column]
        return by_row

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (codes, weight, bias, total), at = ctx.saved_tensors, ctx.at
        factor = -sums_of_rows(grad, at)[:, None]
        grad = grad[at.place_by_column]
        grad_codes = torch.zeros_like(codes)
        grad_weight, grad_bias = torch.empty_like(weight), torch.empty_like(bias)
        of_blocks = LogSoftmaxOfProductAt.blocks(codes, weight, bias, at)
        for words, product, flat, places in of_blocks:
            of_product = product.sub_(total[:, None]).exp_().mul_(factor)
            of_product.view(-1).index_add_(0, flat, grad[places])
            grad_codes.addmm_(of_product, weight[:, words].T)
            grad_weight[:, words] = codes.T @ of_product
            grad_bias[words] = of_product.sum(0)
        return grad_codes, grad_weight, grad_bias, None


def log_softmax_at(logits, pattern):
    """log_softmax of logits at the places of a pattern, in the order of rows.

    `logits` has shape (..., n_rows, n_columns), the result (..., n_non_zeros).
    """
    if logits.dim() == 2:
        return LogSoftmaxAt.apply(logits, pattern)
    return logits.log_softmax(-1).flatten(-2)[..., pattern.flat]


def product_at(a, b, pattern):
    """a @ b.T at the places of a pattern, in the order of rows.

    Parameters
    ----------
    a : tensor of shape (..., n_rows, k)
    b : tensor of shape (n_columns, k)
    pattern : Pattern of shape (n_rows, n_columns)

    Returns
    -------
    values : tensor of shape (..., n_non_zeros)
    """
    if a.dim() == 2:
        return ProductAt.apply(a, b, pattern)
    sizes = pattern.row_ends.diff().tolist()
    parts = F.embedding(pattern.column, b).split(sizes)
    return torch.cat([a[..., i, :] @ part.T for i, part in enumerate(parts)], dim=-1)
