"""What holds of any rows and any parameters, tried on random ones.

The examples are the same in every run of the same code. Twenty times as many, others in
each run:

    HYPOTHESIS_PROFILE=thorough pytest tests/test_properties.py --timeout 0
"""

import os
import pickle
import re
import tempfile
from functools import cache, wraps

import numpy as np
import pytest
from helpers import MODELS, TOPIC_MODELS, assert_same_weights, through_file, weights
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse
from sklearn.base import clone

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer

# Where it notes the numbers that it reads in the source; else in the working directory.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "hypothesis")
)
settings.register_profile(
    "brief",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile(
    "thorough", settings.get_profile("brief"), derandomize=False, max_examples=200
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))

PROPORTIONS = [GSMTopicModel, ProdLDATopicModel]
LIKELIHOODS = ["gaussian", "bernoulli", "multinomial"]
each_model = pytest.mark.parametrize("cls", MODELS)
# Of properties whose examples take little time, since most of them are refused.
many = settings(max_examples=4 * settings().max_examples)


@pytest.fixture(autouse=True)
def examples_on_record(request, monkeypatch):
    """Say in the report of a test how many random examples it tried."""
    handle, n_tried = request.function.hypothesis, 0
    test = handle.inner_test

    @wraps(test)
    def counted(*args, **kwargs):
        nonlocal n_tried
        n_tried += 1
        # At once, as `record_property` would: the report precedes the fixture's end.
        request.node.user_properties[:] = [("random inputs", n_tried)]
        try:
            return test(*args, **kwargs)
        except ValueError as error:
            # As small parts of tokens may lead to, and few of them after an epoch; see
            # test_counts_that_are_next_to_nothing_have_no_perplexity.
            assume(not re.search("infinite (training )?perplexity", str(error)))
            raise

    monkeypatch.setattr(handle, "inner_test", counted)


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


# --- random rows and models -----------------------------------------------------


def or_zero(numbers):
    return st.just(0.0) | numbers


def counts(n_rows=(1, 9), n_features=(1, 6), largest=1000):
    """Tables of counts, not all zero; sizes are pairs of the least and the most."""
    shape = st.tuples(st.integers(*n_rows), st.integers(*n_features))
    few = st.integers(0, min(3, largest))
    elements = few | st.integers(0, largest)
    return arrays(np.int64, shape, elements=elements, fill=few).filter(np.any)


def tables(likelihood="counts", **sizes):
    """Tables as a likelihood takes them; of counts, some are fractional."""
    like = counts(**sizes)
    if likelihood in ("counts", "multinomial"):
        fractions = or_zero(st.floats(2**-10, 1000, width=32))
        return like | filled(like, fractions).filter(np.any)
    if likelihood == "bernoulli":
        return like.map(lambda X: np.minimum(X, 1)) | filled(like, st.floats(0, 1))
    return like | filled(like, st.floats(-1000, 1000))


def filled(like, elements):
    """Tables of the sizes of others, with other values."""
    return like.flatmap(lambda X: arrays(np.float64, X.shape, elements=elements))


@st.composite
def estimators(draw, cls, n_features=None, **fixed):
    """Unfitted models with any reasonable parameters, but for those that are given.

    With the number of features, also those that need to know it.
    """
    share, any_weight = or_zero(st.floats(0, 0.9)), or_zero(st.floats(0, 2))
    params = {
        "n_components": st.integers(1, 8),
        "hidden_layer_sizes": st.lists(st.integers(1, 4), max_size=2).map(tuple),
        "activation": st.sampled_from(["relu", "softplus", "tanh", "elu", "gelu"]),
        "dropout": share,
        "lr": st.floats(1e-4, 0.1),
        "max_epochs": st.integers(1, 3),
        "batch_size": st.integers(1, 12),
        "kl_warmup": st.floats(0, 1),
        "early_stopping": st.booleans(),
        "validation_fraction": st.floats(0.01, 0.5),
        "n_iter_no_change": st.integers(1, 2),
        "random_state": st.integers(0, 2**32 - 1),
        "device": st.just("cpu"),
    }
    if cls in (NVDMTopicModel, GSMTopicModel):
        additions = st.lists(st.sampled_from(cls._additions), unique=True)
        params["recipe"] = st.sampled_from(["skvae", "paper"]) | additions
    if cls in PROPORTIONS:
        params["init"] = st.sampled_from(["clusters", "random"])
    if cls is GSMTopicModel:
        constructions = ["softmax", "stick-breaking", "recurrent"]
        params |= {
            "topic_construction": st.sampled_from(constructions),
            "topic_separation": any_weight,
            "topic_coherence": any_weight,
            "topic_word_prior": any_weight,
            "seed_weight": or_zero(st.floats(0, 5)),
            "embedding_size": st.integers(1, 5),
            "train_word_embeddings": st.booleans(),
        }
    if cls is ProdLDATopicModel:
        params["concentration"] = st.floats(0.01, 100)
    if cls is VAETransformer:
        scale = st.floats(0.1, 10)
        params |= {
            "likelihood": st.sampled_from(LIKELIHOODS),
            "scale": st.sampled_from(["shared", "per-feature"]) | scale,
            "variational": st.booleans(),
            "kl_weight": or_zero(st.floats(0, 4)),
            "denoising": share,
            "corruption": st.sampled_from(["masking", "gaussian"]),
            "center": st.booleans(),
            "batch_norm": st.booleans(),
        }
        if n_features is not None:
            shapes = [(1, n_features), (n_features, 1, 1)]
            channels = st.lists(st.integers(1, 3), min_size=1, max_size=2)
            params |= {
                "scale": params["scale"] | st.tuples(*[scale] * n_features).map(list),
                "architecture": st.sampled_from(["dense", "conv"]),
                "image_shape": st.sampled_from(shapes),
                "channels": channels.map(tuple),
            }
    params = {name: draw(values) for name, values in params.items()}
    return cls(**params | fixed)


def likelihood_of(model):
    return getattr(model, "likelihood", "counts")


def trainable(model, X):
    """Whether there are counts to train on, whatever rows early stopping holds out."""
    if likelihood_of(model) != "counts":
        return True
    share = model.validation_fraction if model.early_stopping else 0
    held_out = np.ceil(share * len(X))
    return np.count_nonzero(X.any(axis=1)) > held_out


@st.composite
def cases(draw, cls, n_rows=(2, 9), **fixed):
    """A model, unfitted, and a table that it can be fitted to."""
    n_features = draw(st.integers(1, 6))
    model = draw(estimators(cls, n_features, **fixed))
    sizes = dict(n_rows=n_rows, n_features=(n_features, n_features))
    X = tables(likelihood_of(model), **sizes)
    return model, draw(X.filter(lambda X: trainable(model, X)))


def fitted_attributes(model):
    return {key for key in vars(model) if key.endswith("_")}


def assert_finite(model, X):
    """All that the model holds, and makes of X."""
    codes = model.transform(X)
    numbers = {
        **weights(model),
        "n_iter_": model.n_iter_,
        "history_": model.history_.to_numpy(),
        "kl_per_unit": model.health_["kl_per_unit"],
        "transform": codes,
        "posterior": model.posterior(X),
        "score_samples": model.score_samples(X),
        "inverse_transform": model.inverse_transform(codes),
    }
    for key in fitted_attributes(model) - {"net_", "history_", "health_"}:
        numbers[key] = getattr(model, key)
    if hasattr(model, "components_"):  # of VAETransformer a property
        numbers["components_"] = model.components_
    for name, number in numbers.items():
        assert np.isfinite(number).all(), name


# --- rows stand for themselves --------------------------------------------------


CLOSE = dict(rtol=1e-9, atol=1e-9)


@each_model
@given(data=st.data())
def test_results_follow_the_rows(cls, data):
    """Whatever their order, and the parts that they come in."""
    model, X = data.draw(cases(cls))
    model.fit(X)
    order = np.array(data.draw(st.permutations(range(len(X)))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(X) - 1))))

    def both(X):
        return np.hstack(model.posterior(X))

    for method in (model.transform, model.score_samples, both):
        all_rows = method(X)
        np.testing.assert_allclose(method(X[order]), all_rows[order], **CLOSE)
        parts = [method(part) for part in np.split(X, cuts)]
        np.testing.assert_allclose(np.concatenate(parts), all_rows, **CLOSE)


@each_model
@given(data=st.data())
def test_scores_add_up(cls, data):
    """Weighted by tokens, or of VAETransformer by rows; perplexity is at least one."""
    model, X = data.draw(cases(cls))
    model.fit(X)
    sizes = dict(n_features=(X.shape[1], X.shape[1]))
    parts = st.lists(tables(likelihood_of(model), **sizes), min_size=1, max_size=3)
    parts = [X, *data.draw(parts)]

    if cls is not VAETransformer:
        assert model.perplexity(X) == np.exp(-model.score(X)) >= 1

    def total(X):
        return model.score(X) * (len(X) if cls is VAETransformer else X.sum())

    expected = sum(total(part) for part in parts)
    assert total(np.vstack(parts)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


# --- probabilities --------------------------------------------------------------


def assert_probabilities(rows, rtol=1e-9):
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=rtol)


@pytest.mark.parametrize("cls", PROPORTIONS)
@given(data=st.data())
def test_proportions_and_topics_are_probabilities(cls, data):
    model, X = data.draw(cases(cls))
    model.fit(X)
    sizes = dict(n_features=(X.shape[1], X.shape[1]))
    assert_probabilities(model.transform(data.draw(tables(**sizes))))
    assert_probabilities(model.components_)


@pytest.mark.parametrize("cls", TOPIC_MODELS)
@given(data=st.data())
def test_any_codes_decode_to_probabilities(cls, data):
    model, X = data.draw(cases(cls))
    model.fit(X)
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    finite = dict(allow_nan=False, allow_infinity=False, width=np.finfo(dtype).bits)
    values = st.floats(min_value=0 if cls in PROPORTIONS else None, **finite)
    shape = data.draw(st.integers(1, 4)), model.n_components
    codes = data.draw(arrays(dtype, shape, elements=values))
    try:
        words = model.inverse_transform(codes)
    except ValueError:  # the logits of NVDM may overflow
        assert cls is NVDMTopicModel and np.abs(codes).max() > 1e300
        return
    assert words.shape == (shape[0], X.shape[1])
    assert_probabilities(words, rtol=4 * np.finfo(words.dtype).eps * X.shape[1])


# --- the same again -------------------------------------------------------------


@each_model
@given(data=st.data())
def test_training_in_parts_is_training_at_once(cls, data):
    """Each part an epoch, with pickles or files between some of them."""
    start = {"init": "random"} if cls in PROPORTIONS else {}
    model, X = data.draw(cases(cls, early_stopping=False, **start))
    whole = clone(model).fit(X)
    for _ in range(model.max_epochs):
        trip = data.draw(st.sampled_from([None, through_pickle, through_file]))
        if trip is not None and hasattr(model, "net_"):
            model = trip(model)
        model.partial_fit(X)
    assert_same_weights(model, whole)
    assert model.history_.equals(whole.history_)
    np.testing.assert_array_equal(model.transform(X), whole.transform(X))
    np.testing.assert_array_equal(model.score_samples(X), whole.score_samples(X))


@each_model
@given(data=st.data())
def test_reasonable_parameters_fit_finitely_and_repeatably(cls, data):
    """And a file gives the model back."""
    model, X = data.draw(cases(cls))
    loaded = through_file(model.fit(X))
    assert_finite(model, X)
    assert loaded.get_params() == model.get_params()
    assert fitted_attributes(loaded) == fitted_attributes(model)
    assert_same_weights(loaded, model)
    for method in ("transform", "score_samples"):
        ours, theirs = getattr(loaded, method)(X), getattr(model, method)(X)
        np.testing.assert_array_equal(ours, theirs)
    again = clone(model).fit(X)
    assert_same_weights(again, model)
    assert_same_weights(again.fit(X), model)


# --- whatever is thrown at it ---------------------------------------------------


POSITIVE = st.floats(0, allow_infinity=False)
ANY_FLOATS = [
    st.floats(),
    st.floats(allow_nan=False, allow_infinity=False),
    POSITIVE,
    POSITIVE | st.integers(0, 5).map(float),
    st.floats(0, 1),
    st.sampled_from([0.0, 5e-324, 1e-310, 1e-40, 1e-20, 1.0]),
    st.sampled_from([0.0, 1.0, 1e19, 1e37, 3e38]),
    st.sampled_from([0.0, 1.0, 1e39, 1e154, 1e200, 1e308]),
    st.sampled_from([1e308, -1e308, 1.0]),
    st.sampled_from([1.0, np.nextafter(1, 2), np.nextafter(1, 0)]),
]


def any_arrays(n_features=None):
    """Arrays of any shape and any floats: sensible, extreme, or none."""
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 5))
    if n_features is not None:
        shapes = st.tuples(st.integers(1, 6), st.just(n_features))
    odd = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
    return st.builds(
        lambda *args: args,
        # Other shapes are refused one and all.
        st.one_of(*[shapes] * 9, odd),
        st.sampled_from(ANY_FLOATS),
        st.sampled_from([np.float64, np.float64, np.float32, np.float16]),
        st.sampled_from([np.asarray, np.asarray, sparse.csr_array, sparse.coo_matrix]),
    ).flatmap(lambda args: any_array(*args))


def any_array(shape, elements, dtype, container):
    if len(shape) != 2 or dtype is np.float16:
        container = np.asarray
    # Some become infinite, which is as good.
    convert = np.errstate(over="ignore")(lambda X: container(X.astype(dtype)))
    return arrays(np.float64, shape, elements=elements, fill=elements).map(convert)


def assert_fits_finitely_or_not(model, X):
    try:
        model.fit(X)
    except ValueError:
        assert not fitted_attributes(model)
    else:
        assert_finite(model, X)


@each_model
@many
@given(data=st.data())
def test_any_array_fits_finitely_or_not_at_all(cls, data):
    assert_fits_finitely_or_not(data.draw(estimators(cls)), data.draw(any_arrays()))


N_FEATURES = 4
SMALL = dict(hidden_layer_sizes=(4,), max_epochs=3, device="cpu", random_state=0)
FITTED = {
    "NVDM": NVDMTopicModel(3, **SMALL),
    "GSM": GSMTopicModel(3, **SMALL),
    "GSM by sticks": GSMTopicModel(3, topic_construction="stick-breaking", **SMALL),
    "ProdLDA": ProdLDATopicModel(3, **SMALL),
    "linear NVDM": NVDMTopicModel(3, **SMALL | {"hidden_layer_sizes": ()}),
    "gaussian": VAETransformer(3, **SMALL),
    "bernoulli": VAETransformer(3, likelihood="bernoulli", **SMALL),
    "multinomial": VAETransformer(3, likelihood="multinomial", **SMALL),
    "plain": VAETransformer(3, variational=False, **SMALL),
}


@cache
def fitted(name):
    """A fitted model, not to be changed."""
    X = np.random.default_rng(0).integers(0, 2, (30, N_FEATURES))
    return FITTED[name].fit(X)


@pytest.mark.parametrize("name", FITTED)
@many
@given(data=st.data())
def test_any_array_has_finite_results_or_none(name, data):
    model = fitted(name)
    before, kept = dict(vars(model)), pickle.dumps(model)
    methods = ["transform", "posterior", "score_samples", "score"]
    method = getattr(model, data.draw(st.sampled_from(methods)))
    X = data.draw(any_arrays(N_FEATURES))
    try:
        result = method(X)
    except ValueError:
        pass
    else:
        assert np.isfinite(result).all()
    now = vars(model)
    assert now.keys() == before.keys()
    assert all(now[key] is before[key] for key in before)
    assert pickle.dumps(model) == kept


@each_model
@given(data=st.data())
def test_any_valid_parameters_fit_finitely_or_not_at_all(cls, data):
    """Also those that no one would choose."""
    positive = st.floats(0, allow_infinity=False, exclude_min=True)
    below_one = st.floats(0, 1, exclude_max=True)
    extreme = {
        "lr": positive,
        "dropout": below_one,
        "validation_fraction": below_one.filter(bool),
        "batch_size": st.integers(1, 2**70),
    }
    if cls is GSMTopicModel:
        weights = "topic_separation", "topic_coherence", "topic_word_prior"
        extreme |= dict.fromkeys(weights, positive)
    if cls is VAETransformer:
        extreme |= {"scale": positive, "kl_weight": positive, "denoising": positive}
    chosen = data.draw(st.sets(st.sampled_from(sorted(extreme)), min_size=1))
    fixed = {key: data.draw(extreme[key]) for key in sorted(chosen)}
    assert_fits_finitely_or_not(*data.draw(cases(cls, n_rows=(1, 9), **fixed)))
