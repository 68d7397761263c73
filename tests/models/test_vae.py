"""VAETransformer: likelihoods, images, own networks, rows out of codes."""

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import LIKELIHOODS, each_likelihood, low_rank, through_file
from helpers import make_vae as make
from scipy import signal, sparse, stats
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skvae import NVDMTopicModel, VAETransformer


@pytest.fixture(scope="module", params=LIKELIHOODS)
def of_a_kind(request):
    """A likelihood, rows of its values and a model of them."""
    likelihood = request.param
    X = LIKELIHOODS[likelihood](np.random.default_rng(0))
    return likelihood, X, make(likelihood=likelihood).fit(X)


def test_score_is_the_mean_over_rows(of_a_kind):
    _, X, model = of_a_kind
    assert model.score(X) == pytest.approx(model.score_samples(X).mean(), abs=1e-12)


@pytest.mark.parametrize("from_", ["prior", "posterior"])
def test_samples_are_values_of_the_likelihood(from_, of_a_kind):
    likelihood, _, model = of_a_kind
    rows = model.sample(20, random_state=0, from_=from_)
    rows = rows.toarray() if sparse.issparse(rows) else rows
    assert rows.shape == (20, 6) and np.isfinite(rows).all()
    if likelihood == "bernoulli":
        assert set(np.unique(rows)) == {0.0, 1.0}
    elif likelihood == "multinomial":
        assert (rows >= 0).all() and (rows % 1 == 0).all() and rows.max() > 1
    means = model.sample(3, random_state=0, from_=from_, mean=True)
    assert isinstance(means, np.ndarray) and means.shape == (3, 6)
    if likelihood != "gaussian":
        assert (means >= 0).all() and (means <= 1).all()
    if likelihood == "multinomial":
        np.testing.assert_allclose(means.sum(axis=1), 1, rtol=1e-12)


def test_the_likelihood_is_that_of_the_fit(linear):
    """A parameter changed after the fit waits for the next one."""
    X, model = low_rank(), copy.deepcopy(linear)
    for likelihood in ("bernoulli", "multinomial"):
        model.set_params(likelihood=likelihood)
        np.testing.assert_array_equal(model.transform(X), linear.transform(X))
        rows, expected = (m.sample(5, random_state=0) for m in (model, linear))
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize(
    "likelihood", ["bernoulli", "poisson", "categorical", "multinomial"]
)
def test_encoders_take_noise_beyond_the_values_of_the_likelihood(likelihood, rng):
    """They have been trained on it."""
    X = LIKELIHOODS["bernoulli"](rng)
    if likelihood == "categorical":
        X = np.eye(6)[rng.integers(6, size=30)]
    noisy = X + 0.5 * rng.standard_normal(X.shape)
    assert noisy.min() < 0
    # Of masking, this would be more than all values.
    params = dict(corruption="gaussian", denoising=1.5)
    model = make(likelihood=likelihood, **params).fit(X)
    mean, _ = model.posterior(noisy)
    np.testing.assert_array_equal(model.transform(noisy), mean)
    restored = model.reconstruct(noisy)
    np.testing.assert_array_equal(restored, model.inverse_transform(mean))
    assert (restored >= 0).all() and np.isfinite(model.interpolate(*noisy[:2])).all()
    # Scaled counts below 0 count as 0.
    if likelihood == "multinomial":
        clipped = model.transform(noisy.clip(min=0))
        np.testing.assert_allclose(model.transform(noisy), clipped, rtol=1e-6)
    for method in (model.fit, model.score, model.effective_sample_size, model.impute):
        with pytest.raises(ValueError, match=r"takes (values|rows)|Negative values"):
            method(noisy)


def test_codes_of_words_tell_topics_as_those_of_nvdm_do():
    """The encoder sees counts by their shares, whatever the lengths of documents."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=400)
    topics = rng.dirichlet(np.full(300, 0.1), 4)
    topics = 0.5 * topics + 0.5 * rng.dirichlet(np.full(300, 0.1))
    lengths = rng.pareto(1, 400) * 20 + 20
    X = sparse.csr_array(rng.poisson(lengths.clip(max=2000)[:, None] * topics[y]))

    def found(model):
        codes = model.fit(X).transform(X)
        clusters = KMeans(4, n_init=5, random_state=0).fit_predict(codes)
        return normalized_mutual_info_score(y, clusters)

    ours = found(VAETransformer(4, likelihood="multinomial", random_state=0))
    assert ours > 0.95 * found(NVDMTopicModel(4, random_state=0))


def test_a_large_kl_weight_ties_the_posterior_to_the_prior():
    X, divergence = low_rank(60), []
    for kl_weight in (0.0, 1.0, 100.0):
        model = make(kl_weight=kl_weight, max_epochs=20, lr=0.03).fit(X)
        mean, std = model.posterior(X)
        kl = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum(axis=1)
        divergence.append(kl.mean())
    assert divergence[0] > divergence[1] > divergence[2]
    assert divergence[2] < 0.5


def test_a_code_without_information_is_told():
    """A posterior that is the prior for every row, put there by hand."""
    X = low_rank()
    model = make(warm_start=True).fit(X)
    assert model.health_["active_units"] == 2
    encoder = model.net_.module_.encoder
    with torch.no_grad():
        for layer in (encoder.mean, encoder.log_variance):
            for parameter in layer.parameters():
                parameter.zero_()
    with pytest.warns(ConvergenceWarning, match="no latent unit is active.*`lr`"):
        model.set_params(lr=1e-12, max_epochs=1).fit(X)
    assert model.health_["active_units"] == 0
    assert model.health_["best_epoch"] == model.n_iter_


@pytest.mark.parametrize(
    "likelihood, natural",
    [
        ("bernoulli", lambda m, n: np.log((m * n + 0.5) / ((1 - m) * n + 0.5))),
        ("multinomial", lambda m, n: np.log((m * n + 1) / (m * n + 1).sum())),
    ],
)
def test_the_decoder_starts_from_the_means_of_the_features(likelihood, natural, rng):
    X = LIKELIHOODS[likelihood](rng)
    for center, params in product((True, False), (dict(), OWN)):
        params = dict(params, likelihood=likelihood, center=center, lr=1e-12)
        model = make(**params).fit(X)
        offset = model.net_.module_.decoder.origin.detach().numpy()
        expected = natural(X.mean(axis=0), len(X)) if center else np.zeros(6)
        np.testing.assert_allclose(offset, expected, rtol=1e-5, atol=1e-6)
        encoder = model.net_.module_.encoder
        if not encoder.takes_sparse_rows:  # nor offset
            shift = encoder.preprocess.offset.numpy()
            np.testing.assert_allclose(shift, center * X.mean(axis=0), rtol=1e-6)


def alone(likelihood, X):
    """Log-densities of rows by what is known of each feature, without codes."""
    if likelihood == "multinomial":
        return X @ np.log(X.sum(axis=0) / X.sum())
    if likelihood == "bernoulli":
        return stats.bernoulli.logpmf(X, X.mean(axis=0)).sum(axis=1)
    return stats.norm.logpdf(X, X.mean(axis=0), X.std(axis=0)).sum(axis=1)


@each_likelihood
def test_a_fit_worse_than_features_without_codes_is_told(likelihood, rng):
    X = rng.integers(2, size=(200, 6)).astype(float)
    params = dict(likelihood=likelihood, scale="per-feature", random_state=0)
    vae = VAETransformer(2, lr=10.0, max_epochs=5, **params)
    with pytest.warns(ConvergenceWarning, match="bound of .* alone with .*Lower `lr`"):
        vae.fit(X)
    expected = alone(likelihood, X).mean()
    # Frequencies are smoothed by one observation.
    assert vae.health_["bound_without_codes"] == pytest.approx(expected, rel=1e-3)
    held_out = clone(vae).set_params(early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="bound"):
        held_out.fit(X)
    assert held_out.health_["bound_without_codes"] != pytest.approx(expected, rel=1e-9)


BITS = dict(likelihood="bernoulli")
GOOD = [dict(), dict(likelihood="multinomial"), dict(scale="per-feature")]
GOOD += [dict(variational=False, max_epochs=5), BITS, BITS | dict(denoising=0.7)]
GOOD += [BITS | dict(architecture="conv", image_shape=(8, 8))]
SLOW = [dict(scale=0.2), BITS | dict(kl_weight=0.01), dict(center=False)]
GOOD += [pytest.param(params, marks=pytest.mark.slow) for params in SLOW]


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("params", GOOD, ids=str)
def test_a_good_fit_does_not_warn(params):
    X = load_digits().data[:600] / 16
    VAETransformer(**{"max_epochs": 20, "random_state": 0, **params}).fit(X)


def test_a_scale_that_hides_the_rows_is_told():
    X = low_rank(100) / 100
    with pytest.warns(ConvergenceWarning, match="no latent unit.*scale='shared'"):
        make(scale=1.0, max_epochs=30).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make(max_epochs=30).fit(X).health_["active_units"] == 2


# --- images ----------------------------------------------------------------------


CONV = dict(architecture="conv", channels=(3, 4), hidden_layer_sizes=(5,))


@pytest.mark.parametrize("image_shape", [(7, 6), (1, 5, 9), (2, 4, 4), (3, 1, 8)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_convolutions_map_images_of_any_size_to_codes_and_back(
    image_shape, batch_norm, rng
):
    X = rng.normal(size=(30, int(np.prod(image_shape))))
    model = make(**CONV, image_shape=image_shape, batch_norm=batch_norm).fit(X)
    codes = model.transform(X)
    assert codes.shape == (30, 2) and np.isfinite(model.score(X))
    assert model.inverse_transform(codes).shape == X.shape
    np.testing.assert_allclose(model.transform(X[3:4]), codes[3:4], rtol=1e-9)


def test_biases_that_batch_norm_undoes_are_not_trained(rng):
    """Rounding alone would move them, and their effect on running means with them."""
    params = dict(image_shape=(4, 6), channels=(3, 2), batch_norm=True)
    model = make(architecture="conv", **params).fit(rng.normal(size=(30, 24)))
    module = model.net_.module_
    encoder, decoder = module.encoder.body, module.decoder.body
    hidden = [*encoder.convolutions, *encoder.dense.layers]
    hidden += [*decoder.dense.layers, *decoder.convolutions[:-1]]
    assert len(hidden) == 6 and not any(layer.bias.any() for layer in hidden)
    assert decoder.convolutions[-1].bias.any()


def test_convolution_is_a_correlation_of_the_image_at_every_other_place(rng):
    X = rng.normal(size=(4, 42))
    params = dict(CONV, channels=(1,), center=False, scale=1.0)
    model = make(**params, image_shape=(7, 6)).fit(X)
    layer = model.net_.module_.double().encoder.body.convolutions[0]
    kernel, bias = layer.weight[0, 0].detach().numpy(), layer.bias.item()
    for row in X:
        image = np.pad(row.reshape(7, 6), 1)
        expected = signal.correlate2d(image, kernel, mode="valid")[::2, ::2] + bias
        made = layer(torch.from_numpy(row).reshape(1, 1, 7, 6))[0, 0]
        np.testing.assert_allclose(made.detach(), expected, atol=1e-12)


def test_convolutions_find_where_a_spot_is():
    """Codes of a spot that moves on a line tell its place, and decode to it."""
    n, n_samples = 12, 300
    place = np.random.default_rng(0).uniform(2, n - 3, size=n_samples)
    squares = (np.arange(n)[None] - place[:, None]) ** 2
    X = np.repeat(np.exp(-0.5 * squares)[:, None], n, axis=1).reshape(n_samples, -1)
    params = dict(architecture="conv", channels=(4, 8), hidden_layer_sizes=(16,))
    model = make(**params, image_shape=(n, n), n_components=1, max_epochs=20).fit(X)
    rank = stats.spearmanr(model.transform(X).ravel(), place).statistic
    assert abs(rank) > 0.98
    assert ((model.reconstruct(X) - X) ** 2).mean() < 0.1 * X.var()


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("image_shape", [(4, 4), (2, 2, 2), (6,), (1, 1, 2, 3)])
def test_an_image_of_another_size_is_an_error(image_shape, architecture, rng):
    model = make(architecture=architecture, image_shape=image_shape)
    with pytest.raises(
        ValueError, match=r"'image_shape'.*\(channels, height, width\).* 6 features"
    ):
        model.fit(rng.normal(size=(30, 6)))


def test_blocks_of_inference_know_the_widest_feature_map(rng):
    X = rng.normal(size=(30, 64))
    model = make(architecture="conv", image_shape=(8, 8), channels=(20, 5)).fit(X)
    assert model._inference().width == 20 * 4 * 4


# --- modules of the user's -------------------------------------------------------


def own_encoder(n_features, width=5):
    return torch.nn.Sequential(
        torch.nn.Linear(n_features, width), torch.nn.Tanh(), torch.nn.Dropout(0.2)
    )


class OwnDecoder(torch.nn.Module):
    def __init__(self, n_components, n_features):
        super().__init__()
        self.layer = torch.nn.Linear(n_components, n_features)

    def forward(self, z):
        return self.layer(torch.sin(z))


OWN = dict(encoder=own_encoder, decoder=OwnDecoder)


def test_own_modules_are_used(rng):
    X = rng.normal(size=(30, 6))
    model = make(**OWN, likelihood="gaussian", scale=1.0).fit(X)
    w = {k: v.double().numpy() for k, v in model.net_.module_.state_dict().items()}
    inner = (X - X.mean(axis=0)) @ w["encoder.body.module.0.weight"].T
    inner = np.tanh(inner + w["encoder.body.module.0.bias"])
    codes = inner @ w["encoder.mean.weight"] + w["encoder.mean.bias"]
    np.testing.assert_allclose(model.transform(X), codes, rtol=1e-5, atol=1e-7)
    means = np.sin(codes) @ w["decoder.body.module.layer.weight"].T
    means += w["decoder.body.module.layer.bias"] + X.mean(axis=0)
    np.testing.assert_allclose(model.reconstruct(X), means, rtol=1e-5, atol=1e-6)


def test_own_modules_leave_the_global_generator_alone_and_repeat(rng):
    """Also beside others in threads."""
    X, results = rng.normal(size=(60, 6)), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        results.append(make(**OWN).fit_transform(X))
        assert torch.equal(torch.get_rng_state(), state)
    with ThreadPoolExecutor(4) as pool:
        results += pool.map(lambda _: make(**OWN).fit_transform(X), range(4))
    for codes in results[1:]:
        np.testing.assert_array_equal(codes, results[0])
    assert not np.array_equal(results[0], make(**OWN, random_state=1).fit_transform(X))


def test_own_modules_survive_clone_pickle_and_search(rng):
    X = rng.normal(size=(60, 6))
    model = make(**OWN, max_epochs=4).fit(X)
    np.testing.assert_array_equal(clone(model).fit_transform(X), model.transform(X))
    half = make(**OWN, max_epochs=4).partial_fit(X).partial_fit(X)
    for rest in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), half):
        rest.partial_fit(X).partial_fit(X)
        np.testing.assert_array_equal(rest.transform(X), model.transform(X))
    encoders = [None, *(partial(own_encoder, width=width) for width in (3, 7))]
    grid = {"encoder": encoders, "n_components": [1, 2]}
    search = GridSearchCV(make(**OWN, max_epochs=1), grid, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "params, error, message",
    [
        (dict(encoder=lambda n: "no module"), TypeError, "torch.nn.Module.*str"),
        (dict(encoder=lambda n: torch.nn.Flatten(0)), ValueError, "rows to rows"),
        (
            dict(decoder=lambda k, n: torch.nn.Linear(k, 7)),
            ValueError,
            "6 features, but maps them to 7",
        ),
        (dict(encoder=torch.nn.Linear(6, 3)), TypeError, "not a module itself"),
        (dict(architecture="conv"), ValueError, "'image_shape'.* None instead"),
        (
            CONV | dict(image_shape=(2, 3), channels=()),
            ValueError,
            "one number or more",
        ),
        (dict(variational=False, n_importance=2), ValueError, "'n_imp.* must be 1"),
    ],
)
def test_networks_that_cannot_be_are_errors(params, error, message, rng):
    with pytest.raises(error, match=message):
        make(**params).fit(rng.normal(size=(30, 6)))


# --- rows out of codes -----------------------------------------------------------


def test_reconstruction_decodes_the_posterior_mean_or_a_draw(linear):
    X = low_rank()
    mean, std = linear.posterior(X)
    np.testing.assert_array_equal(
        linear.reconstruct(X), linear.inverse_transform(linear.transform(X))
    )
    draws = [linear.reconstruct(X, sample=True, random_state=s) for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    # Through a linear decoder, the variance over draws is W' diag(std^2) W.
    difference = (draws[0] - draws[2]) / np.sqrt(2)
    expected = (std**2).mean(axis=0) @ linear.components_**2
    np.testing.assert_allclose((difference**2).mean(axis=0), expected, rtol=0.35)


def test_interpolation_goes_straight_from_code_to_code(linear):
    X = low_rank()
    path = linear.interpolate(X[0], X[1:2], n_steps=5)
    np.testing.assert_allclose(path[[0, -1]], linear.reconstruct(X[:2]), rtol=1e-9)
    np.testing.assert_allclose(np.diff(path, n=2, axis=0), 0, atol=1e-12)
    middle = linear.inverse_transform(linear.transform(X[:2]).mean(axis=0)[None])
    np.testing.assert_allclose(path[2:3], middle, rtol=1e-9)


def test_interpolation_takes_two_single_rows(linear):
    X = low_rank()
    for rows in (X[:2], X[None, :1], X[0, :5]):
        with pytest.raises(ValueError, match="single rows|8 features"):
            linear.interpolate(rows, X[0])
    expected = linear.interpolate(X[:1], X[1:2])
    for rows in (X, sparse.csr_array(X), pd.DataFrame(X).iloc):
        np.testing.assert_array_equal(linear.interpolate(rows[0], rows[1]), expected)
    frame = pd.DataFrame(X).rename(columns=str)
    path = make().fit(frame).interpolate(frame.iloc[[0]], frame.iloc[1])
    assert path.shape == (10, 8)


def test_samples_follow_the_prior_or_the_codes_of_the_data():
    """A heavy KL weight aside, beta = 0 leaves codes far from the prior."""
    X = low_rank()
    model = make(kl_weight=0.0, hidden_layer_sizes=(), max_epochs=20, lr=0.03).fit(X)
    rows = model.sample(4000, random_state=0, from_="posterior", mean=True)
    origin = model.inverse_transform(np.zeros((1, 2)))
    codes = (rows - origin) @ np.linalg.pinv(model.components_)
    covariance = model.latent_covariance_
    variance = np.diag(covariance)
    # Within 4 standard errors of the moments of normal draws.
    error = np.sqrt(variance / 4000)
    assert (abs(codes.mean(axis=0) - model.latent_mean_) < 4 * error).all()
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / 4000)
    assert (abs(np.cov(codes.T) - covariance) < 4 * error).all()
    mean, std = model.posterior(X)
    expected = np.cov(mean.T, bias=True) + np.diag((std**2).mean(axis=0))
    np.testing.assert_allclose(model.latent_covariance_, expected, rtol=1e-9)

    prior = model.sample(4000, random_state=0, mean=True)
    assert not np.allclose(np.cov(prior.T), np.cov(rows.T), rtol=0.2)
    one = make(n_components=1).fit(X)
    assert one.latent_covariance_.shape == (1, 1)
    assert one.sample(2, 0, from_="posterior").shape == (2, 8)


# --- components ------------------------------------------------------------------


def test_components_are_those_of_a_linear_decoder(linear):
    steps = linear.inverse_transform(np.vstack([np.zeros(2), np.eye(2)]))
    np.testing.assert_allclose(linear.components_, steps[1:] - steps[0], rtol=1e-5)
    linear.components_[:] = 0  # a copy
    assert linear.components_.any()


@pytest.mark.parametrize("params", [dict(), dict(CONV, image_shape=(2, 3)), OWN])
def test_other_decoders_have_no_components(params, rng):
    model = make(**params)
    assert not hasattr(model, "components_")  # not fitted
    model.fit(rng.normal(size=(30, 6)))
    with pytest.raises(AttributeError, match="its decoder is not linear.*hidden_lay"):
        _ = model.components_


# --- with the rest of scikit-learn -----------------------------------------------


def test_pipelines_search_and_data_frames():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    params = dict(n_components=8, lr=0.02, max_epochs=20)
    steps = [MinMaxScaler(), make(**params, likelihood="bernoulli")]
    clusters = make_pipeline(*steps, KMeans(10, n_init=3, random_state=0))
    assert adjusted_rand_score(y, clusters.fit_predict(X)) > 0.3
    classifier = make_pipeline(StandardScaler(), make(**params), LogisticRegression())
    assert classifier.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.7


OPTIONS = [{}, {"early_stopping": True}, {"kl_weight": 0.5}, {"dropout": 0.2}]


@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_training_by_several_draws(params, rng):
    X = (rng.random((60, 6)) < 0.4).astype(float)
    X[::7, 2] = np.nan
    given = {"covariates": np.arange(60) % 2, "embeddings": X[:, :1]}
    params = {"likelihood": "bernoulli", "n_importance": 4, **params}
    models = [make(**params).fit(X, **given) for _ in range(2)]
    codes = [model.transform(X, **given) for model in models]
    np.testing.assert_array_equal(*codes)
    single = make(**{**params, "n_importance": 1}).fit(X, **given)
    assert not np.allclose(single.transform(X, **given), codes[0])
    again = through_file(models[0]).partial_fit(X, **given)
    expected = models[0].partial_fit(X, **given).transform(X, **given)
    np.testing.assert_array_equal(again.transform(X, **given), expected)


def test_several_draws_narrow_the_gap_of_a_poor_encoder():
    """Codes whose posterior has two modes, which no normal distribution has."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 1))
    X = np.hstack([z**2, np.abs(z)]) + 0.1 * rng.normal(size=(300, 2))
    params = dict(n_components=1, hidden_layer_sizes=(20,), random_state=0)
    exact = dict(bound="importance", n_draws=128)
    one, ten = (
        VAETransformer(n_importance=n, **params).fit(X).score_samples(X, **exact).mean()
        for n in (1, 10)
    )
    assert ten > one


@pytest.mark.parametrize(
    "n_samples, passes, batch",
    [
        (100, 50, 64),
        pytest.param(8192, 35, 128, marks=pytest.mark.slow),
        (16_384, 25, 256),
    ],
)
def test_many_rows_have_fewer_passes_in_larger_batches(n_samples, passes, batch):
    X = np.random.default_rng(0).normal(size=(n_samples, 1))
    model = VAETransformer(1, hidden_layer_sizes=(), random_state=0).fit(X)
    assert (model.n_iter_, model.net_.batch_size) == (passes, batch)
    assert model.max_epochs == model.batch_size == "auto"
    model.partial_fit(X)
    assert model.n_iter_ == passes + 1
    given = clone(model).set_params(max_epochs=2, batch_size=50).fit(X[:100])
    assert (given.n_iter_, given.net_.batch_size) == (2, 50)
    again = through_file(model)
    assert again.max_epochs == again.batch_size == "auto"
