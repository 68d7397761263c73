"""The evidence lower bound, the one objective of every model, and a tighter bound."""

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.distributions import kl_divergence


class ELBO(NamedTuple):
    """The bound of each row and its two parts; tensors of shape (..., batch)."""

    bound: Tensor
    reconstruction: Tensor
    kl: Tensor


def elbo(x, posterior, likelihood, prior, z=None, *, kl_weight=1.0):
    """Evidence lower bound of each row of x, in nats.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    posterior, prior : torch.distributions.Independent over the latent space
        q(z | x) with batch shape (batch,), p(z) with an empty one; units independent.
    likelihood : torch.distributions.Distribution over rows of x
        p(x | z) at one draw z of the posterior (or several, in leading dimensions).
    z : tensor of shape ([n_draws,] batch, n_components), optional
        With several draws the bound is the importance-weighted one of all of them.
    kl_weight : float
        1 for the bound itself. Less during warm-up, other values for a beta-VAE.

    Returns
    -------
    ELBO
        log p(x | z) - kl_weight * KL(q(z | x) || p(z)), and both terms.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    https://arxiv.org/abs/1312.6114
    Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
    autoencoders. ICLR.
    https://arxiv.org/abs/1509.00519
    """
    reconstruction = likelihood.log_prob(x)
    kl = kl_per_unit(posterior, prior).sum(-1)
    bound = reconstruction - kl_weight * kl
    if z is not None and z.dim() > posterior.mean.dim():
        price = posterior.log_prob(z) - prior.log_prob(z)
        bound = (reconstruction - kl_weight * price).logsumexp(0) - math.log(len(z))
    return ELBO(bound, reconstruction, kl)


def kl_per_unit(posterior, prior):
    """KL(q(z_k | x) || p(z_k)) of each row and latent unit k, in nats."""
    return kl_divergence(posterior.base_dist, prior.base_dist)


def log_importance_weights(x, z, posterior, likelihood, prior):
    """Log of p(x, z) / q(z | x) at draws z of the posterior, in nats.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    z : tensor of shape (..., batch, n_components)
    posterior, prior, likelihood : torch.distributions.Distribution
        As in `elbo`, the likelihood at z.

    Returns
    -------
    log_weights : tensor of shape (..., batch)
        Their mean over draws is the ELBO, the log of the mean of their exponentials is
        a tighter bound of log p(x).

    References
    ----------
    Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
    autoencoders. ICLR.
    https://arxiv.org/abs/1509.00519
    """
    return likelihood.log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)


class NegativeELBO(nn.Module):
    """Training criterion: minus the mean ELBO of a batch, and penalties.

    Parameters
    ----------
    kl_weight : float
        Weight of the KL term when evaluating.
    penalties : sequence of (weight, penalty)
        In training mode, ``weight * penalty(x, posterior, likelihood, prior)``, of
        shape (), is added to the loss. A penalty of weight 0 is not asked.

    Attributes
    ----------
    warmup : float in [0, 1]
        Further factor of the KL term in training mode, raised to 1 by the schedule.
    """

    def __init__(self, kl_weight=1.0, penalties=()):
        super().__init__()
        self.kl_weight = kl_weight
        self.penalties = penalties
        self.warmup = 1.0

    def forward(self, output, x):
        """Return the loss, and the mean reconstruction and KL that it is made of."""
        weight = self.kl_weight * (self.warmup if self.training else 1.0)
        bound, reconstruction, kl = (
            term.mean() for term in elbo(x, *output, kl_weight=weight)
        )
        loss = -bound
        for weight, penalty in self.penalties if self.training else ():
            if weight:
                loss = loss + weight * penalty(x, *output[:3])
        return loss, reconstruction, kl
