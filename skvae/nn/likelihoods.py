"""Likelihoods p(x | z) as torch distributions over whole rows.

All constants are in the log-densities, but for the multinomial coefficient. The modules
at the end make likelihoods from a decoder's output, hold what is learnt or given beside
it, and know the output that gives every feature its mean.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array, vstack
from torch import nn
from torch.distributions import (
    Distribution,
    Independent,
    Normal,
    constraints,
)

from skvae.nn.rows import (
    RowsWithGaps,
    SparseRows,
    log_softmax_at,
    product_at,
    sums_of_rows,
)


def log_positive(probs):
    """Logarithm of probabilities, of which those that underflow count as tiny.

    0 * log(0) of the words that a document lacks must stay 0.
    """
    return probs.clamp_min(torch.finfo(probs.dtype).tiny).log()


class BagOfWords(Distribution):
    """Token counts of a document, each token drawn on its own.

    The log-probability is that of the *sequence* of tokens: without the multinomial
    coefficient, which depends on the counts alone, so that exp(-log_prob / tokens)
    is a perplexity.

    Parameters
    ----------
    logits : tensor of shape (..., n_features)
        Unnormalised log-probabilities of the words.
    """

    arg_constraints = {}
    support = constraints.nonnegative

    def __init__(self, logits):
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=False)

    def tilted(self, tilt):
        """The same with word probabilities in proportion to themselves times e^tilt."""
        return BagOfWords(self.logits + tilt)

    @property
    def mean(self):
        """Word probabilities: the mean of a document of one token."""
        return self.logits.softmax(-1)

    def log_probs(self):
        """Log-probabilities of all words."""
        return self.logits.log_softmax(-1)

    def log_probs_at(self, pattern):
        """Log-probabilities of the words that documents have."""
        return log_softmax_at(self.logits, pattern)

    def log_prob(self, counts):
        """Log-probability of the tokens in `counts`; shape (...,), in nats."""
        if isinstance(counts, SparseRows):
            at = counts.pattern
            return sums_of_rows(counts.values * self.log_probs_at(at), at)
        return (counts * self.log_probs()).sum(-1)


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
        self.proportions, self.topics = proportions, topics
        shape = proportions.shape[:-1], topics.shape[1:]
        Distribution.__init__(self, *shape, validate_args=False)

    def tilted(self, tilt):
        return TiltedMixture(self.proportions, self.topics, tilt)

    @property
    def mean(self):
        return self.proportions @ self.topics

    def log_probs(self):
        return log_positive(self.mean)

    def log_probs_at(self, pattern):
        topics = self.topics.T.contiguous()
        return log_positive(product_at(self.proportions, topics, pattern))


class TiltedMixture(BagOfWords):
    """Token counts whose word probabilities are those of a mixture, times e^tilt.

    Unlike those of the mixture they have to be normalised over all words.
    """

    def __init__(self, proportions, topics, tilt):
        self.proportions, self.topics = proportions, topics
        super().__init__(log_positive(proportions @ topics) + tilt)


class Bits(Distribution):
    """Independent values in [0, 1], the log-probability linear in them.

    torch's Bernoulli distribution over whole rows, in fewer passes over them.

    Parameters
    ----------
    logits : tensor of shape (..., n_features)
    """

    arg_constraints = {}
    support = constraints.independent(constraints.unit_interval, 1)

    def __init__(self, logits):
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=False)

    @property
    def mean(self):
        return self.logits.sigmoid()

    def log_prob(self, values):
        """Log-probability of rows of values; shape (...,), in nats."""
        return -sum_of_terms(values, self._loss)

    def _loss(self, values):
        values = values.expand_as(self.logits)
        return F.binary_cross_entropy_with_logits(self.logits, values, reduction="none")


def draw_counts(probabilities, mean_length, rng):
    """Counts of documents with the given word probabilities and Poisson lengths."""
    rows = [
        csr_array(rng.multinomial(rng.poisson(mean_length), p)[None])
        for p in probabilities
    ]
    return vstack(rows, format="csr")


def sum_of_terms(rows, terms):
    """Sum over the features of terms of each value; of rows with gaps, of the others.

    Log-densities of independent values are such terms: the sum is the log-density of
    what was observed.
    """
    if isinstance(rows, RowsWithGaps):
        return rows.only_observed(terms(rows.values)).sum(-1)
    return terms(rows).sum(-1)


class Gaussian(Independent):
    """Rows of independent normal values.

    Parameters
    ----------
    mean : tensor of shape (..., n_features)
    scale : tensor of shape () or (n_features,)
        Standard deviations.
    """

    def __init__(self, mean, scale):
        super().__init__(Normal(mean, scale, validate_args=False), 1)

    def log_prob(self, values):
        """Log-density of rows of values; shape (...,), in nats."""
        return sum_of_terms(values, self.base_dist.log_prob)


class Output(nn.Module):
    """From a decoder's output to a likelihood: base of the likelihoods by name.

    Parameters
    ----------
    n_features : int
    scale : object
        As in `GaussianOutput`; others have none.

    Attributes
    ----------
    support : tuple of 2 floats
        Smallest and largest value of the data.
    counts : bool
        Whether rows are counts, of which `draw` needs the mean sum, and none may be
        missing.
    scaled : bool
        Whether the output counts in a `unit` and there is a `scale` around it.
    """

    support = -np.inf, np.inf
    counts = scaled = False

    def __init__(self, n_features, scale):
        super().__init__()

    def at_mean(self, mean, n_samples):
        """Return what output gives features the means that they have in n_samples."""
        raise NotImplementedError

    def forward(self, output):
        """Return the likelihood, a torch distribution over rows."""
        raise NotImplementedError

    def draw(self, mean, rng, mean_length):
        """Return rows drawn from likelihoods with the given means.

        Parameters
        ----------
        mean : ndarray of shape (n_samples, n_features)
        rng : RandomState
        mean_length : float
            Mean row sum of the training data.
        """
        raise NotImplementedError


class BernoulliOutput(Output):
    """Values in [0, 1], a decoder's output being their logits."""

    support = 0, 1

    def at_mean(self, mean, n_samples):
        odds = (mean * n_samples + 0.5) / ((1 - mean) * n_samples + 0.5)
        return odds.log()

    def forward(self, output):
        return Bits(output)

    def draw(self, mean, rng, mean_length):
        return (rng.random_sample(mean.shape) < mean).astype(float)


class MultinomialOutput(Output):
    """Token counts, a decoder's output being unnormalised log-probabilities."""

    support = 0, np.inf
    counts = True

    def at_mean(self, mean, n_samples):
        smoothed = mean * n_samples + 1
        return (smoothed / smoothed.sum()).log()

    def forward(self, output):
        return BagOfWords(logits=output)

    def draw(self, mean, rng, mean_length):
        return draw_counts(mean, mean_length, rng)


class GaussianOutput(Output):
    """Real values, a decoder's output being their means.

    Parameters
    ----------
    n_features : int
    scale : "shared", "per-feature", float or sequence of float
        Standard deviation of the values around their means: learnt, one or one for
        each feature, or given. Where it is learnt, the output counts in units of the
        standard deviation of the data.
    """

    scaled = True

    def __init__(self, n_features, scale):
        super().__init__(n_features, scale)
        learnt = isinstance(scale, str)
        shape = (n_features,) if scale == "per-feature" else ()
        self.register_buffer("unit", torch.ones(shape))
        self.log_scale = nn.Parameter(torch.zeros(shape)) if learnt else None
        given = None if learnt else torch.tensor(scale, dtype=torch.float)
        self.register_buffer("given", given)

    def take_unit(self, mean, std):
        """Count in the standard deviations of the data."""
        if self.log_scale is None:
            return
        # Those of features that do not vary so far, but for rounding, may later.
        varies = (std > 1e-5 * mean.abs()) & (std > 1e-10 * std.max())
        if varies.any():
            shared = std.square().mean().sqrt()
            each = torch.where(varies, std, shared)
            self.unit.copy_(each if self.unit.dim() else shared)

    def at_mean(self, mean, n_samples):
        return mean / self.unit

    @property
    def scale(self):
        """Standard deviation around the mean, of shape () or (n_features,)."""
        if self.log_scale is None:
            return self.given
        # Bounded: the likelihood of data without noise has no maximum.
        return self.unit * self.log_scale.clamp(-7, 7).exp()

    def forward(self, output):
        return Gaussian(self.unit * output, self.scale)

    def draw(self, mean, rng, mean_length):
        return mean + self.scale.cpu().numpy() * rng.standard_normal(mean.shape)


LIKELIHOODS = {
    "gaussian": GaussianOutput,
    "bernoulli": BernoulliOutput,
    "multinomial": MultinomialOutput,
}
