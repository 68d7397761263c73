"""The contract of all models: inference, determinism, persistence, state."""

import copy
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers import MODELS, digest, through_file, through_joblib
from scipy import sparse
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm
from sklearn.base import clone
from skorch.callbacks import Callback

from skvae import (
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.models.inference import own_noise

each_model = pytest.mark.parametrize("cls", MODELS)


def make(cls, **params):
    small = dict(
        n_components=3,
        hidden_layer_sizes=(7,),
        activation="tanh",
        lr=0.01,
        max_epochs=3,
        batch_size=25,
        device="cpu",
        random_state=0,
    )
    return cls(**{**small, **params})


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).poisson(1.0, (40, 12)).astype(float)


@pytest.fixture(scope="module")
def fitted(X):
    """One fitted model a class, not to be changed."""
    return {cls: make(cls).fit(X) for cls in MODELS}


def weights(model):
    return {key: w.numpy() for key, w in model.net_.module_.state_dict().items()}


# --- inference, against an independent forward pass -----------------------------


class Reference:
    """A fitted model in numpy, double precision, from its weights alone."""

    def __init__(self, model):
        self.model = model
        self.module = copy.deepcopy(model.net_.module_).double().eval()
        self.w = {key: w.astype(float) for key, w in weights(model).items()}

    def dense(self, name, x):
        return x @ self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def hidden(self, name, x):
        """The first hidden layer, with batch norm where there is one."""
        x = self.dense(f"{name}.layers.0", x)
        norm = f"{name}.norms.0"
        if f"{norm}.scale" in self.w:
            x = x - self.w[f"{norm}.running_mean"]
            x /= np.sqrt(self.w[f"{norm}.running_var"] + 1e-5)
            x = x * self.w[f"{norm}.scale"] + self.w[f"{norm}.offset"]
        return np.tanh(x)

    def hidden_and_seen(self, name, x):
        """What heads of a linear path see besides: the input, by its width."""
        hidden = self.hidden(name, x)
        if isinstance(self.model, VAETransformer):
            hidden = np.concatenate([hidden, x / x.shape[-1]], axis=-1)
        return hidden

    def encode(self, X):
        if self.module.encoder.preprocess is not None:  # tested by itself
            X = self.module.encoder.preprocess(torch.from_numpy(X)).numpy()
        hidden = self.hidden_and_seen("encoder.body", X)
        mean = self.dense("encoder.mean", hidden)
        if "encoder.standardise.running_mean" in self.w:
            mean -= self.w["encoder.standardise.running_mean"]
            mean /= np.sqrt(
                self.w["encoder.standardise.running_var"]
                + self.module.encoder.standardise.eps
            )
        log_variance = self.dense("encoder.log_variance", hidden)
        return mean, np.exp(0.5 * np.clip(log_variance, -10, 10))

    def link(self, z):
        if isinstance(self.model, GSMTopicModel):
            return softmax(self.dense("link.linear", z), axis=-1)
        if isinstance(self.model, ProdLDATopicModel):
            return softmax(self.w["link.sharpness"] * z, axis=-1)
        return z

    def decode(self, codes):
        """Log-probabilities of words, or means."""
        if isinstance(self.model, NVDMTopicModel):
            return log_softmax(self.dense("decoder.output", codes), axis=-1)
        if isinstance(self.model, GSMTopicModel):
            topics = self.w["decoder.topic_embeddings"]
            logits = topics @ self.w["decoder.word_embeddings"].T
            logits += self.w["decoder.background"]
            return np.log(codes @ softmax(logits, axis=1))
        if isinstance(self.model, ProdLDATopicModel):
            logits = codes @ self.w["decoder.topics"]
            logits -= self.w["decoder.standardise.running_mean"]
            logits /= np.sqrt(self.w["decoder.standardise.running_var"] + 1e-5)
            if len(self.w["decoder.topics"]) == 1:  # alike for all documents
                logits = 0 * logits
            logits *= self.w["decoder.standardise.scale"]
            return log_softmax(logits + self.w["decoder.standardise.offset"], axis=-1)
        hidden = self.hidden_and_seen("decoder.body", codes)
        output = self.dense("decoder.body.output", hidden)
        return self.w["decoder.output.unit"] * output

    def log_likelihood(self, X, z):
        """log p(x | z); z has shape (..., n_samples, n_components)."""
        out = self.decode(self.link(z))
        if isinstance(self.model, VAETransformer):
            scale = self.w["decoder.output.unit"] * np.exp(
                self.w["decoder.output.log_scale"]
            )
            return norm.logpdf(X, out, scale).sum(-1)
        return (X * out).sum(-1)

    def prior(self):
        return self.w["prior.mean"], np.exp(self.w["prior.log_std"])

    def bound_of_draws(self, X, n_draws, rng):
        """One-draw estimates of the ELBO, with log q - log p for the KL term."""
        mean, std = self.encode(X)
        z = mean + std * rng.standard_normal((n_draws, *mean.shape))
        log_q = norm.logpdf(z, mean, std).sum(-1)
        log_p = norm.logpdf(z, *self.prior()).sum(-1)
        return self.log_likelihood(X, z) + log_p - log_q


@each_model
def test_transform_posterior_and_inverse_agree_with_numpy(cls, X, fitted):
    model, reference = fitted[cls], Reference(fitted[cls])
    mean, std = reference.encode(X)
    codes = reference.link(mean)
    close = dict(rtol=1e-10, atol=1e-12)
    # Sums over words are taken in single precision.
    sums = close if cls is VAETransformer else dict(rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.transform(X), codes, **sums)
    for ours, theirs in zip(model.posterior(X), (mean, std), strict=True):
        np.testing.assert_allclose(ours, theirs, **sums)
    decoded = reference.decode(codes)
    if cls is not VAETransformer:
        decoded = np.exp(decoded)
    np.testing.assert_allclose(model.inverse_transform(codes), decoded, **close)


@each_model
def test_score_samples_is_the_bound_of_many_random_draws(cls, X, fitted):
    draws = Reference(fitted[cls]).bound_of_draws(X, 4000, np.random.default_rng(0))
    bounds = fitted[cls].score_samples(X)
    # 32 quasi-random draws are at least as good as 32 random ones.
    error = np.sqrt(draws.var(axis=0) * (1 / 4000 + 1 / 32))
    assert (np.abs(bounds - draws.mean(axis=0)) < 4 * error + 1e-9).all()


@each_model
def test_bound_falls_short_of_the_evidence_by_the_divergence(cls, X):
    """One component: log p(x) and KL(q || p(z | x)) by quadrature over z."""
    model = make(cls, n_components=1, max_epochs=10).fit(X)
    reference = Reference(model)
    mean, std = reference.encode(X)
    z = np.linspace(-15, 15, 6001)[:, None, None]
    log_dz = np.log(z[1, 0, 0] - z[0, 0, 0])
    log_prior = norm.logpdf(z, *reference.prior())[..., 0]
    log_joint = log_prior + reference.log_likelihood(X, z)
    evidence = logsumexp(log_joint + log_dz, axis=0)
    log_q = norm.logpdf(z, mean, std)[..., 0]
    log_posterior = log_joint - evidence
    divergence = (np.exp(log_q + log_dz) * (log_q - log_posterior)).sum(axis=0)
    bounds = model.score_samples(X)
    # 32 Sobol draws in one dimension; measured, they are off by less than 0.01.
    assert (bounds <= evidence + 0.02).all()
    np.testing.assert_allclose(evidence - bounds, divergence, atol=0.02)


@each_model
def test_importance_weighted_bound_tends_to_the_evidence(cls, X):
    """One component: log p(x), and the limit of the sample size, by quadrature."""
    model = make(cls, n_components=1, max_epochs=10).fit(X)
    reference = Reference(model)
    mean, std = reference.encode(X)
    z = mean + std * np.linspace(-12, 12, 6001)[:, None, None]
    log_q = norm.logpdf(z, mean, std)[..., 0]
    log_dz = np.log(z[1] - z[0])[:, 0]
    log_prior = norm.logpdf(z, *reference.prior())[..., 0]
    log_w = log_prior + reference.log_likelihood(X, z) - log_q
    evidence = logsumexp(log_w + log_q + log_dz, axis=0)
    second_moment = logsumexp(2 * log_w + log_q + log_dz, axis=0)

    bounds = [model.score_samples(X)] + [
        model.score_samples(X, bound="importance", n_draws=n) for n in (2**8, 2**12)
    ]
    # Rows of heavy-tailed weights are off by up to 0.03, measured; most by 0.001.
    np.testing.assert_allclose(bounds[-1], evidence, atol=0.05)
    assert np.median(np.abs(bounds[-1] - evidence)) < 0.002
    assert bounds[0].mean() < bounds[1].mean()
    share = model.effective_sample_size(X, n_draws=2**12) / 2**12
    limit = np.exp(2 * evidence - second_moment)
    light = limit > 0.7  # of heavy tails even 4096 draws are a small sample
    assert light.sum() > 10
    np.testing.assert_allclose(share[light], limit[light], atol=0.02)


@each_model
def test_one_draw_weighs_in_for_one(cls, X, fitted):
    np.testing.assert_allclose(fitted[cls].effective_sample_size(X, n_draws=1), 1)


def means(n_rows, n_components):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(n_rows, n_components)))


@pytest.mark.parametrize("n_draws", [9, 32, 100])
def test_draws_of_the_bound_have_the_moments_of_the_normal_distribution(n_draws):
    noise = own_noise(means(5, 3), n_draws).numpy()
    assert noise.shape == (n_draws, 5, 3)
    for row in noise.swapaxes(0, 1):
        np.testing.assert_allclose(row.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.cov(row.T, bias=True), np.eye(3), atol=1e-12)


def test_draws_of_a_row_are_its_own():
    """Whatever the other rows; and their errors average out over many rows."""
    mean = means(2000, 10)
    noise = own_noise(mean, 16)
    assert torch.equal(own_noise(mean[7:8], 16)[:, 0], noise[:, 7])
    # As normal draws in each dimension.
    np.testing.assert_allclose(noise.mean((0, 1)), 0, atol=0.01)
    np.testing.assert_allclose(noise.square().mean((0, 1)), 1, atol=0.05)
    # E exp(u . noise / 2) is exp(1 / 8) for any direction u.
    u = np.random.default_rng(1).normal(size=10)
    values = np.exp(noise.numpy() @ u / np.linalg.norm(u) / 2)
    errors = values.mean(axis=0) - np.exp(1 / 8)
    assert errors.std() > 0.02
    assert abs(errors.mean()) < 4 * errors.std() / len(errors) ** 0.5


def test_draws_of_more_components_than_sobol_points_have():
    n_components = 2**15
    model = NVDMTopicModel(
        n_components, hidden_layer_sizes=1, max_epochs=1, random_state=0
    ).fit([[1, 0], [0, 2], [3, 3]])
    assert np.isfinite(model.perplexity([[1, 2]]))
    noise = own_noise(means(3, n_components), 16)
    assert torch.equal(own_noise(means(3, n_components), 16), noise)
    np.testing.assert_allclose(noise.mean((0, 2)), 0, atol=0.01)
    np.testing.assert_allclose(noise.square().mean((0, 2)), 1, atol=0.05)


def test_draws_change_little_where_a_mean_does():
    """Also those at the end of the line: no row depends on how its sums round."""
    mean = means(2000, 10)
    change = (own_noise(mean + 1e-5, 16) - own_noise(mean, 16)).abs()
    assert 0 < change.median() < 1e-3
    assert change.max() < 3  # at the ends of the tails; a leap is from one to the other


@each_model
def test_one_number_is_one_hidden_layer(cls, X, fitted):
    """As to scikit-learn's MLPClassifier."""
    one, layer = (make(cls, hidden_layer_sizes=sizes).fit(X) for sizes in (6, (6,)))
    assert digest(one) == digest(layer)
    assert clone(one).hidden_layer_sizes == 6


@each_model
def test_number_of_draws_may_be_any_integer(cls, X, fitted):
    ours = fitted[cls].score_samples(X, n_draws=np.int64(20))
    np.testing.assert_array_equal(ours, fitted[cls].score_samples(X, n_draws=20))


@each_model
def test_bounds_refuse_other_names_and_numbers(cls, X, fitted):
    with pytest.raises(ValueError, match="bound='iwae'.*'elbo' or 'importance'"):
        fitted[cls].score_samples(X, bound="iwae")
    for score in (fitted[cls].score_samples, fitted[cls].effective_sample_size):
        with pytest.raises(ValueError, match="n_draws == 0"):
            score(X, n_draws=0)
        with pytest.raises(TypeError, match="n_draws"):
            score(X, n_draws=1.5)


@each_model
def test_score_does_not_reward_ignoring_the_kl_term(cls, X, fitted):
    """Mean of the posterior, decoded, is no bound: the ELBO lies below it."""
    reference = Reference(fitted[cls])
    mean, _ = reference.encode(X)
    plug_in = reference.log_likelihood(X, mean)
    assert (fitted[cls].score_samples(X) < plug_in).all()


@each_model
def test_results_of_a_row_do_not_depend_on_the_other_rows(cls, X, fitted, rng):
    model, order = fitted[cls], rng.permutation(len(X))
    for method in (model.transform, model.score_samples):
        all_rows = method(X)
        close = dict(rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(method(X[order]), all_rows[order], **close)
        stacked = method(np.vstack([X, X]))
        np.testing.assert_allclose(stacked, np.concatenate([all_rows] * 2), **close)
        split = np.concatenate([method(X[:1]), method(X[1:15]), method(X[15:])])
        np.testing.assert_allclose(split, all_rows, **close)


@each_model
def test_score_is_invariant_to_order_and_stacking(cls, X, fitted, rng):
    score = fitted[cls].score(X)
    assert fitted[cls].score(rng.permutation(X)) == pytest.approx(score, abs=1e-12)
    assert fitted[cls].score(np.vstack([X] * 5)) == pytest.approx(score, abs=1e-12)


@each_model
def test_many_rows_pass_in_blocks(cls, fitted, X):
    """More rows than a block of inference holds."""
    many = np.tile(X, (60, 1))
    np.testing.assert_allclose(
        fitted[cls].transform(many), np.tile(fitted[cls].transform(X), (60, 1))
    )


# --- determinism ----------------------------------------------------------------


@each_model
def test_one_seed_gives_one_set_of_weights(cls, X, fitted):
    model = make(cls).fit(X)
    torch.manual_seed(1)  # neither global generator matters
    np.random.seed(1)
    assert digest(model) == digest(fitted[cls])
    assert digest(model.fit(X)) == digest(fitted[cls])
    assert digest(clone(model).fit(X)) == digest(fitted[cls])
    assert digest(make(cls, random_state=1).fit(X)) != digest(fitted[cls])


@each_model
def test_random_state_instance_advances(cls, X):
    first, second = (np.random.RandomState(3) for _ in range(2))
    a = make(cls, random_state=first)
    assert digest(a.fit(X)) == digest(make(cls, random_state=second).fit(X))
    assert digest(clone(a).fit(X)) != digest(make(cls, random_state=0).fit(X))
    before = digest(a)
    assert digest(a.fit(X)) != before


@each_model
def test_threads_do_not_disturb_each_other(cls, X, fitted):
    jobs = [joblib.delayed(make(cls).fit)(X) for _ in range(4)]
    models = joblib.Parallel(n_jobs=4, backend="threading")(jobs)
    assert {digest(model) for model in models} == {digest(fitted[cls])}


class Stop(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise InterruptedError


@each_model
def test_global_generators_are_left_alone(cls, X, fitted):
    model = make(cls, early_stopping=True, dropout=0.2)
    calls = {
        "fit": lambda: model.fit(X),
        "partial_fit": lambda: model.partial_fit(X),
        "transform": lambda: model.transform(X),
        "score": lambda: model.score(X),
        "sample": lambda: model.sample(3, random_state=0),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "save and load": lambda: through_file(model),
        "exception": lambda: make(cls, callbacks=[Stop()]).fit(X),
    }
    for name, call in calls.items():
        before_torch, before_numpy = torch.get_rng_state(), np.random.get_state()
        if name == "exception":
            with pytest.raises(InterruptedError):
                call()
        else:
            call()
        assert torch.equal(torch.get_rng_state(), before_torch), name
        for now, then in zip(np.random.get_state(), before_numpy, strict=True):
            assert np.array_equal(now, then), name


# --- going on -------------------------------------------------------------------


def assert_same_model(a, b, X):
    assert digest(a) == digest(b)
    assert a.n_iter_ == b.n_iter_
    pd.testing.assert_frame_equal(a.history_, b.history_)
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))


@each_model
def test_partial_fit_max_epochs_times_is_fit(cls, X):
    params = dict(dropout=0.2, kl_warmup=0.5)
    whole, parts = make(cls, **params).fit(X), make(cls, **params)
    for _ in range(parts.max_epochs):
        assert parts.partial_fit(X) is parts
    assert_same_model(whole, parts, X)


@each_model
def test_warm_start_goes_on_and_fit_starts_anew(cls, X, fitted):
    model = make(cls, warm_start=True).fit(X)
    assert digest(model) == digest(fitted[cls])
    model.fit(X)
    assert model.n_iter_ == len(model.history_) == 6
    assert digest(model) != digest(fitted[cls])
    pd.testing.assert_frame_equal(model.history_[:3], fitted[cls].history_)
    model.set_params(warm_start=False).fit(X)
    assert_same_model(model, fitted[cls], X)


@pytest.mark.parametrize(
    "change",
    [dict(n_components=4), dict(hidden_layer_sizes=(7, 7)), dict(activation="relu")],
)
@each_model
def test_warm_start_refuses_another_architecture(cls, change, X):
    model = make(cls, warm_start=True).fit(X)
    before, codes = dict(vars(model)), model.transform(X)
    model.set_params(**change)
    (name,) = change
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"{name}.*changed"):
            go_on(X)
    np.testing.assert_array_equal(model.transform(X), codes)
    assert vars(model) == {**before, **change}


@each_model
def test_training_goes_on_with_changed_learning_rate(cls, X):
    model = make(cls, warm_start=True).fit(X)
    before = weights(model)
    after = weights(model.set_params(lr=1e-12).fit(X))
    for key in before:
        if "running" not in key and "tracked" not in key:
            np.testing.assert_allclose(after[key], before[key], atol=1e-6)


# --- persistence ----------------------------------------------------------------


ROUND_TRIPS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "old pickle protocol": lambda model: pickle.loads(pickle.dumps(model, 2)),
    "joblib": through_joblib,
    "file": through_file,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("trip", ROUND_TRIPS)
@each_model
def test_training_goes_on_as_if_never_saved(cls, trip, X):
    model = make(cls, warm_start=True, dropout=0.2).partial_fit(X)
    loaded = ROUND_TRIPS[trip](model)
    assert_same_model(loaded, model, X)
    before = digest(loaded)
    for go_on in ("partial_fit", "fit"):
        getattr(model, go_on)(X)
        assert digest(loaded) == before  # nothing is shared
        getattr(loaded, go_on)(X)
        assert_same_model(loaded, model, X)
        before = digest(loaded)


@pytest.mark.parametrize("trip", ROUND_TRIPS)
def test_training_of_convolutions_goes_on_as_if_never_saved(trip, rng):
    """Their weights lie in memory in an order of their own."""
    X = rng.random((40, 16))
    model = make(
        VAETransformer, architecture="conv", image_shape=(4, 4), channels=(3, 2)
    ).partial_fit(X)
    loaded = ROUND_TRIPS[trip](model)
    assert_same_model(loaded.partial_fit(X), model.partial_fit(X), X)


@each_model
def test_pickle_holds_no_torch_or_skorch_object(cls, X):
    """Their unpickling can run code; arrays and plain values cannot."""
    found = set()

    class Recorder(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(module.split(".")[0])
            return super().find_class(module, name)

    model = make(cls, early_stopping=True).fit(X)
    Recorder(io.BytesIO(pickle.dumps(model))).load()
    assert "skvae" in found and not found & {"torch", "skorch"}


@each_model
def test_pickle_holds_no_training_data(cls, X):
    """It grows with the model, not with the rows."""
    few, many = make(cls), make(cls, batch_size=4000)
    few.fit(X[:20])
    many.fit(np.tile(X, (100, 1)))
    sizes = [len(pickle.dumps(model)) for model in (few, many)]
    assert abs(sizes[1] - sizes[0]) < 500


@each_model
def test_unfitted_models_pickle_and_clone(cls, X, fitted):
    for trip in [*ROUND_TRIPS.values(), clone]:
        if trip is through_file:  # which takes fitted ones only
            continue
        assert digest(trip(make(cls)).fit(X)) == digest(fitted[cls])


# --- nothing else changes -------------------------------------------------------


def with_duplicates_and_zeros(X):
    """CSR that stores some entries in two parts, unsorted, and zeros."""
    parts = sparse.coo_array(X)
    row = np.r_[parts.row, parts.row[::3], 0, 1]
    col = np.r_[parts.col, parts.col[::3], 0, 1]
    data = np.r_[parts.data, np.zeros(len(parts.data[::3]) + 2)]
    data[: len(parts.data) : 3] /= 2
    data[len(parts.data) : -2] = data[: len(parts.data) : 3]
    order = np.argsort(row, kind="stable")
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=len(X)))]
    return sparse.csr_matrix((data[order], col[order], indptr), shape=X.shape)


def arrays_of(X):
    return [X.data, X.indices, X.indptr] if sparse.issparse(X) else [X]


READ_ONLY_MODELS = {
    "NVDM": make(NVDMTopicModel),
    "GSM": make(GSMTopicModel),
    "VAE gaussian": make(VAETransformer),
    "VAE bernoulli": make(VAETransformer, likelihood="bernoulli"),
    "VAE multinomial": make(VAETransformer, likelihood="multinomial"),
}


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "container", [np.array, sparse.csr_array, with_duplicates_and_zeros]
)
@pytest.mark.parametrize("name", READ_ONLY_MODELS)
def test_input_is_not_changed(name, container, read_only, X):
    X = np.minimum(X, 1)  # also fit for Bernoulli
    given = container(X)
    copies = [array.copy() for array in arrays_of(given)]
    for array in arrays_of(given):
        array.flags.writeable = not read_only
    model = clone(READ_ONLY_MODELS[name]).fit(given)
    for method in ("partial_fit", "transform", "score", "score_samples"):
        getattr(model, method)(given)
    for now, then in zip(arrays_of(given), copies, strict=True):
        np.testing.assert_array_equal(now, then)
    assert digest(model) == digest(clone(model).fit(X).partial_fit(X))


@each_model
def test_reading_leaves_the_estimator_unchanged(cls, X, fitted):
    model = copy.deepcopy(fitted[cls])
    before, pickled = dict(vars(model)), pickle.dumps(model)
    codes = model.transform(X)
    model.inverse_transform(codes)
    model.posterior(X)
    model.score(X)
    model.sample(2, random_state=0)
    model.get_feature_names_out()
    assert vars(model).keys() == before.keys()
    assert pickle.dumps(model) == pickled


@each_model
def test_returned_arrays_are_the_callers(cls, X):
    """Writing to them changes no later result."""
    model = make(cls).fit(X)
    codes = model.transform(X)
    for array in (model.transform(X), *model.posterior(X), model.score_samples(X)):
        array[:] = -1
    for name in ("components_", "word_embeddings_", "topic_embeddings_"):
        if hasattr(model, name):
            getattr(model, name)[:] = -1
    np.testing.assert_array_equal(model.transform(X), codes)
    model.partial_fit(X)
    assert digest(model) == digest(make(cls, warm_start=True).fit(X).partial_fit(X))


# --- sampling, output, device ---------------------------------------------------


@each_model
def test_sample_repeats_with_its_seed_only(cls, fitted):
    def dense(*args, **kwargs):
        rows = fitted[cls].sample(*args, **kwargs)
        return rows.toarray() if sparse.issparse(rows) else rows

    assert dense().shape == (1, 12) and dense(7, random_state=0).shape == (7, 12)
    np.testing.assert_array_equal(dense(5, random_state=3), dense(5, random_state=3))
    assert not np.array_equal(dense(5, random_state=3), dense(5, random_state=4))


@each_model
def test_samples_have_the_mean_of_the_model(cls, fitted, rng):
    model = copy.deepcopy(fitted[cls])
    if cls is not VAETransformer:  # whose prior is not learnt
        with torch.no_grad():
            model.net_.module_.prior.mean.copy_(torch.tensor([1.0, -1.0, 2.0]))
            model.net_.module_.prior.log_std.fill_(-0.5)
    reference = Reference(model)
    rows = model.sample(4000, random_state=0)
    observed = np.asarray(rows.mean(axis=0)).ravel()
    spread = rows.toarray().std(0) if sparse.issparse(rows) else rows.std(axis=0)
    mean, std = reference.prior()
    decoded = reference.decode(reference.link(mean + std * rng.normal(size=(20000, 3))))
    if cls is VAETransformer:
        expected = decoded.mean(axis=0)
    else:
        expected = model.mean_length_ * np.exp(decoded).mean(axis=0)
    # 5 standard errors of the 4000 draws; those of the 20000 are smaller.
    assert (np.abs(observed - expected) < 5 * spread / np.sqrt(4000)).all()


@each_model
def test_output_as_a_data_frame_has_named_columns(cls, X, fitted):
    model = copy.deepcopy(fitted[cls]).set_output(transform="pandas")
    out = model.transform(X)
    assert isinstance(out, pd.DataFrame)
    name = "vaetransformer" if cls is VAETransformer else "topic "
    assert list(out.columns) == [f"{name}{k}" for k in range(3)]
    np.testing.assert_array_equal(out, fitted[cls].transform(X))


@each_model
def test_output_has_the_precision_of_the_input(cls, X, fitted):
    for dtype in (np.float32, np.float64):
        assert fitted[cls].transform(X.astype(dtype)).dtype == dtype
    assert fitted[cls].transform(X.astype(int)).dtype == np.float64


@each_model
def test_automatic_device_trains(cls, X):
    assert make(cls, device="auto").fit(X).n_iter_ == 3


# --- small and odd shapes -------------------------------------------------------


@each_model
@pytest.mark.parametrize(
    "changed", [dict(lr=-1), dict(lr="low"), dict(verbose=None), dict(callbacks=3)]
)
def test_parameters_for_the_next_fit_do_not_spoil_a_pickle(cls, changed, fitted, X):
    model = copy.deepcopy(fitted[cls]).set_params(**changed)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), fitted[cls].transform(X))


@each_model
def test_memory_of_scoring_is_bounded(cls, monkeypatch, X):
    """No tensor outgrows a block, however wide the hidden layer of a narrow table."""
    model = make(cls, hidden_layer_sizes=(64,), max_epochs=1).fit(X)
    sizes = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                sizes.append(result.numel())
            return result

    with Watch():
        model.score(np.vstack([X] * 10))
        assert max(sizes) > 4096  # in one large block
        sizes.clear()
        monkeypatch.setattr("skvae.models.inference.BLOCK_SIZE", 4096)
        model.score(np.vstack([X] * 10))
        assert max(sizes) <= 4096
