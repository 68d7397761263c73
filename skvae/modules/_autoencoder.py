"""Decoders of any table, and the autoencoder that an encoder and a decoder make."""

import torch
from torch import nn

from skvae.likelihoods import BagOfWords, bernoulli, gaussian
from skvae.modules._latent import reparameterise
from skvae.modules._layers import MLP, linear


class DenseDecoder(nn.Module):
    """p(x | z) with parameters from an MLP: "gaussian", "bernoulli", "multinomial"."""

    def __init__(
        self,
        n_features,
        n_components,
        hidden_layer_sizes,
        activation,
        dropout,
        likelihood,
        generator,
    ):
        super().__init__()
        self.body = MLP(
            n_components, hidden_layer_sizes, activation, dropout, generator
        )
        self.output = linear(self.body.n_out, n_features, generator)
        self.likelihood = likelihood
        if likelihood == "gaussian":
            self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, z, generator=None):
        output = self.output(self.body(z, generator))
        if self.likelihood == "gaussian":
            # Bounded below: the likelihood of constant data has no maximum.
            return gaussian(output, self.log_scale.clamp(-5, 10))
        if self.likelihood == "bernoulli":
            return bernoulli(output)
        return BagOfWords(logits=output)


class VariationalAutoencoder(nn.Module):
    """Encoder, link and decoder under one prior.

    ``encoder(x)`` is q(z | x), ``link(z)`` the representation that users see (z itself
    or topic proportions), ``decoder(link(z))`` is p(x | z), ``prior()`` is p(z).
    """

    def __init__(self, encoder, decoder, prior, link=None):
        super().__init__()
        self.encoder = encoder
        self.link = nn.Identity() if link is None else link
        self.decoder = decoder
        self.prior = prior

    def forward(self, x, generator):
        """Return q(z | x), p(x | z) at one draw z, and p(z): what the ELBO needs."""
        posterior = self.encoder(x, generator)
        z = reparameterise(posterior, generator)
        return posterior, self.decoder(self.link(z), generator), self.prior()
