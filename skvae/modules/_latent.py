"""The latent space: encoders, draws and priors."""

import math

import torch
from torch import nn
from torch.distributions import Independent, Normal

from skvae.modules._layers import MLP, Standardise, linear


def diagonal_normal(mean, std):
    """Normal distribution over the last axis, components independent."""
    return Independent(Normal(mean, std, validate_args=False), 1)


def reparameterise(posterior, generator):
    """One draw of each row's posterior, differentiable in its mean and deviation."""
    mean, std = posterior.mean, posterior.stddev
    noise = torch.randn(
        mean.shape, generator=generator, dtype=mean.dtype, device=mean.device
    )
    return mean + std * noise


class GaussianEncoder(nn.Module):
    """q(z | x): diagonal normal, mean and log-variance from a common MLP.

    Parameters
    ----------
    preprocess : ScaledCounts or None
        Applied to the input first.
    standardise : bool
        Standardise the means over the batch. Each component's mean then keeps unit
        variance over the documents, which keeps it from collapsing on the prior.
    """

    def __init__(
        self,
        n_features,
        n_components,
        hidden_layer_sizes,
        activation,
        dropout,
        generator,
        *,
        preprocess=None,
        standardise=False,
    ):
        super().__init__()
        self.preprocess = preprocess
        n_in = n_features + getattr(preprocess, "n_extra_features", 0)
        self.body = MLP(n_in, hidden_layer_sizes, activation, dropout, generator)
        self.mean = linear(self.body.n_out, n_components, generator)
        self.standardise = (
            Standardise(n_components, offset=False) if standardise else None
        )
        # Training starts at unit variance for every document.
        self.log_variance = linear(self.body.n_out, n_components, generator)
        nn.init.zeros_(self.log_variance.weight)

    def forward(self, x, generator=None):
        if self.preprocess is not None:
            x = self.preprocess(x)
        hidden = self.body(x, generator)
        mean = self.mean(hidden)
        if self.standardise is not None:
            mean = self.standardise(mean)
        # Bounded, so that no document can make the variance overflow or vanish.
        log_variance = self.log_variance(hidden).clamp(-10, 10)
        return diagonal_normal(mean, (0.5 * log_variance).exp())


class GaussianPrior(nn.Module):
    """p(z): diagonal normal, standard or with learnt mean and standard deviation.

    A learnt one is the standard normal prior followed by a learnt shift and scale of
    z, which is the freedom that standardised posterior means take away. `std` is where
    its standard deviations start.
    """

    def __init__(self, n_components, *, learnt, std=1.0):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(n_components), requires_grad=learnt)
        log_std = torch.full((n_components,), math.log(std))
        self.log_std = nn.Parameter(log_std, requires_grad=learnt)

    def forward(self):
        return diagonal_normal(self.mean, self.log_std.clamp(-5, 5).exp())
