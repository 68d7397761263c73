"""The autoencoder that an encoder and a decoder make."""

import torch
from torch import nn

from skvae.nn.latent import reparameterise
from skvae.nn.layers import MLP
from skvae.nn.rows import append_columns


class Decoder(nn.Module):
    """p(x | z, c) from what a body makes of codes z, and covariates c behind them.

    Parameters
    ----------
    body : module
        Maps rows of both, and a generator, to rows of n_features values.
    output : module of skvae.nn.likelihoods
        Turns these into a likelihood.
    n_features : int
    """

    scores_non_zeros = False

    def __init__(self, body, output, n_features):
        super().__init__()
        self.body = body
        self.output = output
        self.n_features = n_features
        self.width = body.width
        # A dense body has a bias of its own for each feature.
        dense = isinstance(body, MLP)
        self.register_buffer("offset", None if dense else torch.zeros(n_features))

    @property
    def origin(self):
        """What is added to every output; shape (n_features,)."""
        return self.body.output.bias if self.offset is None else self.offset

    def forward(self, z, generator=None, c=None):
        if c is not None:
            z = append_columns(z, c.expand(*z.shape[:-1], -1))
        rows = self.body(z.reshape(-1, z.shape[-1]), generator)
        if self.offset is not None:
            rows = rows + self.offset
        return self.output(rows.reshape(*z.shape[:-1], -1))


class VariationalAutoencoder(nn.Module):
    """Encoder, link and decoder under one prior.

    ``encoder(x)`` is q(z | x), ``link(z)`` the representation that users see (z itself
    or topic proportions), ``decoder(link(z))`` is p(x | z), ``prior()`` is p(z).
    Encoder and decoder also see covariates c of each row, and the encoder embeddings e,
    if there are any, that is, if these have columns; the prior does not. `n_draws` is
    the number of draws of each row's code in training.
    """

    def __init__(self, encoder, decoder, prior, link=None):
        super().__init__()
        self.encoder = encoder
        self.link = nn.Identity() if link is None else link
        self.decoder = decoder
        self.prior = prior
        self.n_draws = 1

    def train(self, mode=True):
        """Set training mode; asked for in every step, it mostly is set already."""
        return self if mode == self.training else super().train(mode)

    def at(self, progress):
        """Let the link follow the progress of training, from 0 to 1, if it does."""
        if hasattr(self.link, "at"):
            self.link.at(progress)

    def codes(self, x, c=None, e=None):
        """What users see of rows: the link of the posterior mean, without noise."""
        return self.link(self.encoder.location(self.encoder.hidden(x, c=c, e=e)))

    def forward(self, x, generator, c=None, e=None):
        """Return q(z | x), p(x | z) at draws z, p(z), and z: what the ELBO needs."""
        posterior = self.encoder(x, generator, c, e)
        z = reparameterise(posterior, generator, self.n_draws)
        return posterior, self.decoder(self.link(z), generator, c), self.prior(), z
