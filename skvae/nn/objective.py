"""What training maximizes: the evidence lower bound, less penalties.

Each formula is here once, for training and for scores.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import kl_divergence

from skvae.nn.likelihoods import log_positive


class ELBO(NamedTuple):
    """The bound of each row and its two parts; tensors of shape (..., batch)."""

    bound: Tensor
    reconstruction: Tensor
    kl: Tensor


def elbo(x, posterior, likelihood, prior, z=None, *, kl_weight=1.0):
    """Evidence lower bound of each row of x, in nats.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    posterior, prior : torch.distributions.Independent over the latent space
        q(z | x) with batch shape (batch,), p(z) with an empty one; units independent.
    likelihood : torch.distributions.Distribution over rows of x
        p(x | z) at one draw z of the posterior (or several, in leading dimensions).
    z : tensor of shape ([n_draws,] batch, n_components), optional
        With several draws the bound is the importance-weighted one of all of them.
    kl_weight : float
        1 for the bound itself. Less during warm-up, other values for a beta-VAE.

    Returns
    -------
    ELBO
        log p(x | z) - kl_weight * KL(q(z | x) || p(z)), and both terms.

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    https://arxiv.org/abs/1312.6114
    Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
    autoencoders. ICLR.
    https://arxiv.org/abs/1509.00519
    """
    reconstruction = likelihood.log_prob(x)
    kl = kl_per_unit(posterior, prior).sum(-1)
    bound = reconstruction - kl_weight * kl
    if z is not None and z.dim() > posterior.mean.dim():
        price = posterior.log_prob(z) - prior.log_prob(z)
        bound = (reconstruction - kl_weight * price).logsumexp(0) - math.log(len(z))
    return ELBO(bound, reconstruction, kl)


def kl_per_unit(posterior, prior):
    """KL(q(z_k | x) || p(z_k)) of each row and latent unit k, in nats."""
    if prior is None:  # of a plain autoencoder
        return torch.zeros_like(posterior.mean)
    return kl_divergence(posterior.base_dist, prior.base_dist)


def log_importance_weights(x, z, posterior, likelihood, prior):
    """Log of p(x, z) / q(z | x) at draws z of the posterior, in nats.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    z : tensor of shape (..., batch, n_components)
    posterior, prior, likelihood : torch.distributions.Distribution
        As in `elbo`, the likelihood at z.

    Returns
    -------
    log_weights : tensor of shape (..., batch)
        Their mean over draws is the ELBO, the log of the mean of their exponentials is
        a tighter bound of log p(x).

    References
    ----------
    Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
    autoencoders. ICLR.
    https://arxiv.org/abs/1509.00519
    """
    return likelihood.log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)


# A row whose topic is known counts as this many tokens of the topic.
MEMBERSHIP_WEIGHT = 3.0


class NegativeELBO(nn.Module):
    """Training criterion: minus the mean ELBO of a batch, and penalties.

    In training, rows with memberships pay `membership_loss` too.

    Parameters
    ----------
    kl_weight : float
        Weight of the KL term when evaluating.
    penalties : sequence of (weight, penalty)
        In training mode, ``weight * penalty(x, posterior, likelihood, prior)``, of
        shape (), is added to the loss. A penalty of weight 0 is not asked.
    fading : bool
        Whether memberships count less as the KL term counts more, and nothing in the
        end. They make proportions more extreme than the words do.

    Attributes
    ----------
    warmup : float in [0, 1]
        Further factor of the KL term in training mode, raised to 1 by the schedule.
    """

    def __init__(self, kl_weight=1.0, penalties=(), fading=False):
        super().__init__()
        self.kl_weight = kl_weight
        self.penalties = penalties
        self.fading = fading
        self.warmup = 1.0

    def forward(self, output, x, memberships=None):
        """Return the loss, and the mean reconstruction and KL that it is made of."""
        weight = self.kl_weight * (self.warmup if self.training else 1.0)
        bound, reconstruction, kl = (
            term.mean() for term in elbo(x, *output, kl_weight=weight)
        )
        loss = -bound
        for weight, penalty in self.penalties if self.training else ():
            if weight:
                loss = loss + weight * penalty(x, *output[:3])
        if self.training and memberships is not None and memberships.shape[1]:
            weight = MEMBERSHIP_WEIGHT * (1 - self.warmup if self.fading else 1)
            loss = loss + weight * membership_loss(output[1], memberships)
        return loss, reconstruction, kl


def membership_loss(likelihood, memberships):
    """Cross-entropy of topic proportions and what is known of the topics of rows.

    In nats, the mean over the batch. It is minus the expected log-probability of the
    topic of one token.

    Parameters
    ----------
    likelihood : TopicMixture, TiltedMixture or LogLinear in topic proportions
    memberships : tensor of shape (batch, n_topics)
        Probabilities of the topic of each row, or zeros.
    """
    proportions = likelihood.proportions[..., : memberships.shape[1]]
    return -(memberships * log_positive(proportions)).sum(-1).mean()


# --- penalties ----------------------------------------------------------------------
# Each takes x of shape (batch, n_features), the posterior, the likelihood and the
# prior, and returns a scalar tensor.


def topic_overlap(x, posterior, likelihood, prior):
    """Overlap of the topics, times the mean number of tokens of the batch.

    The overlap of a topic is the sum of its cosine similarities to the others, which
    the head of the distributions rules and their tail hardly touches.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    posterior, prior : torch.distributions.Distribution
        Not used.
    likelihood : TopicMixture or TiltedMixture

    Returns
    -------
    penalty : tensor of shape ()
    """
    topics = likelihood.topics
    # The sum of all inner products of vectors is the square of their sum's length.
    total = topics.norm(dim=-1).reciprocal() @ topics
    overlap = total.square().sum() / len(topics) - 1
    return x.sum(-1).mean() * overlap


def topic_alignment(vectors):
    """Variance of the angles between topics' vectors, less their mean, in radians.

    Over all pairs, those of a topic with itself among them. Vectors that point away
    from each other are as near as those that point the same way.

    Parameters
    ----------
    vectors : tensor of shape (n_components, embedding_size)

    Returns
    -------
    penalty : tensor of shape ()

    References
    ----------
    Miao, Y., Grefenstette, E. and Blunsom, P. (2017). Discovering discrete latent
    topics with neural variational inference. ICML.
    Xie, P., Deng, Y. and Xing, E. (2015). Diversifying restricted Boltzmann machine for
    document modeling. KDD.
    """
    unit = F.normalize(vectors, dim=1)
    # At an angle of 0 its gradient is infinite.
    angles = (unit @ unit.T).abs().clamp(max=1 - 1e-6).acos()
    angles = angles * (1 - torch.eye(len(vectors), device=vectors.device))
    return angles.var(correction=0) - angles.mean()


def topic_prior_loss(x, posterior, likelihood, prior):
    """Minus the log-probabilities of all words in all topics, less those of equal ones.

    In nats. Times a concentration it is minus the logarithm of a symmetric Dirichlet
    prior in the softmax basis, where the most probable topic is the posterior mean of
    the usual one: that many tokens of each word are added to those seen. It takes and
    returns what `topic_overlap` does.

    References
    ----------
    MacKay, D. J. C. (1998). Choice of basis for Laplace approximation. Machine Learning
    33, 77-86.
    https://doi.org/10.1023/A:1007558615313
    """
    topics = likelihood.topics
    mean = log_positive(topics).mean()
    return -topics.numel() * (mean + math.log(topics.shape[-1]))


def theme_prior_loss(x, likelihood, themes):
    """Minus the log-probability of the words of given themes in the first topics.

    Each theme has as many words as an equal share of the tokens of a document. Times a
    weight, it is minus the logarithm of a Dirichlet prior around the theme, in the
    softmax basis as in `topic_prior_loss`.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    likelihood : TopicMixture or TiltedMixture
    themes : tensor of shape (n_themes, n_features)
        Word probabilities of each theme.

    Returns
    -------
    penalty : tensor of shape ()
    """
    topics = likelihood.topics
    of_theme = themes * log_positive(topics[: len(themes)])
    return -x.sum(-1).mean() / len(topics) * of_theme.sum()


def seed_token_loss(x, likelihood, seeds):
    """Minus the log-probabilities of the topics that the seed words of documents show.

    The probability of a token that is known to be of a topic is the topic's proportion.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    likelihood : TopicMixture or TiltedMixture
    seeds : tensor of shape (n_features, n_seeded_topics)
        Share of each word that belongs to each topic.

    Returns
    -------
    penalty : tensor of shape ()

    References
    ----------
    Andrzejewski, D. and Zhu, X. (2009). Latent Dirichlet allocation with topic-in-set
    knowledge. NAACL workshop on semi-supervised learning.
    """
    proportions = likelihood.proportions[..., : seeds.shape[1]]
    return -((x @ seeds) * log_positive(proportions)).sum(-1).mean()


def topic_incoherence(x, likelihood, words, npmi):
    """Minus the coherence of the topics, times the mean number of tokens of the batch.

    The coherence of a topic is the mean NPMI of two different words that are drawn from
    its most probable ones. Its gradient raises those that occur with the others.

    Parameters
    ----------
    x : tensor of shape (batch, n_features)
    likelihood : TopicMixture or TiltedMixture
    words : tensor of int of shape (n_components, n_words)
        The most probable words of each topic.
    npmi : tensor of shape (n_components, n_words, n_words)
        Normalised pointwise mutual information of each two of them.

    Returns
    -------
    penalty : tensor of shape ()

    References
    ----------
    Li, R., Gonzalez-Pizarro, F., Xing, L., Murray, G. and Carenini, G. (2023).
    Diversity-aware coherence loss for improving neural topic models. ACL. (Weighs NPMI
    by probability too, over the whole vocabulary.)
    https://aclanthology.org/2023.acl-short.145/
    """
    # Bounded, since words may have lost their topic since they were looked up, a topic
    # may have hardly more than one word, and then there is no gradient to trust.
    least = 1e-4
    probabilities = likelihood.topics.gather(1, words)
    probabilities = probabilities / probabilities.sum(1, keepdim=True).clamp_min(least)
    pairs = probabilities[:, :, None] * probabilities[:, None, :]
    pairs = pairs * (1 - torch.eye(words.shape[1], device=pairs.device))
    total = pairs.sum((1, 2)).clamp_min(least)
    coherence = (pairs * npmi).sum((1, 2)) / total
    return -x.sum(-1).mean() * coherence.mean()
