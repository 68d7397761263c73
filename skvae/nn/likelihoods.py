"""Likelihoods p(x | z) as torch distributions over whole rows.

All constants are in the log-densities, but for the multinomial coefficient. The modules
at the end make likelihoods from a decoder's output, hold what is learnt or given beside
it, and know the output that gives every feature its mean.
"""

import math
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array, issparse, vstack
from torch import nn
from torch.distributions import (
    Distribution,
    Independent,
    Normal,
    constraints,
)

from skvae.nn.rows import (
    CACHED,
    LogSoftmaxOfProductAt,
    RowsWithGaps,
    SparseRows,
    append_columns,
    log_softmax_at,
    log_sum_exp_,
    product_at,
    sums_of_rows,
    take_columns,
)

# Logits of a batch above which they are made a few words at a time: 8 MB.
LARGE = 2**21
LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
# Tokens of a document that numpy draws.
MAX_LENGTH = 2.0**62
# Rates of counts stay below e^20, lest one step overflow.
MAX_LOG_RATE = 20.0


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

    def tilted(self, c, components):
        """The same with probabilities in proportion to these times exp(c @ components).

        With covariates c of shape (batch, n_covariates).
        """
        return BagOfWords(self.logits + c @ components)

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
        if isinstance(counts, RowsWithGaps):  # what is missing is 0 there
            counts = counts.values
        return (counts * self.log_probs()).sum(-1)


class LogLinear(BagOfWords):
    """Token counts, word probabilities in proportion to exp(z @ weight + bias).

    Parameters
    ----------
    z : tensor of shape (..., n_components)
    weight : tensor of shape (n_components, n_features)
    bias : tensor of shape (n_features,)
    """

    def __init__(self, z, weight, bias):
        self.z, self.weight, self.bias = z, weight, bias
        shape = z.shape[:-1], bias.shape
        Distribution.__init__(self, *shape, validate_args=False)

    @property
    def proportions(self):
        """z of models whose codes are topic proportions; covariates may follow them."""
        return self.z

    def tilted(self, c, components):
        z = append_columns(self.z, c.expand(*self.z.shape[:-1], -1))
        return LogLinear(z, torch.cat([self.weight, components]), self.bias)

    @cached_property
    def logits(self):
        return F.linear(self.z, self.weight.T, self.bias)

    def log_probs_at(self, pattern):
        z = self.z
        if not z.requires_grad:
            words = self.weight.T.contiguous()
            logits = product_at(z, words, pattern) + self.bias[pattern.column]
            return logits - self.log_normaliser()[..., pattern.row]
        many = math.prod(pattern.shape) > LARGE and z.device.type == "cpu"
        if many and z.dim() == 2:
            return LogSoftmaxOfProductAt.apply(z, self.weight, self.bias, pattern)
        return super().log_probs_at(pattern)

    def log_normaliser(self):
        """Logarithm of the sum of all words' exp(logits), a few of them at a time.

        Several draws of a row are in single precision. Each row's are by themselves: as
        that rounds them, they do not depend on other rows.
        """
        weight, bias = self.weight, self.bias
        size = max(32, CACHED // len(bias))

        def sums(z):
            parts = z.split(size)
            return torch.cat(
                [log_sum_exp_(torch.addmm(bias, z, weight)) for z in parts]
            )

        if self.z.dim() == 2:
            return sums(self.z)
        weight, bias = weight.float(), bias.float()
        rows = [sums(draws.float()) for draws in self.z.unbind(1)]
        return torch.stack(rows, dim=1).to(self.z)


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

    def tilted(self, c, components):
        return TiltedMixture(self.proportions, self.topics, c @ components)

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


class BernoulliValues(Distribution):
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


class PoissonCounts(Distribution):
    """Independent Poisson counts.

    Parameters
    ----------
    log_rates : tensor of shape (..., n_features)
    """

    arg_constraints = {}
    support = constraints.independent(constraints.nonnegative, 1)

    def __init__(self, log_rates):
        self.log_rates = log_rates
        super().__init__(
            log_rates.shape[:-1], log_rates.shape[-1:], validate_args=False
        )

    @property
    def mean(self):
        return self.log_rates.exp()

    def log_prob(self, counts):
        """Log-probability of rows of counts; shape (...,), in nats."""
        return sum_of_terms(counts, self._terms)

    def _terms(self, counts):
        return counts * self.log_rates - self.mean - (counts + 1).lgamma()


class NegativeBinomialCounts(PoissonCounts):
    """Independent counts that vary more than Poisson ones: rates are gamma variables.

    Parameters
    ----------
    log_rates : tensor of shape (..., n_features)
        Of the means m.
    log_sizes : tensor of shape (n_features,)
        Of r; variances are m + m^2 / r.
    """

    def __init__(self, log_rates, log_sizes):
        self.log_sizes = log_sizes
        super().__init__(log_rates)

    def _terms(self, counts):
        sizes = self.log_sizes.exp()
        log_total = torch.logaddexp(self.log_rates, self.log_sizes)
        return (
            (counts + sizes).lgamma()
            - sizes.lgamma()
            - (counts + 1).lgamma()
            + sizes * (self.log_sizes - log_total)
            + counts * (self.log_rates - log_total)
        )


def draw_counts(probabilities, mean_length, rng):
    """Counts of documents with the given word probabilities and Poisson lengths."""
    if mean_length > MAX_LENGTH:
        raise ValueError(
            f"Documents of {mean_length:.3g} tokens, the mean of the training data, "
            "cannot be drawn. Fit the model to smaller counts."
        )
    rows = [
        # By rounding, a probability may exceed 1.
        csr_array(rng.multinomial(rng.poisson(mean_length), p / p.sum())[None])
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

    Unlike torch's, its log-density holds no squares of values or scales as they are,
    which would be 0 or infinite beyond 1e-19 and 1e19 in single precision.

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
        return sum_of_terms(values, self._terms)

    def _terms(self, values):
        mean, scale = self.base_dist.loc, self.base_dist.scale
        return -0.5 * ((values - mean) / scale).square() - scale.log() - LOG_ROOT_2PI


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
        Whether rows are counts of words, of which `draw` needs the mean sum, and none
        may be missing.
    scaled : bool
        Whether there is a `scale` around the output, which counts in a `unit`.
    output_unit : tensor of shape () or (n_features,), or None
        What a difference of 1 in the output is in the data.
    seen_unit : tensor of shape () or (n_features,), or None
        What the encoder's input is divided by.
    """

    support = -np.inf, np.inf
    counts = scaled = False
    output_unit = seen_unit = None

    def __init__(self, n_features, scale):
        super().__init__()

    def take_unit(self, mean, std):
        """Count in the standard deviations of the data, where that has a meaning."""

    def take_residuals(self, share):
        """Begin with what a linear model leaves of each feature's variance by `scale`.

        A share of its square, of shape (n_features,).
        """

    def at_mean(self, mean, n_samples):
        """Return what output gives features the means that they have in n_samples."""

    def mean_length(self, mean):
        """Return the mean row sum of counts with such means of features, else NaN."""
        return mean.sum().item() if self.counts else np.nan

    def forward(self, output):
        """Return the likelihood, a torch distribution over rows."""

    def draw(self, mean, rng, mean_length):
        """Return rows drawn from likelihoods with the given means.

        Parameters
        ----------
        mean : ndarray of shape (n_samples, n_features)
        rng : RandomState
        mean_length : float
            Mean row sum of the training data.
        """


class BernoulliOutput(Output):
    """Values in [0, 1], a decoder's output being their logits."""

    support = 0, 1

    def at_mean(self, mean, n_samples):
        odds = (mean * n_samples + 0.5) / ((1 - mean) * n_samples + 0.5)
        return odds.log()

    def forward(self, output):
        return BernoulliValues(output)

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


class CategoricalOutput(MultinomialOutput):
    """One of several categories, a decoder's output being unnormalised log-odds.

    A category is a token: a row without any is one that nobody knows, at no cost.
    """

    support = 0, 1
    counts = False

    def draw(self, mean, rng, mean_length):
        below = rng.random_sample((len(mean), 1))
        # Rounding may leave the last sum below 1.
        chosen = (mean.cumsum(axis=1)[:, :-1] < below).sum(axis=1)
        return np.eye(mean.shape[1])[chosen]


class PoissonOutput(Output):
    """Counts, a decoder's output being the logarithms of their means."""

    support = 0, np.inf

    def __init__(self, n_features, scale):
        super().__init__(n_features, scale)
        self.register_buffer("spread", torch.ones(n_features))

    @property
    def seen_unit(self):
        return self.spread

    def take_unit(self, mean, std):
        self.spread.copy_(torch.where(std > 0, std, 1.0))

    def at_mean(self, mean, n_samples):
        return ((mean * n_samples + 0.5) / n_samples).log()

    def forward(self, output):
        return PoissonCounts(output.clamp(max=MAX_LOG_RATE))

    def draw(self, mean, rng, mean_length):
        return rng.poisson(mean).astype(float)


class NegativeBinomialOutput(PoissonOutput):
    """Counts, a decoder's output being the logarithms of their means.

    How much they vary beyond Poisson counts is learnt for each feature.
    """

    def __init__(self, n_features, scale):
        super().__init__(n_features, scale)
        self.log_sizes = nn.Parameter(torch.zeros(n_features))

    def forward(self, output):
        rates = output.clamp(max=MAX_LOG_RATE)
        return NegativeBinomialCounts(rates, self.log_sizes.clamp(-7, 7))

    def draw(self, mean, rng, mean_length):
        sizes = self.log_sizes.detach().clamp(-7, 7).exp().cpu().numpy()
        return rng.poisson(mean * rng.gamma(sizes, 1 / sizes, mean.shape)).astype(float)


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

    @property
    def output_unit(self):
        return self.unit

    seen_unit = output_unit

    def take_unit(self, mean, std):
        if self.log_scale is None:
            return
        # Those of features that do not vary so far, but for rounding, may later.
        varies = (std > 1e-5 * mean.abs()) & (std > 1e-10 * std.max())
        if varies.any():
            shared = std.square().mean().sqrt()
            each = torch.where(varies, std, shared)
            self.unit.copy_(each if self.unit.dim() else shared)

    def take_residuals(self, share):
        if self.log_scale is not None:
            share = share if self.log_scale.dim() else share.mean()
            self.log_scale.copy_(share.log() / 2)

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
    "categorical": CategoricalOutput,
    "poisson": PoissonOutput,
    "negative-binomial": NegativeBinomialOutput,
}


# --- several kinds of columns -----------------------------------------------------


class Mixed(Distribution):
    """Rows whose columns have likelihoods of several kinds, given the code independent.

    Parameters
    ----------
    parts : list of torch distributions
    columns : list of tensors
        Those of each part.
    order : tensor of shape (n_features,)
        Where each column is in the columns of the parts laid end to end.
    """

    arg_constraints = {}

    def __init__(self, parts, columns, order):
        self.parts, self.columns, self.order = parts, columns, order
        shape = parts[0].batch_shape, order.shape
        super().__init__(*shape, validate_args=False)

    @property
    def mean(self):
        return torch.cat([part.mean for part in self.parts], -1)[..., self.order]

    def log_prob(self, rows):
        """Sum of the parts' log-densities; shape (...,), in nats."""
        return sum(
            part.log_prob(take_columns(rows, columns))
            for part, columns in zip(self.parts, self.columns)
        )


class MixedOutput(Output):
    """Columns of several kinds, each with its part of a decoder's output.

    Parameters
    ----------
    parts : tuple of (str, tuple of int)
        Likelihoods by name, and the columns of each; all columns, each once.
    scale : "shared", "per-feature", float or sequence of float
        Of the Gaussian parts, as in `GaussianOutput`.
    """

    def __init__(self, parts, scale):
        n_features = sum(len(columns) for _, columns in parts)
        super().__init__(n_features, scale)
        self.parts = nn.ModuleList()
        for name, columns in parts:
            own = [scale[j] for j in columns] if isinstance(scale, tuple) else scale
            self.parts.append(LIKELIHOODS[name](len(columns), own))
        laid = [torch.tensor(columns) for _, columns in parts]
        self.sizes = [len(columns) for columns in laid]
        self.register_buffer("laid", torch.cat(laid), persistent=False)
        self.register_buffer("order", self.laid.argsort(), persistent=False)
        self.scaled = any(part.scaled for part in self.parts)
        self.counts = any(part.counts for part in self.parts)

    @property
    def columns(self):
        return self.laid.split(self.sizes)

    def gathered(self, attribute, default):
        """An attribute of the parts, for each feature."""
        found = []
        for part, size in zip(self.parts, self.sizes):
            value = getattr(part, attribute, None)
            if value is None:
                value = torch.tensor(
                    default, dtype=torch.float, device=self.laid.device
                )
            found.append(value.expand(size))
        return torch.cat(found)[self.order]

    @property
    def output_unit(self):
        return self.gathered("output_unit", 1.0)

    @property
    def seen_unit(self):
        return self.gathered("seen_unit", 1.0)

    @property
    def scale(self):
        """Standard deviations of shape (n_features,), NaN of what is not Gaussian."""
        return self.gathered("scale", torch.nan)

    def take_unit(self, mean, std):
        for part, columns in zip(self.parts, self.columns):
            part.take_unit(mean[columns], std[columns])

    def take_residuals(self, share):
        for part, columns in zip(self.parts, self.columns):
            part.take_residuals(share[columns])

    def at_mean(self, mean, n_samples):
        found = [
            part.at_mean(mean[columns], n_samples[columns])
            for part, columns in zip(self.parts, self.columns)
        ]
        return torch.cat(found)[self.order]

    def mean_length(self, mean):
        lengths = zip(self.parts, self.columns)
        return np.array([part.mean_length(mean[columns]) for part, columns in lengths])

    def forward(self, output):
        columns = self.columns
        parts = [part(output[..., own]) for part, own in zip(self.parts, columns)]
        return Mixed(parts, columns, self.order)

    def draw(self, mean, rng, mean_length):
        lengths = [None] * len(self.parts) if mean_length is None else mean_length
        rows = np.empty_like(mean)
        for part, columns, length in zip(self.parts, self.columns, lengths):
            columns = columns.numpy()
            drawn = part.draw(mean[:, columns], rng, length)
            rows[:, columns] = drawn.toarray() if issparse(drawn) else drawn
        return rows


def make_output(likelihood, n_features, scale):
    """An output from the name of a likelihood, or from parts as of `MixedOutput`."""
    if isinstance(likelihood, str):
        return LIKELIHOODS[likelihood](n_features, scale)
    return MixedOutput(likelihood, scale)
