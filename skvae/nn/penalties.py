"""What training may add to the negative ELBO: functions of what the ELBO is made of."""

import math

import torch
import torch.nn.functional as F

from skvae.nn.likelihoods import log_positive


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


def topic_surprise(x, posterior, likelihood, prior):
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


def theme_surprise(x, posterior, likelihood, prior, themes):
    """Minus the log-probability of words of given themes in the first topics.

    Of each theme there are as many words as an equal share of the tokens of a document.
    Times a weight it is minus the logarithm of a Dirichlet prior around the theme, in
    the softmax basis as `topic_surprise`. It takes and returns what that does, and

    Parameters
    ----------
    themes : tensor of shape (n_themes, n_features)
        Word probabilities of each theme.
    """
    topics = likelihood.topics
    of_theme = themes * log_positive(topics[: len(themes)])
    return -x.sum(-1).mean() / len(topics) * of_theme.sum()


def seed_surprise(x, posterior, likelihood, prior, seeds):
    """Minus the log-probabilities of the topics that seed words of documents tell.

    That of a token which is known to be of a topic is the topic's proportion. It takes
    and returns what `topic_overlap` does, and

    Parameters
    ----------
    seeds : tensor of shape (n_features, n_seeded_topics)
        Share of each word that is of a topic.

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
