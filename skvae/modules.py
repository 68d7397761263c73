"""Encoders, decoders and the variational autoencoder that they make.

Modules return distributions and know nothing of fitting. Initial weights come from the
generator given to the constructor, noise from the generator given to ``forward``:
torch's global generator is never touched. Dropout and batch statistics act in
training mode alone.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, Normal

from skvae.likelihoods import BagOfWords, bernoulli, gaussian

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


class LogCounts(nn.Module):
    """Counts as an encoder likes them: log(1 + count) at unit length, and the length.

    Long and short documents then look alike, and the last feature, the log of the
    number of tokens, says how certain the posterior may be. An empty document maps to
    zeros.
    """

    n_extra_features = 1

    def forward(self, counts):
        log_counts = counts.log1p()
        length = counts.sum(-1, keepdim=True).log1p()
        return torch.cat([F.normalize(log_counts, dim=-1), length], dim=-1)


class StandardisedMean(nn.BatchNorm1d):
    """Batch norm without scale and offset, for the posterior means.

    Each component's mean keeps unit variance over the documents, so none collapses on
    the prior. A batch of one row has no variance and uses the running statistics.
    """

    def __init__(self, n_components):
        super().__init__(n_components, affine=False, momentum=0.05)

    def forward(self, mean):
        return F.batch_norm(
            mean,
            self.running_mean,
            self.running_var,
            training=self.training and len(mean) > 1,
            momentum=self.momentum,
            eps=self.eps,
        )


class GaussianEncoder(nn.Module):
    """q(z | x): diagonal normal, mean and log-variance from a common MLP.

    Parameters
    ----------
    preprocess : LogCounts or None
        Applied to the input first.
    standardise : bool
        Standardise the means over the batch (see StandardisedMean).
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
        self.standardise = StandardisedMean(n_components) if standardise else None
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
    z, which is the freedom that standardised posterior means take away.
    """

    def __init__(self, n_components, *, learnt):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(n_components), requires_grad=learnt)
        self.log_std = nn.Parameter(torch.zeros(n_components), requires_grad=learnt)

    def forward(self):
        return diagonal_normal(self.mean, self.log_std.clamp(-5, 5).exp())


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


class LogLinearDecoder(nn.Module):
    """p(word | z) = softmax(W z + b), the decoder of NVDM."""

    def __init__(self, n_features, n_components, generator):
        super().__init__()
        self.output = linear(n_components, n_features, generator)

    @property
    def background(self):
        """Log frequency of the words where z = 0."""
        return self.output.bias

    def forward(self, z, generator=None):
        return BagOfWords(logits=self.output(z))


class TopicProportions(nn.Module):
    """Latent code to topic proportions, softmax(W z) (Gaussian softmax)."""

    def __init__(self, n_components, generator):
        super().__init__()
        self.linear = linear(n_components, n_components, generator)

    def forward(self, z):
        return self.linear(z).softmax(-1)


class TopicMixtureDecoder(nn.Module):
    """p(word | proportions) = proportions @ topics, the decoder of GSM.

    A topic is softmax(topic_embedding @ word_embeddings.T + background), a distribution
    over words. `background` holds what all topics share, above all word frequency.
    """

    def __init__(
        self, n_features, n_components, embedding_size, train_word_embeddings, generator
    ):
        super().__init__()
        # Products of the embeddings then start with a standard deviation of 1.
        std = embedding_size**-0.25
        self.topic_embeddings = normal_parameter(
            n_components, embedding_size, std=std, generator=generator
        )
        self.word_embeddings = normal_parameter(
            n_features, embedding_size, std=std, generator=generator
        ).requires_grad_(train_word_embeddings)
        self.background = nn.Parameter(torch.zeros(n_features))

    def topics(self):
        """Word probabilities of each topic; shape (n_components, n_features)."""
        logits = self.topic_embeddings @ self.word_embeddings.T + self.background
        return logits.softmax(-1)

    def forward(self, proportions, generator=None):
        return BagOfWords(probs=proportions @ self.topics())


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
