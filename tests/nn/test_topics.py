"""Topic proportions and decoders of topics."""

import math

import numpy as np
import pytest
import torch
from helpers import seeded
from torch import nn

from skvae.nn.topics import (
    TOPIC_CONSTRUCTIONS,
    AnnealedSoftmax,
    ExpertsDecoder,
    LogLinearDecoder,
    TopicMixtureDecoder,
)


def test_topics_are_distributions_over_words():
    decoder = TopicMixtureDecoder(7, 3, 5, True, seeded())
    topics = decoder.topics()
    assert topics.shape == (3, 7) and (topics > 0).all()
    torch.testing.assert_close(topics.sum(1), torch.ones(3))
    parts = decoder.topic_embeddings, decoder.word_embeddings, decoder.background
    topic, words, background = (part.detach().double().numpy() for part in parts)
    exps = np.exp(np.einsum("ke,we->kw", topic, words) + background)
    expected = exps / exps.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(topics.detach(), expected, rtol=1e-5)


def test_topic_mixture_averages_the_topics():
    decoder = TopicMixtureDecoder(7, 3, 5, True, seeded())
    proportions = torch.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    mean = decoder(proportions).mean
    a, b, c = decoder.topics()
    torch.testing.assert_close(mean[0], 0.2 * a + 0.3 * b + 0.5 * c)
    torch.testing.assert_close(mean[1], b)


def test_proportions_cool_down_to_those_of_a_dirichlet_prior():
    """As sharp as 4 at first; in the end with the variance of its log-proportions."""
    link = AnnealedSoftmax(concentration=1.5)
    z = torch.randn(10, 5, generator=seeded())
    torch.testing.assert_close(link(z), (4 * z).softmax(-1))
    link.at(0.125)
    sharpness = (4 + 1.5**-0.5) / 2
    torch.testing.assert_close(link(z), (sharpness * z).softmax(-1))
    for progress in (0.25, 1.0):
        link.at(progress)
        torch.testing.assert_close(link(z), (1.5**-0.5 * z).softmax(-1))
    sharp = AnnealedSoftmax(concentration=0.01)
    for progress in (0.0, 1.0):  # never less sharp than in the end
        sharp.at(progress)
        torch.testing.assert_close(sharp(z), (10 * z).softmax(-1))


each_construction = pytest.mark.parametrize("construction", TOPIC_CONSTRUCTIONS)


@pytest.mark.parametrize("n_components", [2, 5])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@each_construction
def test_topic_proportions_are_on_the_simplex(construction, scale, n_components, rng):
    z = torch.from_numpy(scale * rng.normal(size=(2, 9, n_components))).float()
    proportions = TOPIC_CONSTRUCTIONS[construction](n_components, seeded())(z)
    assert proportions.shape == z.shape and (proportions >= 0).all()
    torch.testing.assert_close(proportions.sum(-1), torch.ones(2, 9))


@each_construction
def test_topics_start_with_equal_shares(construction):
    """At the centre of the prior no topic is ahead, whatever its place."""
    link = TOPIC_CONSTRUCTIONS[construction](4, seeded())
    torch.testing.assert_close(link(torch.zeros(1, 4)), torch.full((1, 4), 0.25))


@each_construction
def test_topic_proportions_have_a_finite_gradient_far_out(construction):
    z = torch.full((1, 4), 1e4, requires_grad=True)
    link = TOPIC_CONSTRUCTIONS[construction](4, seeded())
    (gradient,) = torch.autograd.grad(link(z)[0, 0], z)
    assert gradient.isfinite().all()


def test_sticks_are_broken_piece_by_piece(rng):
    """Piece k is sigmoid(logit_k) of what is left after the pieces before it."""
    z = torch.from_numpy(rng.normal(size=(6, 4)))
    even = [1 / 4, 1 / 3, 1 / 2]
    gaussian = TOPIC_CONSTRUCTIONS["stick-breaking"](4, seeded()).double()
    recurrent = TOPIC_CONSTRUCTIONS["recurrent"](4, seeded()).double()
    h = [recurrent.first]
    for _ in range(2):
        h.append(torch.tanh(recurrent.recurrence(h[-1])))
    logits = {gaussian: gaussian.linear(z), recurrent: z @ torch.stack(h).T}
    for link, breaks in logits.items():
        left, pieces = torch.ones(6).double(), []
        for k, share in enumerate(even):
            shift = math.log(share / (1 - share))
            pieces.append(left * torch.sigmoid(breaks[:, k] + shift))
            left = left - pieces[-1]
        expected = torch.stack([*pieces, left], dim=1)
        torch.testing.assert_close(link(z), expected, rtol=1e-6, atol=1e-6)


def test_experts_multiply_where_a_mixture_adds():
    """Log-probabilities are linear in the proportions, up to normalisation."""
    decoder = ExpertsDecoder(7, 3, seeded()).double().eval()
    nn.init.normal_(decoder.background, generator=seeded(1))
    proportions = torch.tensor([[0.2, 0.3, 0.5]]).double()
    pure = decoder(torch.eye(3).double()).mean
    product = (pure.log() * proportions.T).sum(0)
    torch.testing.assert_close(
        decoder(proportions).mean[0], product.exp() / product.exp().sum()
    )
    # Before training the running statistics are those of the standard normal.
    by_topic = decoder.topics / math.sqrt(1 + 1e-5) + decoder.background
    torch.testing.assert_close(pure, by_topic.softmax(-1))


def test_log_linear_decoder_at_zero_is_the_background():
    decoder = LogLinearDecoder(5, 2, seeded())
    nn.init.normal_(decoder.background, generator=seeded(1))
    mean = decoder(torch.zeros(1, 2)).mean[0]
    torch.testing.assert_close(mean, decoder.background.softmax(-1))
