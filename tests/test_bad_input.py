"""Bad input is refused in words and without a trace; odd input works as plain input.

Tables for all estimators, of input, parameters, options and codes.
"""

import copy
import inspect
from collections.abc import Callable
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import assert_same_weights
from scipy import sparse
from sklearn import clone, config_context
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer

MODELS = {
    "NVDM": NVDMTopicModel(),
    "GSM": GSMTopicModel(),
    "ProdLDA": ProdLDATopicModel(),
    "gaussian": VAETransformer(likelihood="gaussian"),
    "bernoulli": VAETransformer(likelihood="bernoulli"),
    "multinomial": VAETransformer(likelihood="multinomial"),
}
ALL = list(MODELS)
TOPICS, VAES = ALL[:3], ALL[3:]
OF_COUNTS = [*TOPICS, "multinomial"]
WITH_GAPS = ["gaussian", "bernoulli"]
UNBOUNDED = [*OF_COUNTS, "gaussian"]
ONE_OF_A_CLASS = ALL[:4]

TRAINING = ("fit", "partial_fit", "fit_transform")
READING = (
    "transform",
    "posterior",
    "score",
    "score_samples",
    "effective_sample_size",
    "perplexity",
    "reconstruct",
)

# Methods that ask for a likelihood of X; the others read X by the encoder alone.
SCORING = (*TRAINING, "score", "score_samples", "effective_sample_size")

each_model = pytest.mark.parametrize("name", ALL)
each_topic_model = pytest.mark.parametrize("name", TOPICS)
each_class = pytest.mark.parametrize("name", ONE_OF_A_CLASS)
# Arrays come after DataFrames in some tests, and the other way round.
names_come_and_go = pytest.mark.filterwarnings(
    "ignore:X (has|does not have valid) feature names"
)


def make(name, **params):
    small = dict(
        n_components=3,
        hidden_layer_sizes=(7,),
        lr=0.01,
        max_epochs=1,
        batch_size=10,
        device="cpu",
        random_state=0,
    )
    if "init" in MODELS[name].get_params():
        small["init"] = "random"  # so that an epoch of `fit` is one of `partial_fit`
    return clone(MODELS[name]).set_params(**small).set_params(**params)


def rows(name):
    """20 rows of 6 counts, or of bits where a model takes no others."""
    X = np.random.default_rng(0).poisson(1.0, (20, 6)).astype(float)
    return np.minimum(X, 1) if name == "bernoulli" else X


def frame(X):
    return pd.DataFrame(X, columns=list("abcdef"))


def is_fitted(model):
    return hasattr(model, "net_")


def results(model, X):
    """What a fitted model makes of X, and all that it has learnt."""
    if is_fitted(model):
        weights = model.net_.module_.state_dict().values()
        return [model.transform(X), *(w.numpy().copy() for w in weights)]


def state(model, X):
    return model, X, results(model, X)


@pytest.fixture(scope="module")
def states():
    """A model that is not fitted, one that is, and one that `fit` would go on with."""
    return {
        name: [
            state(model, rows(name))
            for model in (
                make(name),
                make(name).fit(rows(name)),
                make(name, warm_start=True).fit(rows(name)),
            )
        ]
        for name in ALL
    }


@pytest.fixture(scope="module")
def fitted(states):
    return {name: states[name][1][0] for name in ALL}


@pytest.fixture(scope="module")
def named():
    """Fitted on a DataFrame, so that the names of columns are checked as well."""
    return {name: make(name, warm_start=True).fit(frame(rows(name))) for name in ALL}


@contextmanager
def no_trace(model):
    """Whatever is tried inside leaves the same attributes, and the same objects."""
    before = dict(vars(model))
    yield
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[key] is value for key, value in before.items())


def methods_of(model, methods):
    return [method for method in methods if hasattr(model, method)]


@pytest.fixture
def assert_refused(record_property):
    def check(call, error, message, model):
        message = message.replace("{model}", type(model).__name__)
        with pytest.raises(error, match=message):
            call()
        record_property("bad inputs", 1)

    return check


@pytest.fixture
def check_refused(assert_refused):
    """Of every method, of a model in every state."""

    def check(refused, good, states):
        X = refused.spoil(good)
        for model, known, before in states:
            with no_trace(model):
                for method in methods_of(model, refused.methods):
                    error, message = refused.error, refused.message
                    if not is_fitted(model) and method not in TRAINING:
                        error, message = NotFittedError, UNFITTED
                    call = partial(getattr(model, method), X)
                    assert_refused(call, error, message, model)
            np.testing.assert_equal(results(model, known), before)

    return check


@pytest.fixture(autouse=True)
def an_odd_input(request, record_property):
    """Each test that refuses nothing is one."""
    if not {"assert_refused", "check_refused"} & {*request.fixturenames}:
        record_property("odd inputs", 1)


# --- input that is refused ------------------------------------------------------


class Refused(NamedTuple):
    """What is made of good rows, and in which words that is refused, where."""

    spoil: Callable
    message: str
    error: type = ValueError
    names: list = ALL
    methods: tuple = TRAINING + READING


def each_case(table):
    cases = [
        pytest.param(name, case, id=f"{name}-{kind}")
        for kind, case in table.items()
        for name in case.names
    ]
    return pytest.mark.parametrize("name, case", cases)


def with_value(value, container=np.asarray, dtype=float):
    def spoil(X):
        X = X.astype(dtype)
        X[2, 2] = value
        return container(X)

    return spoil


def always(value):
    return lambda X: value


def matrix(X):
    with pytest.warns(PendingDeprecationWarning):
        return np.asmatrix(X)


csr = sparse.csr_array
UNFITTED = "{model} instance is not fitted yet. Call 'fit'"
NAN = r"(?s)Input X contains NaN.*{model} does not accept missing values.*imputer"
SPARSE_GAPS = r"{model} with .* takes missing values in dense X only.* X.toarray\(\)"
INFINITE = r"Input X contains infinity or a value too large for dtype\('float64'\)"
NO_ROWS = r"0 sample\(s\) \(shape=\(0, 6\)\) while a minimum of 1 is required.*{model}"
NO_COLUMNS = r"0 feature\(s\) \(shape=\(20, 0\)\) while a minimum of 1 .*{model}"
NOT_2D = r"(?s)Expected 2D .*Reshape your data"
COMPLEX = "Complex data not supported"
NO_TEXTS = "{model} takes token counts, but got raw texts. Put a CountVectorizer"
TEXTS_FOR_NUMBERS = (
    "{model} takes numbers, but got texts. Encode them with CountVectorizer"
)
NO_NUMBERS = "could not convert string to float: .*cat"
MIXED_NAMES = (
    r"(?s)only supported if all input features have string names.*\['int', 'str'\]"
    r".*X.columns.astype\(str\)"
)
NEGATIVE = "Negative values in data passed to X in {model}"
SHARES = (
    r"{model} with likelihood='bernoulli' takes values in \[0, 1\], but X has values "
    r"from .* to .*\. Scale X \((X / .*, or )?MinMaxScaler\), or use likelihood='gauss"
)
NO_COUNTS = "{model} found no counts in X: all zeros"
TOO_LARGE = r"Input X of {model} .*infinity or a value too large.* Scale X to smaller"
DIVERGED = (
    r"NaN or infinite.* Lower `lr` \(now 0.01\), or scale the input to values around 1"
)

TEXTS = ["cat dog cat", "dog mouse", "cat", "dog mouse cat"] * 5
TEXT_CONTAINERS = {
    "list": list,
    "array": np.array,
    "object array": lambda texts: np.array(texts, dtype=object),
    "column": lambda texts: np.array(texts)[:, None],
    "Series": pd.Series,
    "one text": "; ".join,
    "DataFrame": lambda texts: pd.DataFrame({"text": texts}),
    "lists of a word": lambda texts: [text.split()[:1] for text in texts],
}

BAD_INPUT = {
    **{
        kind: Refused(with_value(*of_kind), NAN, names=OF_COUNTS)
        for kind, of_kind in {
            "NaN": (np.nan,),
            "NaN in CSR": (np.nan, csr),
            "NA": (np.nan, lambda X: frame(X).astype("Float64")),
            "None": (None, np.asarray, object),
        }.items()
    },
    "gaps in CSR": Refused(with_value(np.nan, csr), SPARSE_GAPS, names=WITH_GAPS),
    "inf": Refused(with_value(np.inf), INFINITE),
    "-inf": Refused(with_value(-np.inf), INFINITE),
    "inf in CSR": Refused(with_value(np.inf, csr), INFINITE),
    "no rows": Refused(lambda X: X[:0], NO_ROWS),
    "no rows in CSR": Refused(lambda X: csr(X[:0]), NO_ROWS),
    "no columns": Refused(lambda X: X[:, :0], NO_COLUMNS),
    "1-D": Refused(lambda X: X[0], NOT_2D),
    "1-D sparse": Refused(lambda X: sparse.coo_array(X[0]), NOT_2D),
    "3-D": Refused(lambda X: X[None], "Found array with dim 3.*{model}"),
    "a number": Refused(always(3.0), NOT_2D),
    "nothing": Refused(always(None), NOT_2D),
    "an empty list": Refused(always([]), NOT_2D),
    "rows of many lengths": Refused(always([[1, 2], [1]]), "inhomogeneous shape"),
    "a generator": Refused(lambda X: (x for x in X), "not 'generator'", TypeError),
    "complex": Refused(lambda X: X + 1j, COMPLEX),
    "complex CSR": Refused(lambda X: csr(X + 1j), COMPLEX),
    "matrix": Refused(matrix, "np.matrix is not supported.*np.asarray", TypeError),
    "a text among numbers": Refused(with_value("a cat", dtype=object), NO_NUMBERS),
    "mixed names": Refused(
        lambda X: frame(X).set_axis([0, 1, 2, *"def"], axis=1), MIXED_NAMES, TypeError
    ),
    "tensor with gradient": Refused(
        lambda X: torch.from_numpy(X).requires_grad_(),
        r"tensor.detach\(\)",
        RuntimeError,
    ),
    "sparse tensor": Refused(
        lambda X: torch.from_numpy(X).to_sparse(), r"Tensor.(to_)?dense\(\)", TypeError
    ),
    **{
        f"{kind}, {names[0]}": Refused(spoil, NEGATIVE, names=names, methods=methods)
        for kind, spoil in {
            "negative": with_value(-1),
            "negative CSR": with_value(-1, csr),
            "negative int": with_value(-1, dtype=int),
        }.items()
        for names, methods in [(TOPICS, TRAINING + READING), (["multinomial"], SCORING)]
    },
    **{
        f"{value} in {container.__name__}": Refused(
            with_value(value, container), SHARES, names=["bernoulli"], methods=SCORING
        )
        for value, container in [
            *((-0.1, np.asarray), (-0.1, csr), (1.5, np.asarray), (1.5, csr)),
            (1e30, np.asarray),
        ]
    },
    "1e300": Refused(with_value(1e300), TOO_LARGE, names=UNBOUNDED),
    "1e300 in CSR": Refused(with_value(1e300, csr), TOO_LARGE, names=UNBOUNDED),
    "zeros": Refused(np.zeros_like, NO_COUNTS, names=TOPICS, methods=TRAINING),
    "stored zeros": Refused(
        lambda X: 0 * csr(X), NO_COUNTS, names=TOPICS, methods=TRAINING
    ),
    "zeros to score": Refused(
        np.zeros_like,
        "{model} cannot score X: it has no counts",
        names=TOPICS,
        methods=("score", "perplexity"),
    ),
    **{
        f"texts in {kind}, {names[0]}": Refused(
            always(container(TEXTS)), message, names=names
        )
        for kind, container in TEXT_CONTAINERS.items()
        for names, message in [(TOPICS, NO_TEXTS), (VAES, TEXTS_FOR_NUMBERS)]
    },
}


@names_come_and_go
@each_case(BAD_INPUT)
def test_bad_input_is_refused_without_a_trace(name, case, states, check_refused):
    check_refused(case, rows(name), states[name])


UNSEEN = {
    "NaN to train": Refused(
        with_value(np.nan), DIVERGED, names=TOPICS, methods=TRAINING
    ),
    "NaN to read": Refused(
        with_value(np.nan),
        "{model} gets NaN or infinity from X",
        names=TOPICS,
        methods=READING,
    ),
    "NaN": Refused(
        with_value(np.nan), "{model} with .* takes no missing v", names=["multinomial"]
    ),
    "inf": Refused(with_value(np.inf), TOO_LARGE, names=UNBOUNDED),
}


@pytest.mark.parametrize("container", [np.asarray, csr])
@each_case(UNSEEN)
def test_values_that_nobody_looked_for_are_refused(
    name, case, container, states, check_refused
):
    unseen = case._replace(spoil=lambda X: container(case.spoil(X)))
    with config_context(assume_finite=True):
        check_refused(unseen, rows(name), states[name])


NOT_AS_IN_FIT = {
    "narrow DataFrame": (lambda X: frame(X).drop(columns="c"), "(?s)missing.*- c"),
    "wide DataFrame": (lambda X: frame(X).assign(z=1.0), "(?s)unseen at fit.*- z"),
    "other names": (lambda X: frame(X).rename(columns={"b": "z"}), "(?s)unseen.*- z"),
    "reordered": (lambda X: frame(X)[list("bacdef")], "in the same order"),
    "narrow": (lambda X: X[:, :5], "X has 5 features, but {model} is expecting 6"),
    "wide": (lambda X: np.hstack([X, X]), "X has 12 features, but {model}.*6"),
    "narrow CSR": (lambda X: csr(X[:, :5]), "X has 5 features, but {model}.*6"),
}


@names_come_and_go
@pytest.mark.parametrize("case", NOT_AS_IN_FIT)
@each_model
def test_other_columns_than_in_fit_are_refused(name, case, named, check_refused):
    """Also by `fit` of a model that would go on."""
    X, model = rows(name), named[name]
    check_refused(Refused(*NOT_AS_IN_FIT[case]), X, [state(model, frame(X))])
    assert model.n_features_in_ == 6


# --- no model yet ---------------------------------------------------------------


@each_model
def test_models_that_are_not_fitted_say_so(name, assert_refused):
    """Other methods do so in the tables of input and of codes."""
    model, X = make(name), rows(name)
    calls = [model.sample, model.get_feature_names_out]
    if name in VAES:
        calls += [partial(model.interpolate, X[0], X[1]), lambda: model.components_]
    with no_trace(model):
        for call in calls:
            assert_refused(call, NotFittedError, UNFITTED, model)
        assert not hasattr(model, "components_")


# --- parameters -----------------------------------------------------------------

NAN_AND_INF = [np.nan, np.float32(np.nan), np.inf, -np.inf]
NO_NUMBER = [*NAN_AND_INF, "0.1", None, True, np.True_, 1j, [0.1], np.array([0.1])]
NO_NUMBER += [10**400]
NO_COUNT = [*NO_NUMBER, 0, -1, 2.0, 2.5, "5", 2**63]
NO_SWITCH = [np.nan, None, 0, 2.0, "yes", [True]]
NO_CHOICE = [np.nan, None, 0, "nonsense", ["elu"]]
NO_SIZES = [np.nan, 2.5, "ab", (0,), (-1,), (2.5,), (np.nan,), ("5",), (True,), [[3]]]
NO_LAYERS = [*NO_SIZES, 0, -1, 2**63, (2**63,), True, None, np.array(5)]
NO_FUNCTION = [np.nan, 3, True, "dense"]
NO_WEIGHT = [*NO_NUMBER, -0.1]

SWITCHES = "batch_norm center early_stopping linear_path train_word_embeddings"
COUNTS = "batch_size embedding_size max_epochs n_components n_importance"
CHOICES = "covariate_effects activation architecture corruption topic_construction"
WEIGHTS = "kl_weight seed_weight topic_separation topic_coherence topic_word_prior"

BAD_PARAMETERS = {
    **dict.fromkeys([*SWITCHES.split(), "variational", "warm_start"], NO_SWITCH),
    **dict.fromkeys([*COUNTS.split(), "n_iter_no_change"], NO_COUNT),
    **dict.fromkeys(CHOICES.split(), NO_CHOICE),
    **dict.fromkeys(WEIGHTS.split(), NO_WEIGHT),
    **dict.fromkeys(["decoder", "encoder"], NO_FUNCTION),
    **dict.fromkeys(["denoising", "dropout"], [*NO_WEIGHT, 1.0]),
    **dict.fromkeys(["channels", "hidden_layer_sizes"], NO_LAYERS),
    **dict.fromkeys(["concentration", "lr"], [*NO_NUMBER, 0, -1.0]),
    "callbacks": [np.nan, 3, "all", {}, [3]],
    "device": [np.nan, None, 0, torch.device("cpu")],
    "embedding_columns": [np.nan, 3, 2.5, True, "e0"],
    "init": [np.nan, None, 3, "kmeans", [1.0], [[1.0]]],
    "feature_names": [np.nan, 3, "words", ["w0"], [["w0"] * 6]],
    "image_shape": [*NO_SIZES, 5],
    "kl_warmup": [*NO_WEIGHT, 1.5],
    "likelihood": [
        *[*NO_CHOICE, "student", [], ["gaussian"], [("student", slice(0, 6))]],
        *[[("gaussian", [0, 1])], [("gaussian", [0, 1, 2, 3, 4, 5, 6])]],
        [("gaussian", slice(0, 4)), ("poisson", slice(3, 6))],
        *[[("gaussian", "abcdef")], [("gaussian", 0.5)], [(slice(0, 6), "gaussian")]],
        [("gaussian", lambda X: X.columns)],
    ],
    "random_state": [np.nan, -1, 1.5, "x", [1], np.random.default_rng(0)],
    "recipe": [*NO_CHOICE, {"thinning"}, ["paper"], ["thinning", 3], [["thinning"]]],
    "scale": [
        *[*NO_NUMBER, 0.0, -1.0, "narrow", [1.0, 2.0]],
        *[[1.0] * 5 + [np.nan], [1.0] * 5 + [0], ["wide"] * 6],
    ],
    "seed_words": [
        *[np.nan, 3, "w0", [], {}, ["w0"], {"space": "w0"}, {"space": None}],
        *[{3: ["w0"]}, [["w0"], [1]], [["w0"]] * 20],
    ],
    "validation_fraction": [*NO_NUMBER, 0.0, 1.0, 5],
    "verbose": [np.nan, None, -1, 1.5, "x"],
    "word_embeddings": [np.nan, 3, True, "vectors"],
}


DEVICES = ["nonsense", "", "cpu ", "meta"]
if not torch.cuda.is_available():
    DEVICES += ["cuda", "cuda:1"]
NO_DEVICE = "device='{}' is not available: .* Use device=\"cpu\" or"
NO_VECTORS = "could not convert string to float: 'cat'"
BAD_DETAILS = [
    ("GSM", "word_embeddings", np.full((6, 2), np.nan), "Input word_embeddings contai"),
    ("GSM", "word_embeddings", [["cat"]] * 6, NO_VECTORS),
    *(
        (name, "device", device, NO_DEVICE.format(device))
        for name in ONE_OF_A_CLASS
        for device in DEVICES
    ),
]


@pytest.mark.parametrize(
    "name, parameter, values, message",
    [
        (name, param, BAD_PARAMETERS[param], f"'{param}' parameter of {{model}}")
        for name in ONE_OF_A_CLASS
        for param in MODELS[name].get_params()
    ]
    + [(name, param, [value], told) for name, param, value, told in BAD_DETAILS],
)
def test_bad_parameters_are_named_and_leave_no_trace(
    name, parameter, values, message, fitted, assert_refused
):
    """Every parameter is in the table."""
    X = rows(name)
    for model in (make(name), copy.copy(fitted[name])):
        before = results(model, X)
        for value in values:
            model.set_params(**{parameter: value})
            with no_trace(model):
                for train in (model.fit, model.partial_fit):
                    assert_refused(partial(train, X), ValueError, message, model)
        np.testing.assert_equal(results(model, X), before)


@each_class
def test_unknown_parameters_are_refused(name, assert_refused):
    cls = type(MODELS[name])
    for call, error, message in [
        (
            lambda: cls(n_topics=3),
            TypeError,
            r"{model}\(\) has no parameter 'n_topics'",
        ),
        (lambda: cls(3, 0.1), TypeError, "{model}.*positional"),
        (lambda: cls().set_params(n_topics=3), ValueError, "'n_topics' for .*{model}"),
    ]:
        assert_refused(call, error, message, cls())


# --- options and codes ----------------------------------------------------------

BAD_OPTIONS = {
    "bound": (["iwae", None, 1], "bound=.* 'elbo' or 'importance'"),
    "n_draws": ([0, -1, 1.5, np.nan, "8", None], "n_draws"),
    "average": (["corpus", None], "average=.* 'token' or 'document'"),
    "n_samples": ([0, -1, 1.5, np.nan, "3", None], "n_samples"),
    "n_steps": ([1, -1, 2.5, np.nan, "3", None], "n_steps"),
    "from_": (["data", None], "from_=.* 'prior' or 'posterior'"),
    "random_state": (["x", -1, np.nan, np.random.default_rng(0)], "seed|Seed"),
}
# What a call needs besides the option.
GIVEN = {
    "score_samples": lambda X: dict(X=X),
    "effective_sample_size": lambda X: dict(X=X),
    "perplexity": lambda X: dict(X=X),
    "reconstruct": lambda X: dict(X=X, sample=True),
    "interpolate": lambda X: dict(x0=X[0], x1=X[1]),
    "sample": lambda X: {},
}


@each_model
def test_bad_options_are_refused(name, fitted, assert_refused):
    model = fitted[name]
    for method in methods_of(model, GIVEN):
        function, given = getattr(model, method), GIVEN[method](rows(name))
        known = inspect.signature(function).parameters
        for option in BAD_OPTIONS.keys() & known:
            values, message = BAD_OPTIONS[option]
            for value in values:
                if value is not known[option].default:
                    call = partial(function, **given, **{option: value})
                    with no_trace(model):
                        assert_refused(call, (ValueError, TypeError), message, model)


BAD_CODES = {
    "wide": (lambda Z: np.hstack([Z, Z]), "6 components, but {model}.*n_components=3"),
    "narrow": (lambda Z: Z[:, :2], "2 components, but {model} .*n_components=3"),
    "NaN": (with_value(np.nan), "Input X contains NaN"),
    "inf": (with_value(np.inf), "Input X contains infinity"),
    "no rows": (lambda Z: Z[:0], r"0 sample\(s\) \(shape=\(0, 3\)\)"),
    "1-D": (lambda Z: Z[0], NOT_2D),
    "3-D": (lambda Z: Z[None], "Found array with dim 3"),
    "complex": (lambda Z: Z + 1j, COMPLEX),
    "matrix": (matrix, "np.matrix is not supported", TypeError),
    "sparse": (csr, r"for X, but dense data is required.*toarray\(\)", TypeError),
    "words": (with_value("a cat", dtype=object), NO_NUMBERS),
    "negative": (lambda Z: Z - 1, NEGATIVE, ValueError, ["GSM", "ProdLDA"]),
}
BAD_CODES = {
    kind: Refused(*case)._replace(methods=("inverse_transform",))
    for kind, case in BAD_CODES.items()
}


@each_case(BAD_CODES)
def test_bad_codes_are_refused(name, case, states, check_refused):
    check_refused(case, np.full((5, 3), 1 / 3), states[name])


# --- odd input works ------------------------------------------------------------


def arrays_of(X):
    """What an array or a sparse matrix holds; nothing of other containers."""
    parts = [X, *(getattr(X, name, None) for name in ("data", "indices", "indptr"))]
    return [part for part in parts if isinstance(part, np.ndarray)]


def read_only(X):
    for array in arrays_of(X):
        array.flags.writeable = False
    return X


def long_indices(X):
    X = csr(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def in_halves(X):
    """COO with two entries for each value, and with the zeros."""
    X, zeros = sparse.coo_array(X), np.nonzero(X == 0)
    row, col = np.r_[X.row, X.row, zeros[0]], np.r_[X.col, X.col, zeros[1]]
    data = np.r_[X.data / 2, X.data / 2, np.zeros(len(zeros[0]))]
    return sparse.coo_array((data, (row, col)), X.shape)


def in_halves_in_csr(X):
    """The same, and not sorted within rows."""
    X = in_halves(X)
    order = np.argsort(X.row, kind="stable")
    ends = np.r_[0, np.bincount(X.row).cumsum()]
    return csr((X.data[order], X.col[order], ends), X.shape)


def polars_frame(X):
    return pytest.importorskip("polars").DataFrame(X, schema=list("abcdef"))


CONTAINERS = {
    **{
        kind: getattr(sparse, kind)
        for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
        for kind in (f"{form}_matrix", f"{form}_array")
    },
    "long indices": long_indices,
    "entries in two parts": in_halves,
    "entries in two parts, CSR": in_halves_in_csr,
    "read-only": read_only,
    "read-only CSR": lambda X: read_only(csr(X)),
    "read-only CSR in two parts": lambda X: read_only(in_halves_in_csr(X)),
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "upside down": lambda X: X[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "negative zeros": lambda X: np.where(X == 0, -0.0, X),
    "big endian": lambda X: X.astype(">f8"),
    "masked": lambda X: np.ma.masked_equal(X, 1),  # as scikit-learn: not heeded
    "tensor": torch.from_numpy,
    "tensor of integers": lambda X: torch.from_numpy(X).int(),
    "list": np.ndarray.tolist,
    "list of arrays": list,
    "tuple": lambda X: tuple(map(tuple, X)),
    "object": lambda X: X.astype(object),
    "object integers": lambda X: X.astype(int).astype(object),
    **{
        dtype: lambda X, dtype=dtype: X.astype(dtype)
        for dtype in ("float16", "float32", "longdouble", "int8", "int64", "uint64")
    },
    **{
        f"CSR of {dtype}": lambda X, dtype=dtype: csr(X.astype(dtype))
        for dtype in ("float32", "uint16", "int32", "int64")
    },
    "DataFrame": frame,
    "DataFrame of numbered columns": pd.DataFrame,
    "DataFrame of many types": lambda X: frame(X).astype({"a": int, "b": np.float32}),
    "DataFrame of objects": lambda X: frame(X).astype(object),
    "DataFrame that may hold NA": lambda X: frame(X).astype("Int64"),
    "sparse DataFrame": lambda X: frame(X).astype(pd.SparseDtype(float, 0)),
    "DataFrame with a sparse column": lambda X: frame(X).astype(
        {"a": pd.SparseDtype(float, 0)}
    ),
    "polars": polars_frame,
}


@pytest.fixture(scope="module")
def plain(fitted):
    """Of a fitted model, what it makes of an array."""
    return {
        name: (model.transform(rows(name)), model.score_samples(rows(name), n_draws=8))
        for name, model in fitted.items()
    }


@names_come_and_go
@pytest.mark.filterwarnings("ignore:pandas.DataFrame with sparse columns found")
@pytest.mark.parametrize("container", CONTAINERS)
@each_class
def test_any_container_gives_what_an_array_gives(name, container, fitted, plain):
    """And it is not changed."""
    model, given = fitted[name], CONTAINERS[container](rows(name))
    before = [array.copy() for array in arrays_of(given)]
    codes, bounds = plain[name]
    fresh = make(name).fit(given)
    assert_same_weights(fresh, model)
    fresh.partial_fit(given)
    ours = model.transform(given)  # in the precision of the input
    np.testing.assert_array_equal(ours, codes.astype(ours.dtype))
    ours = model.score_samples(given, n_draws=8)
    np.testing.assert_allclose(ours, bounds, rtol=1e-12)
    for now, then in zip(arrays_of(given), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", VAES)
def test_bits_of_scores_do_not_depend_on_the_order_in_memory(name, fitted):
    X, score = rows(name), fitted[name].score_samples
    np.testing.assert_array_equal(score(np.asfortranarray(X)), score(X))


@pytest.mark.parametrize(
    "container", [np.asarray, csr, pd.DataFrame, np.ndarray.tolist]
)
@pytest.mark.parametrize("odd", [lambda X: X > 0, lambda X: X / 7], ids=["bool", "1/7"])
@each_model
def test_truth_and_fractions_are_counts_too(name, odd, container):
    X = odd(rows(name))
    model, other = make(name).fit(X.astype(float)), make(name).fit(container(X))
    assert_same_weights(model, other)
    assert np.isfinite(model.score(X))
    assert other.score(container(X)) == pytest.approx(model.score(X), rel=1e-12)


@each_topic_model
def test_a_huge_count_trains(name):
    X = with_value(1e30)(rows(name))
    model = make(name).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.score_samples(X)).all()


HUGE = [(name, method) for name in UNBOUNDED for method in READING]


@pytest.mark.parametrize(
    "name, method", [case for case in HUGE if hasattr(MODELS[case[0]], case[1])]
)
def test_huge_values_are_read_finitely_or_not_at_all(name, method, fitted):
    with suppress(ValueError):
        read = getattr(fitted[name], method)(with_value(1e30)(rows(name)))
        assert np.isfinite(np.asarray(read)).all()


@pytest.mark.parametrize(
    "shape, params",
    [
        ((1, 12), {}),
        ((5, 1), {}),
        ((1, 1), {}),
        ((5, 3), dict(n_components=9)),
        ((5, 3), dict(batch_size=100)),
        ((5, 3), dict(batch_size=4)),  # a rest of one row
        ((5, 3), dict(batch_size=1)),  # two of empty rows
        ((5, 3), dict(hidden_layer_sizes=())),
        ((5, 3), dict(hidden_layer_sizes=[4, np.int64(3)])),
    ],
)
@each_model
def test_odd_shapes_fit_finitely(name, shape, params):
    X = np.eye(*shape)
    model = make(name, **params).fit(X)
    codes = model.transform(X)
    assert np.isfinite(codes).all() and np.isfinite(model.score(X))
    assert model.inverse_transform(codes).shape == shape


@each_model
def test_y_is_ignored(name, fitted):
    X, model = rows(name), fitted[name]
    codes, score = model.transform(X), model.score(X)
    for y in ([1], "abc", np.nan):
        np.testing.assert_array_equal(make(name).fit_transform(X, y), codes)
        assert model.score(X, y) == score
        # `fit` makes one epoch here.
        assert_same_weights(make(name).partial_fit(X, y), model)


@each_model
def test_names_of_columns_that_come_or_go_are_told(name, fitted, named):
    X = rows(name)
    for model, given, other, message in [
        (named[name], X, frame(X), "X does not have valid feature names, but {}"),
        (fitted[name], frame(X), X, "X has feature names, but {} was fitted without"),
    ]:
        for method in methods_of(model, READING):
            read = getattr(model, method)
            with pytest.warns(UserWarning, match=message.format(type(model).__name__)):
                ours = read(given)
            np.testing.assert_allclose(ours, read(other), rtol=1e-12)


@each_topic_model
def test_an_empty_document_is_finite_and_costs_only_the_kl_term(name, fitted):
    model, X = fitted[name], np.vstack([np.zeros((2, 6)), rows(name)])
    codes, bounds = model.transform(X), model.score_samples(X)
    assert np.isfinite(codes).all() and np.isfinite(bounds).all()
    assert np.array_equal(codes[0], codes[1]) and (bounds[:2] <= 0).all()
    # The same in a corpus of nothing else.
    np.testing.assert_allclose(model.transform(X[:2]), codes[:2], rtol=1e-12)
    np.testing.assert_allclose(model.score_samples(X[:2]), bounds[:2], rtol=1e-9)
    assert np.isfinite(model.score(X)) and np.isfinite(model.perplexity(X))


@pytest.mark.parametrize("name", VAES)
def test_only_zeros_are_a_table_too(name):
    X = np.zeros((20, 6))
    model = make(name).fit(X)
    assert np.isfinite(model.transform(X)).all() and np.isfinite(model.score(X))


@each_topic_model
def test_texts_without_a_known_word_in_a_pipeline(name, assert_refused):
    pipeline = make_pipeline(CountVectorizer(stop_words=["cat"]), make(name))
    for texts in ([""], ["cat", "cat cat"], ["a b"]):
        fit = partial(pipeline.fit, texts)
        assert_refused(fit, ValueError, "empty vocabulary", pipeline)
        assert not is_fitted(pipeline[-1])
    codes = pipeline.fit(TEXTS).transform(["", "cat", "unheard of"])
    assert np.isfinite(codes).all() and (codes == codes[0]).all()
    score = partial(pipeline.score, ["cat"])
    assert_refused(score, ValueError, "has no counts", pipeline)
