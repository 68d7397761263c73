"""Encoder, prior, decoder, and the autoencoder that they make."""

import math

import torch
from torch import nn
from torch.distributions import Independent, Normal

from skvae.nn.layers import MLP, Linear, Standardise
from skvae.nn.rows import RowsWithGaps, append_columns, map_values, missing_of


def diagonal_normal(mean, std):
    """Normal distribution over the last axis, components independent."""
    return Independent(Normal(mean, std, validate_args=False), 1)


def reparameterise(posterior, generator, n_draws=1):
    """Draws of each row's posterior, differentiable in its mean and deviation.

    Several draws have an axis of their own, the first one.
    """
    mean, std = posterior.mean, posterior.stddev
    shape = mean.shape if n_draws == 1 else (n_draws, *mean.shape)
    noise = torch.randn(
        shape, generator=generator, dtype=mean.dtype, device=mean.device
    )
    return mean + std * noise


class Affine(nn.Module):
    """Rows less an offset of each feature, in units of a number for each, if wanted.

    What is missing is at the offset.
    """

    def __init__(self, n_features, *, unit):
        super().__init__()
        self.register_buffer("offset", torch.zeros(n_features))
        self.register_buffer("unit", torch.ones(n_features) if unit else None)

    def forward(self, x):
        gaps = isinstance(x, RowsWithGaps)
        centred = (x.values if gaps else x) - self.offset
        if self.unit is not None:
            centred = centred / self.unit
        return x.only_observed(centred) if gaps else centred


class ScaledCounts(nn.Module):
    """Counts as an encoder likes them: count^0.75 at unit length, and the length.

    Long and short documents then look alike, and the last feature, the log of the
    number of tokens, says how certain the posterior may be. The power lies between
    counts, where few words outweigh all others in a document that repeats them, and
    logarithms, where it hardly matters how often. An empty document maps to zeros.
    What noise has made negative counts as zero.
    """

    n_extra_features = 1
    takes_sparse_rows = True

    def forward(self, counts):
        counts = map_values(torch.relu, counts)
        # To the power of 0.75, in a quarter of the time of pow.
        scaled = map_values(lambda x: x.sqrt() * x.sqrt().sqrt(), counts)
        square = map_values(torch.square, scaled).sum(-1)
        square = square.clamp_min(torch.finfo(counts.dtype).tiny)
        length = counts.sum(-1).log1p()
        return append_columns(scaled * square.rsqrt()[:, None], length[:, None])


class Counts(nn.Module):
    """Counts as they are."""

    n_extra_features = 0
    takes_sparse_rows = True

    def forward(self, counts):
        return counts


class GaussianEncoder(nn.Module):
    """q(z | x): diagonal normal, mean and log-variance linear in what a body makes.

    Parameters
    ----------
    body : module
        Maps rows, and a generator, to rows of width `body.n_out`. Behind the values of
        the rows come which are missing, if it is to know, and covariates c.
    n_components : int
    generator : torch.Generator
    preprocess : module or None
        Applied to the input first.
    standardise : bool
        Standardise the means over the batch. Each component's mean then keeps unit
        variance over the documents, which keeps it from collapsing on the prior.
    variational : bool
        Without, the standard deviation is 0: q(z | x) is a point.
    n_embedding_features : int
        Width of embeddings e of the rows, the columns behind the covariates, which are
        standardised by what `self.embeddings` holds.
    sees_gaps : bool
        Whether the body is told which values are missing.
    """

    def __init__(
        self,
        body,
        n_components,
        generator,
        *,
        preprocess=None,
        standardise=False,
        variational=True,
        n_embedding_features=0,
        sees_gaps=False,
    ):
        super().__init__()
        self.preprocess = preprocess
        self.sees_gaps = sees_gaps
        self.embeddings = None
        if n_embedding_features:
            self.embeddings = Affine(n_embedding_features, unit=True)
        self.body = body
        self.n_components = n_components
        self.width = max(body.width, n_components)
        self.mean = Linear(body.n_out, n_components, generator)
        self.standardise = None
        if standardise:
            self.standardise = Standardise(n_components, offset=False)
            # Its gradient is zero: Adam would take steps by what rounding leaves.
            self.mean.bias.requires_grad_(False)
        self.variational = variational
        # Whether rows may come as `SparseRows`.
        self.takes_sparse_rows = getattr(preprocess, "takes_sparse_rows", False)
        self.log_variance = None
        if variational:
            # Training starts at unit variance for every row.
            self.log_variance = Linear(body.n_out, n_components, generator)
            nn.init.zeros_(self.log_variance.weight)

    @property
    def first_layers(self):
        """The layers that see the preprocessed input."""
        hidden = list(self.body.layers[:1])
        outputs = [self.mean, self.log_variance]  # the latter may be None
        return hidden or [layer for layer in outputs if layer is not None]

    def forward(self, x, generator=None, c=None, e=None):
        missing = missing_of(x) if self.sees_gaps else None
        x = x if self.preprocess is None else self.preprocess(x)
        x = append_columns(append_columns(x, missing), c)
        if self.embeddings is not None:
            x = append_columns(x, self.embeddings(e))
        hidden = self.body(x, generator)
        mean = self.mean(hidden)
        if self.standardise is not None:
            mean = self.standardise(mean)
        if self.log_variance is None:
            return diagonal_normal(mean, torch.zeros_like(mean))
        # Bounded, so that no row can make the variance overflow or vanish.
        log_variance = self.log_variance(hidden).clamp(-10, 10)
        return diagonal_normal(mean, (0.5 * log_variance).exp())


class NoPrior(nn.Module):
    """p(z) of a plain autoencoder, whose codes may be anywhere."""

    def forward(self):
        return None


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

    ``posterior(x)`` is q(z | x), ``link(z)`` the representation that users see (z
    itself or topic proportions), ``decoder(link(z))`` is p(x | z), ``prior_given(c)``
    is p(z | c). Encoder and decoder also see covariates c of each row, and the encoder
    embeddings e, if there are any, that is, if these have columns. `n_draws` is the
    number of draws of each row's code in training.

    The prior depends on covariates if `n_effects` is their number: they shift its mean,
    and that of the posterior by as much. What the encoder adds is a residual.
    """

    def __init__(self, encoder, decoder, prior, link=None, n_effects=0):
        super().__init__()
        self.encoder = encoder
        self.link = nn.Identity() if link is None else link
        self.decoder = decoder
        self.prior = prior
        self.effects = None
        if n_effects:
            self.effects = nn.Parameter(torch.zeros(n_effects, encoder.n_components))
        self.n_draws = 1

    def train(self, mode=True):
        """Set training mode; asked for in every step, it mostly is set already."""
        return self if mode == self.training else super().train(mode)

    def posterior(self, x, generator=None, c=None, e=None):
        return self._shifted(self.encoder(x, generator, c, e), c)

    def prior_given(self, c):
        return self._shifted(self.prior(), c)

    def _shifted(self, codes, c):
        if self.effects is None:
            return codes
        mean = codes.mean + c @ self.effects
        return diagonal_normal(mean, codes.stddev.expand(mean.shape))

    def codes(self, x, c=None, e=None):
        """What users see of rows: the link of the posterior mean, without noise."""
        return self.link(self.posterior(x, c=c, e=e).mean)

    def forward(self, x, generator, c=None, e=None):
        """Return q(z | x), p(x | z) at draws z, p(z | c), and z, for the ELBO."""
        posterior = self.posterior(x, generator, c, e)
        z = reparameterise(posterior, generator, self.n_draws)
        likelihood = self.decoder(self.link(z), generator, c)
        return posterior, likelihood, self.prior_given(c), z
