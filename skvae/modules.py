"""Encoders, decoders and the variational autoencoder that they make.

Modules return distributions and know nothing of fitting. Initial weights come from the
generator given to the constructor, noise from the generator given to ``forward``:
torch's global generator is never touched. Dropout and batch statistics act in
training mode alone.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, Normal

from skvae.likelihoods import BagOfWords, TopicMixture, bernoulli, gaussian

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


class ScaledCounts(nn.Module):
    """Counts as an encoder likes them: count^0.75 at unit length, and the length.

    Long and short documents then look alike, and the last feature, the log of the
    number of tokens, says how certain the posterior may be. The power lies between
    counts, where few words outweigh all others in a document that repeats them, and
    logarithms, where it hardly matters how often. An empty document maps to zeros.
    """

    n_extra_features = 1

    def forward(self, counts):
        scaled = F.normalize(counts.pow(0.75), dim=-1)
        length = counts.sum(-1, keepdim=True).log1p()
        return torch.cat([scaled, length], dim=-1)


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


class GaussianSoftmax(nn.Module):
    """Latent code to topic proportions, softmax(W z + b)."""

    def __init__(self, n_components, generator):
        super().__init__()
        self.linear = linear(n_components, n_components, generator)

    def forward(self, z):
        return self.linear(z).softmax(-1)


class StickBreaking(nn.Module):
    """Base of the constructions that break a stick of unit length into proportions.

    Piece k takes the share sigmoid(logit_k) of what the pieces before it have left, and
    the last one the rest. `shift` makes the pieces equal where the logits are 0.
    """

    def __init__(self, n_components):
        super().__init__()
        shift = -torch.arange(n_components - 1, 0, -1.0).log()
        self.register_buffer("shift", shift, persistent=False)

    def break_at(self, logits):
        logits = logits + self.shift
        left = F.logsigmoid(-logits).cumsum(-1)
        pieces = F.logsigmoid(logits) + F.pad(left[..., :-1], (1, 0))
        return torch.cat([pieces, left[..., -1:]], dim=-1).exp()


class GaussianStickBreaking(StickBreaking):
    """Latent code to topic proportions, breaking the stick at W z + b."""

    def __init__(self, n_components, generator):
        super().__init__(n_components)
        self.linear = linear(n_components, n_components - 1, generator)

    def forward(self, z):
        return self.break_at(self.linear(z))


class RecurrentStickBreaking(StickBreaking):
    """Latent code to topic proportions, breaking the stick at h_k . z.

    The vectors come from a recurrent network without input, h_k = tanh(W h_(k-1) + b),
    so that their number is free in principle.
    """

    def __init__(self, n_components, generator):
        super().__init__(n_components)
        self.first = normal_parameter(n_components, std=1.0, generator=generator)
        self.recurrence = linear(n_components, n_components, generator)

    def forward(self, z):
        h = [self.first]
        while len(h) < len(self.shift):
            h.append(torch.tanh(self.recurrence(h[-1])))
        return self.break_at(z @ torch.stack(h, dim=1))


TOPIC_CONSTRUCTIONS = {
    "softmax": GaussianSoftmax,
    "stick-breaking": GaussianStickBreaking,
    "recurrent": RecurrentStickBreaking,
}


def topic_proportions(n_components, construction, generator):
    """A module from latent codes to topic proportions, by name of the construction."""
    if n_components == 1:  # a stick in one piece needs no break
        construction = "softmax"
    return TOPIC_CONSTRUCTIONS[construction](n_components, generator)


class TopicMixtureDecoder(nn.Module):
    """p(word | proportions) = proportions @ topics, the decoder of GSM.

    A topic is softmax(topic_embedding @ word_embeddings.T + background), a distribution
    over words. `background` holds what all topics share, above all word frequency.
    """

    def __init__(
        self,
        n_features,
        n_components,
        embedding_size,
        train_word_embeddings,
        generator,
    ):
        super().__init__()
        # Products of the embeddings then start with a standard deviation of 1.
        self.std = std = embedding_size**-0.25
        self.topic_embeddings = normal_parameter(
            n_components, embedding_size, std=std, generator=generator
        )
        self.word_embeddings = normal_parameter(
            n_features, embedding_size, std=std, generator=generator
        ).requires_grad_(train_word_embeddings)
        self.background = nn.Parameter(torch.zeros(n_features))
        # What word embeddings were divided by, and are to be multiplied by for users.
        self.register_buffer("scale", torch.ones(()))

    def start_from(self, word_embeddings):
        """Take word embeddings of any scale, in the one that training is made for."""
        size = word_embeddings.square().mean().sqrt()
        if size > 0:  # a power of 2, which rounds nothing
            self.scale.copy_((size / self.std).log2().round().exp2())
        self.word_embeddings.copy_(word_embeddings / self.scale)

    def topics(self):
        """Word probabilities of each topic; shape (n_components, n_features)."""
        logits = self.topic_embeddings @ self.word_embeddings.T + self.background
        return logits.softmax(-1)

    def forward(self, proportions, generator=None):
        return TopicMixture(proportions, self.topics())

    def penalty(self, likelihood, counts):
        """Overlap of the topics, times the mean number of tokens of the batch.

        The overlap of a topic is the sum of its cosine similarities to the others,
        which the head of the distributions rules and their tail hardly touches.
        """
        directions = F.normalize(likelihood.topics, dim=-1)
        overlap = (directions @ directions.T).sum(-1).mean() - 1
        return counts.sum(-1).mean() * overlap


class ExpertsDecoder(nn.Module):
    """p(word | proportions) = softmax of mixed topics, the decoder of ProdLDA.

    Topics are weights of any sign. The mixed weights of a word are standardised over
    the batch, and a learnt offset is added, which takes up word frequency.
    """

    def __init__(self, n_features, n_components, generator):
        super().__init__()
        topics = torch.empty(n_components, n_features)
        self.topics = nn.Parameter(nn.init.xavier_uniform_(topics, generator=generator))
        self.standardise = Standardise(n_features, offset=True)

    @property
    def background(self):
        """Log frequency of the words."""
        return self.standardise.offset

    def forward(self, proportions, generator=None):
        return BagOfWords(logits=self.standardise(proportions @ self.topics))


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
