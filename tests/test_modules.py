"""Modules: gradients, noise, and what each layer promises."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from skvae import (
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.nn.autoencoder import (
    GaussianEncoder,
    ScaledCounts,
    diagonal_normal,
    reparameterise,
)
from skvae.nn.layers import ACTIVATIONS, MLP, Standardise
from skvae.nn.likelihoods import GaussianOutput, TopicMixture
from skvae.nn.objective import elbo, topic_incoherence, topic_overlap, topic_surprise
from skvae.nn.topics import (
    TOPIC_CONSTRUCTIONS,
    CoolingSoftmax,
    ExpertsDecoder,
    LogLinearDecoder,
    TopicMixtureDecoder,
    topic_proportions,
)

N_FEATURES = 6
# tanh: finite differences across the kink of relu would not be derivatives.
SMALL = dict(hidden_layer_sizes=(3,), activation="tanh")
MODELS = {
    "NVDM": NVDMTopicModel(2, **SMALL, dropout=0.3),
    "GSM": GSMTopicModel(2, **SMALL, embedding_size=3),
    "GSB": GSMTopicModel(3, **SMALL, topic_construction="stick-breaking"),
    "RSB": GSMTopicModel(3, **SMALL, topic_construction="recurrent"),
    "ProdLDA": ProdLDATopicModel(2, **SMALL, dropout=0.3),
    "VAE gaussian": VAETransformer(2, **SMALL, likelihood="gaussian"),
    "VAE bernoulli": VAETransformer(2, **SMALL, likelihood="bernoulli", dropout=0.3),
    "VAE multinomial": VAETransformer(2, **SMALL, likelihood="multinomial"),
    "VAE without batch norm": VAETransformer(2, **SMALL, batch_norm=False),
    "VAE of many scales": VAETransformer(2, **SMALL, scale="per-feature"),
    "plain autoencoder": VAETransformer(2, **SMALL, variational=False),
    "convolutional VAE": VAETransformer(
        2, **SMALL, architecture="conv", channels=(2, 2), image_shape=(2, 3)
    ),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def build(model, seed=0):
    return model._build_module(model._config(N_FEATURES), seeded(seed))


@pytest.fixture
def counts(rng):
    return torch.from_numpy(rng.poisson(0.4, (4, N_FEATURES))).double()


@pytest.mark.parametrize(
    "training",
    # With the statistics of the batch, or with those of before.
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["training", "eval"],
)
@pytest.mark.parametrize("name", MODELS)
def test_gradient_of_the_bound_is_its_derivative(name, training, counts):
    """Central differences in double precision, with the noise held fixed."""
    module = build(MODELS[name]).double().train(training)
    x = counts.clamp(max=1)  # also fit for Bernoulli
    # Away from the initial weights, some of which are zero or at a symmetric point.
    noise = seeded(1)
    free = {
        key: (p + 0.3 * torch.randn(p.shape, generator=noise)).detach().requires_grad_()
        for key, p in module.named_parameters()
        if p.requires_grad
    }

    def negative_bound(*values):
        given = dict(zip(free, values, strict=True))
        output = functional_call(module, given, (x, seeded(2)))
        return -elbo(x, *output).bound

    assert torch.autograd.gradcheck(negative_bound, tuple(free.values()))


def standard_noise(mean, std, seed=0):
    draws = reparameterise(diagonal_normal(mean, std), seeded(seed))
    return ((draws - mean) / std).numpy()


def test_noise_is_standard_normal_and_independent():
    """Tolerances: 5 standard errors each, so a right build fails 1 time in 10^5."""
    n = 100_000
    mean = torch.linspace(-3, 3, n)[:, None].repeat(1, 2).double()
    # Deviations far from 1 on both sides tell the deviation from the variance.
    noise = standard_noise(mean, torch.tensor([0.1, 5.0]).double().expand(n, 2))
    assert np.abs(noise.mean(axis=0)).max() < 5 / math.sqrt(n)
    assert np.abs(noise.std(axis=0) - 1).max() < 5 / math.sqrt(2 * n)
    # A normal distribution has no skewness and a kurtosis of 3.
    assert np.abs((noise**3).mean(axis=0)).max() < 5 * math.sqrt(15 / n)
    assert np.abs((noise**4).mean(axis=0) - 3).max() < 5 * math.sqrt(96 / n)
    columns = (noise[:, 0] * noise[:, 1]).mean()
    rows = (noise[1:] * noise[:-1]).mean(axis=0)
    assert np.abs([columns, *rows]).max() < 5 / math.sqrt(n - 1)


def test_draws_are_differentiable_in_mean_and_deviation():
    mean, std = torch.zeros(5, 2, requires_grad=True), torch.ones(5, 2)
    std.requires_grad_()
    draws = reparameterise(diagonal_normal(mean, std), seeded())
    by_mean, by_std = torch.autograd.grad(draws.sum(), (mean, std))
    assert torch.equal(by_mean, torch.ones(5, 2))
    torch.testing.assert_close(by_std, draws.detach())  # here a draw is the noise


def test_noise_comes_from_the_given_generator():
    mean, std = torch.zeros(4, 2), torch.ones(4, 2)
    assert np.array_equal(standard_noise(mean, std, 1), standard_noise(mean, std, 1))
    assert not np.array_equal(
        standard_noise(mean, std, 1), standard_noise(mean, std, 2)
    )


@pytest.mark.parametrize("name", MODELS)
def test_one_generator_seed_gives_one_set_of_weights(name):
    first, again, other = (build(MODELS[name], seed) for seed in (0, 0, 1))
    pairs = [
        (torch.equal(a, b), torch.equal(a, c))
        for a, b, c in zip(
            first.parameters(), again.parameters(), other.parameters(), strict=True
        )
    ]
    assert all(same for same, _ in pairs)
    assert not all(same for _, same in pairs)


@pytest.mark.parametrize("name", MODELS)
def test_the_global_generator_is_left_alone(name, counts):
    before = torch.get_rng_state()
    module = build(MODELS[name]).double()
    module.train()(counts, seeded())
    module.eval()(counts, seeded())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_depends_on_the_noise_of_the_draw_only(name, counts):
    """No dropout and no batch statistics: the posterior of a row is its own."""
    encoder = build(MODELS[name]).double().eval().encoder
    together = encoder(counts, seeded(0))
    for row in range(len(counts)):
        alone = encoder(counts[row : row + 1], seeded(1))
        torch.testing.assert_close(alone.mean[0], together.mean[row])
        torch.testing.assert_close(alone.stddev[0], together.stddev[row])


@pytest.mark.parametrize("name", MODELS)
def test_output_parts_have_one_entry_a_row(name, counts):
    posterior, likelihood, prior, z = build(MODELS[name]).double()(counts, seeded())
    assert posterior.batch_shape == likelihood.batch_shape == (len(counts),)
    n_components = MODELS[name].n_components
    assert posterior.event_shape == prior.event_shape == (n_components,)
    assert likelihood.event_shape == (N_FEATURES,) and prior.batch_shape == ()
    assert z.shape == (len(counts), n_components)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(), (4,), (4, 3)])
def test_mlp_applies_the_activation_after_each_layer(activation, sizes, rng):
    mlp = MLP(5, sizes, activation, 0.0, seeded())
    x = expected = torch.from_numpy(rng.normal(size=(3, 5))).float()
    for layer in mlp.layers:
        expected = ACTIVATIONS[activation](expected @ layer.weight + layer.bias)
    torch.testing.assert_close(mlp(x), expected)
    assert mlp.n_out == expected.shape[1]


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_dropout_keeps_the_expectation_and_acts_in_training_only(rate):
    n = 40_000
    mlp = MLP(3, (5,), "softplus", rate, seeded())
    x = torch.tensor([[1.0, -1.0, 0.5]])
    full = mlp.eval()(x, seeded())[0]
    torch.testing.assert_close(full, mlp.eval()(x, seeded(1))[0])
    dropped = mlp.train()(x.repeat(n, 1), seeded()) / full
    # Each value is 0 or 1 / (1 - rate): 5 standard errors of the mean.
    assert (dropped.mean(0) - 1).abs().max() < 5 * math.sqrt(rate / (1 - rate) / n)
    share = (dropped == 0).double().mean(0)
    assert (share - rate).abs().max() < 5 * math.sqrt(rate * (1 - rate) / n)
    again = mlp(x.repeat(n, 1), seeded()) / full
    assert torch.equal(dropped, again)
    assert not torch.equal(dropped, mlp(x.repeat(n, 1), seeded(1)) / full)


def test_scaled_counts_have_unit_length_beside_the_log_number_of_tokens(rng):
    counts = torch.from_numpy(rng.poisson(2, (5, 4))).double() + torch.eye(5, 4)
    out = ScaledCounts()(counts)
    assert out.shape == (5, 4 + ScaledCounts.n_extra_features)
    torch.testing.assert_close(out[:, :-1].norm(dim=1), torch.ones(5).double())
    torch.testing.assert_close(out[:, -1], (1 + counts.sum(1)).log())
    powers = counts**0.75
    cosine = nn.functional.cosine_similarity(out[:, :-1], powers)
    torch.testing.assert_close(cosine, torch.ones(5).double())


def test_scaled_counts_of_an_empty_document_are_zeros():
    assert torch.equal(ScaledCounts()(torch.zeros(2, 4)), torch.zeros(2, 5))


@pytest.fixture
def means(rng):
    return torch.from_numpy(rng.normal([3, -1], [0.1, 20], (50, 2))).double()


@pytest.fixture(params=[None, (5.0, -2.0)], ids=["no offset", "offset"])
def standardise(request):
    layer = Standardise(2, offset=request.param is not None).double().train()
    if request.param is not None:
        layer.offset.data = torch.tensor(request.param).double()
    layer.expected_mean = torch.tensor(request.param or (0.0, 0.0)).double()
    return layer


def test_standardise_gives_the_batch_unit_variance_in_training(means, standardise):
    out = standardise(means)
    torch.testing.assert_close(out.mean(0), standardise.expected_mean)
    # Not exactly one: the variance is kept from being divided by zero.
    torch.testing.assert_close(
        out.std(0, correction=0), torch.ones(2).double(), rtol=1e-2, atol=0
    )


def test_standardise_leaves_the_statistics_for_one_row(means, standardise):
    standardise(means)
    before = {key: value.clone() for key, value in standardise.state_dict().items()}
    alone = standardise(means[:1])
    assert alone.isfinite().all()
    after = standardise.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    torch.testing.assert_close(alone, standardise.eval()(means[:1]))


def test_standardise_uses_running_statistics_in_eval_mode(means, standardise):
    for _ in range(1000):  # until they are those of the one batch
        standardise(means)
    deviation = (means.var(0) + standardise.eps).sqrt()
    expected = (means - means.mean(0)) / deviation + standardise.expected_mean
    standardise.eval()
    torch.testing.assert_close(standardise(means), expected)
    torch.testing.assert_close(standardise(means[7:8])[0], expected[7])
    many_draws = means.expand(3, *means.shape)
    torch.testing.assert_close(standardise(many_draws)[1], expected)


def test_standardise_of_a_product_is_that_of_the_product_made(means, standardise):
    """With its gradients, and what it leaves in the running statistics."""
    weight = torch.tensor([[1.0, -2.0], [0.5, 0.1]]).double().requires_grad_()
    x = means.clone().requires_grad_()
    other = copy.deepcopy(standardise)
    for _ in range(3):
        of_product, bias = standardise.of_product(x, weight)
        found, expected = x @ of_product + bias, other(x @ weight)
        torch.testing.assert_close(found, expected)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(standardise.state_dict()[key], value)
    draw = torch.randn(found.shape, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((draw * found).sum(), [x, weight]),
        torch.autograd.grad((draw * expected).sum(), [x, weight]),
    )


@pytest.mark.parametrize("size", [0.0, 1e6, 1e30, -1e30])
@pytest.mark.parametrize("preprocess", [None, ScaledCounts()])
def test_posterior_variance_stays_positive_and_finite(size, preprocess):
    x = torch.full((2, 4), abs(size) if preprocess else size)
    body = MLP(4 + (preprocess is not None), (), "relu", 0.0, seeded())
    encoder = GaussianEncoder(body, 2, seeded(), preprocess=preprocess).eval()
    for sign in (-1, 1):
        nn.init.constant_(encoder.log_variance.weight, 100.0 * sign)
        std = encoder(x).stddev
        assert std.isfinite().all() and (std > 0).all()


def test_topics_are_distributions_over_words():
    decoder = TopicMixtureDecoder(7, 3, 5, True, seeded())
    topics = decoder.topics()
    assert topics.shape == (3, 7) and (topics > 0).all()
    torch.testing.assert_close(topics.sum(1), torch.ones(3))
    topic, words, background = (
        parameter.detach().double().numpy()
        for parameter in (
            decoder.topic_embeddings,
            decoder.word_embeddings,
            decoder.background,
        )
    )
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


def test_overlap_is_counted_in_cosines_to_the_other_topics():
    decoder = TopicMixtureDecoder(7, 3, 5, True, seeded())
    counts = torch.tensor([[2.0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]])
    a, b, c = decoder.topics()
    cosines = [
        nn.functional.cosine_similarity(x, y, dim=0)
        for x, y in [(a, b), (a, c), (b, c)]
    ]
    overlap = 2 * sum(cosines) / 3  # of a topic with the two others, on average

    def penalty(decoder, k):
        return topic_overlap(counts, None, decoder(torch.eye(k)), None)

    torch.testing.assert_close(penalty(decoder, 3), 2.0 * overlap)
    with torch.no_grad():
        decoder.topic_embeddings[1:] = decoder.topic_embeddings[:1]
    assert penalty(decoder, 3).item() == pytest.approx(2.0 * 2, rel=1e-5)
    one = TopicMixtureDecoder(7, 1, 5, True, seeded())
    assert penalty(one, 1).item() == pytest.approx(0, abs=1e-6)


def test_surprise_adds_tokens_of_every_word_to_those_of_a_topic():
    """The best topic for some counts is the mean of their Dirichlet posterior."""
    counts, concentration = torch.tensor([5.0, 0, 2, 0]), 0.3
    posterior_mean = (counts + concentration) / (counts + concentration).sum()
    logits = posterior_mean.log().requires_grad_()
    topic = TopicMixture(torch.ones(1, 1), logits.softmax(-1)[None])
    loss = -topic.log_prob(counts[None]).sum()
    (loss + concentration * topic_surprise(None, None, topic, None)).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(4), rtol=0, atol=1e-5)
    equal = TopicMixture(torch.ones(1, 2), torch.full((2, 4), 0.25))
    assert topic_surprise(None, None, equal, None).item() == 0


def test_incoherence_is_minus_the_npmi_of_two_words_drawn_from_a_topic():
    decoder = TopicMixtureDecoder(7, 2, 5, True, seeded())
    counts = torch.tensor([[2.0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]])
    words = torch.tensor([[0, 3, 6], [5, 1, 2]])
    npmi = torch.rand(2, 3, 3, generator=seeded())
    topics = decoder.topics()
    coherence = 0.0
    for k in range(2):
        total = weighted = 0.0
        for i in range(3):
            for j in range(3):
                if i != j:
                    weight = topics[k, words[k, i]] * topics[k, words[k, j]]
                    total += weight
                    weighted += weight * npmi[k, i, j]
        coherence += weighted / total / 2
    penalty = topic_incoherence(counts, decoder(torch.eye(2)), words, npmi)
    torch.testing.assert_close(penalty, -2.0 * coherence)
    lonely = topic_incoherence(
        counts, decoder(torch.eye(2)), words[:, :1], npmi[:, :1, :1]
    )
    assert lonely.item() == 0


def test_proportions_cool_down_to_those_of_a_dirichlet_prior():
    """As sharp as 4 at first; in the end with the variance of its log-proportions."""
    link = CoolingSoftmax(concentration=1.5)
    z = torch.randn(10, 5, generator=seeded())
    torch.testing.assert_close(link(z), (4 * z).softmax(-1))
    link.at(0.125)
    sharpness = (4 + 1.5**-0.5) / 2
    torch.testing.assert_close(link(z), (sharpness * z).softmax(-1))
    for progress in (0.25, 1.0):
        link.at(progress)
        torch.testing.assert_close(link(z), (1.5**-0.5 * z).softmax(-1))
    sharp = CoolingSoftmax(concentration=0.01)
    for progress in (0.0, 1.0):  # never less sharp than in the end
        sharp.at(progress)
        torch.testing.assert_close(sharp(z), (10 * z).softmax(-1))


each_construction = pytest.mark.parametrize("construction", TOPIC_CONSTRUCTIONS)


@pytest.mark.parametrize("n_components", [1, 2, 5])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@each_construction
def test_topic_proportions_are_on_the_simplex(construction, scale, n_components, rng):
    z = torch.from_numpy(scale * rng.normal(size=(2, 9, n_components))).float()
    proportions = topic_proportions(n_components, construction, seeded())(z)
    assert proportions.shape == z.shape and (proportions >= 0).all()
    torch.testing.assert_close(proportions.sum(-1), torch.ones(2, 9))


@each_construction
def test_topics_start_with_equal_shares(construction):
    """At the centre of the prior no topic is ahead, whatever its place."""
    link = topic_proportions(4, construction, seeded())
    torch.testing.assert_close(link(torch.zeros(1, 4)), torch.full((1, 4), 0.25))


@each_construction
def test_topic_proportions_have_a_finite_gradient_far_out(construction):
    z = torch.full((1, 4), 1e4, requires_grad=True)
    link = topic_proportions(4, construction, seeded())
    (gradient,) = torch.autograd.grad(link(z)[0, 0], z)
    assert gradient.isfinite().all()


def test_sticks_are_broken_piece_by_piece(rng):
    """Piece k is sigmoid(logit_k) of what is left after the pieces before it."""
    z = torch.from_numpy(rng.normal(size=(6, 4)))
    even = [1 / 4, 1 / 3, 1 / 2]
    gaussian = topic_proportions(4, "stick-breaking", seeded()).double()
    recurrent = topic_proportions(4, "recurrent", seeded()).double()
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


@pytest.mark.parametrize("log_scale", [-1e3, 1e3])
@pytest.mark.parametrize("scale", ["shared", "per-feature"])
def test_learnt_deviation_stays_positive_and_finite(scale, log_scale):
    output = GaussianOutput(3, scale)
    nn.init.constant_(output.log_scale, log_scale)
    std = output(torch.zeros(1, 3)).stddev
    assert std.isfinite().all() and (std > 0).all()
