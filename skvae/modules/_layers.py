"""Layers with weights, dropout and noise from given generators."""

import torch
import torch.nn.functional as F
from torch import nn

ACTIVATIONS = {
    "relu": F.relu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "elu": F.elu,
    "gelu": F.gelu,
}


def linear(n_in, n_out, generator):
    """A linear layer with Glorot-uniform weights from `generator` and zero bias."""
    layer = nn.utils.skip_init(nn.Linear, n_in, n_out)
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def normal_parameter(*shape, std, generator):
    """A parameter drawn from N(0, std^2)."""
    return nn.Parameter(torch.randn(*shape, generator=generator) * std)


class MLP(nn.Module):
    """Dense layers, each followed by the activation and dropout."""

    def __init__(self, n_in, hidden_layer_sizes, activation, dropout, generator):
        super().__init__()
        sizes = [n_in, *hidden_layer_sizes]
        self.layers = nn.ModuleList(
            linear(a, b, generator) for a, b in zip(sizes, sizes[1:], strict=False)
        )
        self.activation = ACTIVATIONS[activation]
        self.dropout = dropout
        self.n_out = sizes[-1]

    def forward(self, x, generator=None):
        for layer in self.layers:
            x = self.activation(layer(x))
            if self.training and self.dropout:
                keep = torch.empty_like(x).bernoulli_(
                    1 - self.dropout, generator=generator
                )
                x = x * keep / (1 - self.dropout)
        return x


class Standardise(nn.BatchNorm1d):
    """Batch norm without scale: unit variance over the batch, and a learnt offset or 0.

    In inference, and for a batch of one row, which has no variance, it uses the running
    statistics, so that results do not depend on the batch.
    """

    def __init__(self, n_features, *, offset):
        super().__init__(n_features, affine=False, momentum=0.05)
        self.offset = nn.Parameter(torch.zeros(n_features)) if offset else None

    def forward(self, x):
        if self.training and len(x) > 1:
            self.num_batches_tracked += 1
            x = F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                training=True,
                # The mean of all batches first, or few of them would leave the
                # statistics near those of the start.
                momentum=max(self.momentum, 1 / self.num_batches_tracked.item()),
                eps=self.eps,
            )
        else:
            x = (x - self.running_mean) * (self.running_var + self.eps).rsqrt()
        return x if self.offset is None else x + self.offset
