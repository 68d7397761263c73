"""What training may add to the negative ELBO: functions of what the ELBO is made of."""


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
