"""The autoencoder that an encoder and a decoder make."""

from torch import nn

from skvae.modules._latent import reparameterise


class Decoder(nn.Module):
    """p(x | z) from what a body makes of z.

    Parameters
    ----------
    body : module
        Maps rows of codes, and a generator, to rows of n_features values.
    output : skvae.likelihoods.Output
        Turns these into a likelihood.
    """

    def __init__(self, body, output):
        super().__init__()
        self.body = body
        self.output = output

    def forward(self, z, generator=None):
        rows = self.body(z.reshape(-1, z.shape[-1]), generator)
        return self.output(rows.reshape(*z.shape[:-1], -1))


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
