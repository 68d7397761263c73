"""Layers that take weights and dropout from given generators."""

import threading
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from skvae.nn.rows import SparseRows, append_columns

ACTIVATIONS = {
    "relu": F.relu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "elu": F.elu,
    "gelu": F.gelu,
}


class Linear(nn.Module):
    """A linear layer of dense or sparse rows, with Glorot-uniform weights.

    Unlike torch's, its weight has shape (n_in, n_out): sparse rows read it by row.
    """

    def __init__(self, n_in, n_out, generator):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(self, x):
        if isinstance(x, SparseRows):
            return x @ self.weight + self.bias
        return F.linear(x, self.weight.T, self.bias)


def dropped(x, rate, generator):
    """Units set to zero at the given rate, the others scaled up to keep the mean."""
    keep = torch.empty_like(x).bernoulli_(1 - rate, generator=generator)
    return x * keep / (1 - rate)


class MLP(nn.Module):
    """Dense layers, each followed by batch norm, the activation and dropout.

    With `n_out`, a plain linear layer of that width comes last. With `skip`, what comes
    in, divided by `n_in`, stands behind what the layers make of it, so that whatever is
    linear in both is a linear model to which the layers add. The division makes steps
    of Adam, which are of one length for each weight, as long in sum for any width.

    Attributes
    ----------
    n_in, n_out : int
        Width of what comes in, and of what comes out.
    width : int
        That of the widest hidden layer, or with `skip` of the last one and its input.
    """

    def __init__(
        self,
        n_in,
        hidden_layer_sizes,
        activation,
        dropout,
        generator,
        *,
        batch_norm=False,
        n_out=None,
        skip=False,
    ):
        super().__init__()
        self.n_in = n_in
        sizes = [n_in, *hidden_layer_sizes]
        self.layers = nn.ModuleList(
            Linear(a, b, generator) for a, b in zip(sizes, sizes[1:], strict=False)
        )
        self.norms = norms_of(self.layers, hidden_layer_sizes, batch_norm)
        self.activation = ACTIVATIONS[activation]
        self.dropout = dropout
        self.skip = skip
        n_last = sizes[-1] + n_in * (skip and len(self.layers) > 0)
        self.output = None if n_out is None else Linear(n_last, n_out, generator)
        self.n_out = n_last if n_out is None else n_out
        self.width = max(*hidden_layer_sizes, n_last * skip, 1)

    def forward(self, x, generator=None):
        seen = x
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = self.activation(norm(layer(x)))
            if self.training and self.dropout:
                x = dropped(x, self.dropout, generator)
        if self.skip:
            seen = seen / self.n_in
            x = append_columns(x, seen) if len(self.layers) else seen
        return x if self.output is None else self.output(x)


class Standardise(nn.BatchNorm1d):
    """Batch norm: unit variance over the batch, then a learnt scale and offset, or not.

    In inference, and for a batch of one row, which has no variance, it uses the running
    statistics, so that results do not depend on the batch.

    Parameters
    ----------
    n_features : int
    offset, scale : bool
    n_positions : int
        Number of the last axes that belong to the batch: 2 for the channels of images.
    """

    def __init__(self, n_features, *, offset, scale=False, n_positions=0):
        super().__init__(n_features, affine=False, momentum=0.05)
        self.shape = (-1,) + (1,) * n_positions
        self.scale = nn.Parameter(torch.ones(n_features)) if scale else None
        self.offset = nn.Parameter(torch.zeros(n_features)) if offset else None

    def forward(self, x):
        if self.training and len(x) > 1:
            return F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.scale,
                self.offset,
                training=True,
                momentum=self.next_momentum(),
                eps=self.eps,
            )
        factor, shift = self.coefficients(self.running_mean, self.running_var)
        # In one pass over x.
        return torch.addcmul(shift.view(self.shape), x, factor.view(self.shape))

    def next_momentum(self):
        """Share of a batch in the running statistics, of which it is one more."""
        self.num_batches_tracked += 1
        # The mean of all batches first, or few of them would leave the statistics near
        # those of the start.
        return max(self.momentum, 1 / self.num_batches_tracked.item())

    def coefficients(self, mean, variance):
        """Factor and summand that standardise features of such mean and variance."""
        factor = (variance + self.eps).rsqrt()
        if self.scale is not None:
            factor = factor * self.scale
        shift = -mean * factor
        return factor, shift if self.offset is None else shift + self.offset

    def of_product(self, x, weight):
        """Return a weight and a bias that make of x what `forward` makes of x @ weight.

        The product is not made: its mean and variance follow from those of x.
        """
        n_rows = len(x)
        if self.training and n_rows > 1:
            centred = x - x.mean(0)
            covariance = centred.T @ centred / n_rows
            mean = x.mean(0) @ weight
            variance = ((covariance @ weight) * weight).sum(0).clamp_min(0)
            momentum = self.next_momentum()
            with torch.no_grad():
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(variance * n_rows / (n_rows - 1), momentum)
        else:
            mean, variance = self.running_mean, self.running_var
        factor, shift = self.coefficients(mean, variance)
        return weight * factor, shift


def norms_of(layers, widths, batch_norm, n_positions=0):
    """Batch norm, or nothing, for layers of each width."""
    if not batch_norm:
        return nn.ModuleList(nn.Identity() for _ in widths)
    for layer in layers:
        # Its gradient is zero: Adam would take steps by what rounding leaves.
        layer.bias.requires_grad_(False)
    return nn.ModuleList(
        Standardise(n, offset=True, scale=True, n_positions=n_positions) for n in widths
    )


_global_generator = threading.RLock()


@contextmanager
def global_generator_from(generator):
    """Let torch's global generator continue a private one for a while.

    For modules that others wrote, which know of no other. Afterwards it is as before.
    Fits in other threads wait for it.
    """
    device = generator.device
    seed = torch.randint(2**62, (), generator=generator, device=device).item()
    cuda = [device] if device.type == "cuda" else []
    with _global_generator, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        yield


class Custom(nn.Module):
    """A module of the user's as a part of an encoder or a decoder.

    Parameters
    ----------
    build : callable
        Returns the module.
    args : tuple
        What it is called with.
    n_in : int
        Width of the module's input.
    generator : torch.Generator
    """

    def __init__(self, build, args, n_in, generator):
        super().__init__()
        if isinstance(build, nn.Module):
            raise TypeError(
                f"Pass what builds a {type(build).__name__}, such as its class or a "
                "function that returns one, not a module itself: every fit starts anew."
            )
        name = getattr(build, "__name__", repr(build))
        with global_generator_from(generator):
            self.module = build(*args)
            if not isinstance(self.module, nn.Module):
                raise TypeError(
                    f"{name}{args} has to return a torch.nn.Module, but it returned "
                    f"{type(self.module).__name__}."
                )
            with torch.no_grad():  # which also gives lazy layers their widths
                output = self.module.eval()(torch.zeros(2, n_in))
        if output.dim() != 2 or len(output) != 2:
            raise ValueError(
                f"The module of {name}{args} has to map rows to rows: found an output "
                f"of shape {tuple(output.shape)} for an input of shape (2, {n_in})."
            )
        self.module.train()
        self.n_out = self.width = output.shape[1]

    def forward(self, x, generator=None):
        if not self.training:
            return self.module(x)
        with global_generator_from(generator):
            return self.module(x)
