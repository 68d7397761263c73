"""Likelihoods p(x | z) as torch distributions over whole rows.

Bernoulli and Gaussian rows are torch's own distributions; only the bag of words is
not in torch in the form that perplexity needs.
"""

import torch
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


def gaussian(mean, log_scale):
    """Rows of independent normal values with one common standard deviation."""
    return Independent(Normal(mean, log_scale.exp(), validate_args=False), 1)
