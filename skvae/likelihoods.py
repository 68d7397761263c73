"""Likelihoods p(x | z) as torch distributions over whole rows.

Bernoulli and Gaussian rows are torch's own distributions, with all their constants;
only the bag of words is not in torch in the form that perplexity needs. The modules at
the end make them from a decoder's output and hold what is learnt or given beside it.
"""

import torch
from torch import nn
from torch.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    Normal,
    constraints,
)


class BagOfWords(Distribution):
    """Token counts of a document, each token drawn on its own.

    The log-probability is that of the *sequence* of tokens: without the multinomial
    coefficient, which depends on the counts alone, so that exp(-log_prob / tokens)
    is a perplexity.

    Parameters
    ----------
    probs : tensor of shape (..., n_features), optional
        Word probabilities; rows sum to one.
    logits : tensor of shape (..., n_features), optional
        Unnormalised log-probabilities. Give one of the two.
    """

    arg_constraints = {}
    support = constraints.nonnegative

    def __init__(self, probs=None, logits=None):
        if (probs is None) == (logits is None):
            raise ValueError("Give either `probs` or `logits` to BagOfWords.")
        self._probs, self._logits = probs, logits
        shape = (logits if probs is None else probs).shape
        super().__init__(shape[:-1], shape[-1:], validate_args=False)

    @property
    def mean(self):
        """Word probabilities: the mean of a document of one token."""
        return self._logits.softmax(-1) if self._probs is None else self._probs

    def log_prob(self, counts):
        """Log-probability of the tokens in `counts`; shape (...,), in nats."""
        if self._probs is None:
            tokens = counts.sum(-1)
            return (counts * self._logits).sum(-1) - tokens * self._logits.logsumexp(-1)
        # Probabilities that underflow count as the least positive number, since
        # 0 * log(0) of the words that a document lacks must stay 0.
        tiny = torch.finfo(self._probs.dtype).tiny
        return (counts * self._probs.clamp_min(tiny).log()).sum(-1)


class TopicMixture(BagOfWords):
    """Token counts whose word probabilities are a mixture of topics.

    Parameters
    ----------
    proportions : tensor of shape (..., n_topics)
        Rows sum to one.
    topics : tensor of shape (n_topics, n_features)
        Word probabilities; rows sum to one.
    """

    def __init__(self, proportions, topics):
        self.topics = topics
        super().__init__(probs=proportions @ topics)


def bernoulli(logits):
    """Rows of independent values in [0, 1], the log-probability linear in them."""
    return Independent(Bernoulli(logits=logits, validate_args=False), 1)


def gaussian(mean, scale):
    """Rows of independent normal values; `scale` has one standard deviation or many."""
    return Independent(Normal(mean, scale, validate_args=False), 1)


class Output(nn.Module):
    """Base of the modules that turn a decoder's output into a likelihood.

    The output counts from `offset`: 0, or what gives every feature its mean in the
    data, so that a decoder need not learn it.
    """

    def __init__(self, n_features):
        super().__init__()
        self.register_buffer("offset", torch.zeros(n_features))

    def start_from(self, mean, std, n_samples, center):
        """Start from means and standard deviations of features in n_samples rows."""
        if center:
            self.offset.copy_(self.natural(mean, n_samples))


class BernoulliOutput(Output):
    """Values in [0, 1], the output being their logits."""

    @staticmethod
    def natural(mean, n_samples):
        odds = (mean * n_samples + 0.5) / ((1 - mean) * n_samples + 0.5)
        return odds.log()

    def forward(self, output):
        return bernoulli(output + self.offset)


class MultinomialOutput(Output):
    """Token counts, the output being unnormalised log-probabilities."""

    @staticmethod
    def natural(mean, n_samples):
        smoothed = mean * n_samples + 1
        return (smoothed / smoothed.sum()).log()

    def forward(self, output):
        return BagOfWords(logits=output + self.offset)


class GaussianOutput(Output):
    """Real values, the output being their means.

    Parameters
    ----------
    scale : "shared", "per-feature", float or sequence of float
        Standard deviation of the values around their means: learnt, one or one for
        each feature, or given. Where it is learnt, the output counts in units of the
        standard deviation of the data.
    """

    def __init__(self, n_features, scale):
        super().__init__(n_features)
        learnt = isinstance(scale, str)
        shape = (n_features,) if scale == "per-feature" else ()
        self.register_buffer("unit", torch.ones(shape))
        self.log_scale = nn.Parameter(torch.zeros(shape)) if learnt else None
        given = None if learnt else torch.tensor(scale, dtype=torch.float)
        self.register_buffer("given", given)

    @staticmethod
    def natural(mean, n_samples):
        return mean

    def start_from(self, mean, std, n_samples, center):
        super().start_from(mean, std, n_samples, center)
        shared = std.square().mean().sqrt()
        if self.log_scale is not None and shared > 0:
            # A feature that is constant so far may vary later.
            each = torch.where(std > 1e-3 * shared, std, shared)
            self.unit.copy_(each if self.unit.dim() else shared)

    @property
    def scale(self):
        """Standard deviation around the mean, of shape () or (n_features,)."""
        if self.log_scale is None:
            return self.given
        # Bounded: the likelihood of data without noise has no maximum.
        return self.unit * self.log_scale.clamp(-7, 7).exp()

    def forward(self, output):
        return gaussian(self.offset + self.unit * output, self.scale)
