"""Faults from outside: Ctrl-C, memory, forks, divergence; threads and processes."""

import contextlib
import copy
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from helpers import MODELS, digest, each_model, make
from scipy import sparse
from scipy.stats import entropy
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import GridSearchCV
from torch import nn

import skvae
from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.datasets import make_topic_corpus
from skvae.metrics import document_completion_perplexity

slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).poisson(2.0, (40, 9)).astype(float)


def surroundings():
    """What the rest of a program shares with skvae."""
    return {
        "numpy's generator": str(np.random.get_state()),
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "defaults": (torch.get_default_dtype(), torch.empty(0).device),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "numpy's errors": np.geterr(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "signals": signal.getsignal(signal.SIGINT),
        "files": sorted(os.listdir()),
    }


# --- Ctrl-C -----------------------------------------------------------------------


@contextlib.contextmanager
def interrupted_after(seconds):
    """KeyboardInterrupt wherever the process is after so much CPU time, once."""
    armed = True

    def interrupt(signum, frame):
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGVTALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        yield
        armed = False
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Dropout(nn.Sequential):
    """A network of the user's that draws from the global generator."""

    def __init__(self, n_features):
        super().__init__(nn.Linear(n_features, 5), nn.ReLU(), nn.Dropout(0.3))


INTERRUPTED = {
    **{cls.__name__: make(cls) for cls in MODELS},
    "early stopping": make(GSMTopicModel, early_stopping=True),
    "own network": make(VAETransformer, encoder=Dropout),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
# Python itself takes no exceptions out of finalisers.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("n_times", [4, slow(150)])
@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c_at_any_moment_leaves_the_old_model_or_the_new(
    name, n_times, X, rng, record_property
):
    fresh = INTERRUPTED[name]
    fitted = copy.copy(fresh).set_params(warm_start=True).fit(X)
    old, codes = digest(fitted), fitted.transform(X)
    anew = digest(copy.copy(fresh).fit(X[:20]))
    further = digest(copy.copy(fitted).partial_fit(X[:20]))
    warm = digest(copy.copy(fitted).fit(X[:20]))

    def train(model):
        return model.fit(X[:20])

    calls = {
        "fit": (fresh, train, None, anew),
        "refit": (fitted, lambda m: train(m.set_params(warm_start=False)), old, anew),
        "warm start": (fitted, train, old, warm),
        "partial_fit": (fitted, lambda m: m.partial_fit(X[:20]), old, further),
    }
    n_interrupted = 0
    before = surroundings()
    for call, (start, go_on, then, now) in calls.items():
        clock = os.times().user
        go_on(copy.copy(start))
        full = max(os.times().user - clock, 0.01)
        for _ in range(n_times):
            model = copy.copy(start)
            try:
                with interrupted_after(rng.uniform(0.02, 1.1) * full):
                    go_on(model)
            except KeyboardInterrupt:
                n_interrupted += 1
            if hasattr(model, "net_"):
                assert digest(model) in (then, now), call
                state = model.__getstate__()
                assert len(state["net_"]["history"]) == model.n_iter_
                if digest(model) == then:
                    np.testing.assert_array_equal(model.transform(X), codes)
            else:
                assert then is None
                assert not [key for key in vars(model) if key.endswith("_")]
            assert surroundings() == before
    assert n_interrupted >= n_times  # of four times as many
    record_property("interruptions", n_interrupted)


def test_ctrl_c_ends_a_search(X):
    """It is no failed fit among others."""

    class Interrupt(NVDMTopicModel):
        def _start(self, *args):
            raise KeyboardInterrupt

    search = GridSearchCV(Interrupt(max_epochs=1), {"n_components": [1, 2]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X)


# --- divergence -------------------------------------------------------------------


@each_model
def test_a_search_goes_on_after_fits_that_diverge(cls, X, record_property):
    grid = {"lr": [1e30, 0.01]}
    search = GridSearchCV(make(cls), grid, cv=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X)
    (failed,) = [w for w in caught if w.category is FitFailedWarning]
    assert "Lower `lr`" in str(failed.message)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[0]) and np.isfinite(scores[1])
    assert search.best_params_ == {"lr": 0.01}
    record_property("faults", 2)


@pytest.mark.parametrize("lr", [1.0, 10.0, 1e3])
@each_model
def test_no_rate_makes_a_bad_model_without_a_word(cls, lr, corpus, record_property):
    """It is an error or a warning, or else the model is good."""
    model = make(cls, lr=lr, max_epochs=10, batch_size=64)
    if cls is VAETransformer:
        model.set_params(likelihood="multinomial")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(corpus.data)
        except ValueError as error:
            assert "Lower `lr`" in str(error) and not hasattr(model, "net_")
            record_property("faults", 1)
            return
    if any(w.category is ConvergenceWarning for w in caught):
        record_property("faults", 1)
        return
    tokens = np.asarray(corpus.data.sum(axis=0)).ravel()
    unigram = -tokens.sum() * entropy(tokens)
    assert model.score_samples(corpus.data).sum() > 1.01 * unigram


# --- memory -----------------------------------------------------------------------


def run(script, timeout=100, **environment):
    script = textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )


@each_model
def test_more_than_any_memory_is_an_error_that_says_so(cls, X, record_property):
    model = make(cls, warm_start=False).fit(X)
    before = dict(vars(model))
    model.set_params(hidden_layer_sizes=(10**7, 10**7))
    with pytest.raises(MemoryError, match=f"{cls.__name__} needs more memory.*Lower"):
        model.fit(X)
    assert vars(model) == {**before, "hidden_layer_sizes": (10**7, 10**7)}
    record_property("faults", 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of processes")
def test_memory_that_runs_out_midway_loses_nothing(record_property):
    done = run(
        """
        import resource
        import numpy as np, scipy.sparse as sp
        from skvae import NVDMTopicModel

        X = sp.random_array((600, 20000), density=0.01, rng=0, format="csr")
        X.data[:] = 1
        model = NVDMTopicModel(5, max_epochs=1, random_state=0, hidden_layer_sizes=(8,))
        codes = model.fit(X).transform(X)
        pages = int(open("/proc/self/statm").read().split()[0])
        for megabytes in (5, 20, 50, 100):
            model.set_params(hidden_layer_sizes=(2000,))
            limit = pages * resource.getpagesize() + megabytes * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, -1))
            try:
                model.fit(X)
            except MemoryError as error:
                resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
                assert (model.transform(X) == codes).all()
                print("refused:", error)
        """
    )
    assert done.stdout.count("refused:") == 4, done
    record_property("faults", 4)


# --- processes and threads --------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_do_not_hang(record_property):
    """Not even after this process has used several threads of torch."""
    done = run(
        """
        import joblib, numpy as np, torch
        from sklearn.model_selection import cross_val_score
        from skvae import GSMTopicModel

        torch.set_num_threads(2)
        X = np.random.default_rng(0).poisson(0.01, (300, 3000))
        model = GSMTopicModel(5, max_epochs=2, batch_size=100, random_state=0).fit(X)
        codes = model.transform(X)
        with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
            parts = joblib.Parallel()(
                joblib.delayed(model.transform)(part) for part in (X[:150], X[150:])
            )
            scores = cross_val_score(model, X, cv=2)
        np.testing.assert_allclose(np.vstack(parts), codes, rtol=1e-5)
        assert np.isfinite(scores).all()
        assert torch.get_num_threads() == 2
        print("done")
        """,
        OMP_NUM_THREADS="2",
    )
    assert done.stdout.endswith("done\n") and not done.stderr, done
    record_property("faults", 2)


@each_model
def test_a_fitted_model_serves_many_threads(cls, X):
    model = make(cls).fit(X)
    codes, bounds = model.transform(X), model.score_samples(X)
    for method, expected in [(model.transform, codes), (model.score_samples, bounds)]:
        jobs = [joblib.delayed(method)(X) for _ in range(20)]
        for result in joblib.Parallel(n_jobs=4, backend="threading")(jobs):
            np.testing.assert_array_equal(result, expected)


# --- the rest of the program ------------------------------------------------------


@each_model
def test_nothing_else_in_the_program_changes(cls, X, tmp_path):
    # The first optimizer of a process imports sympy, which adds a filter for warnings
    # of its own.
    torch.optim.Adam([torch.zeros(1)])
    model, path = make(cls, early_stopping=True, dropout=0.2), str(tmp_path / "model")
    calls = {
        "fit": lambda: model.fit(X),
        "partial_fit": lambda: model.partial_fit(X),
        "results": lambda: results(model, X),
        "score": lambda: model.score(X),
        "save": lambda: model.save(path),
        "load": lambda: skvae.load(path),
        "copy": lambda: copy.deepcopy(model),
        "a failed fit": lambda: copy.copy(model).set_params(lr=1e30).fit(X),
        "bad input": lambda: model.fit(X * np.nan),
        "a damaged file": lambda: skvae.load(__file__),
    }
    for name, call in calls.items():
        before = surroundings()
        with contextlib.suppress(ValueError):
            call()
        assert surroundings() == before, name


@contextlib.contextmanager
def default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def default_type(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS = {
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "device": lambda: torch.device("meta"),  # of tensors without values
    "default device": default_device,
    "default float64": partial(default_type, torch.float64),
    "default float16": partial(default_type, torch.float16),
    "autocast bfloat16": partial(torch.autocast, "cpu", torch.bfloat16),
    "autocast float16": partial(torch.autocast, "cpu", torch.float16),
}


class Lazy(nn.Sequential):
    """A network of the user's that torch makes in its default type."""

    def __init__(self, n_features):
        super().__init__(nn.LazyLinear(5), nn.BatchNorm1d(5), nn.Tanh())


SET_ABOUT = {
    **{cls.__name__: make(cls) for cls in MODELS},
    "convolutions": make(
        VAETransformer, architecture="conv", image_shape=(3, 3), batch_norm=True
    ),
    "own network": make(VAETransformer, encoder=Lazy),
    "mixed": make(
        VAETransformer,
        likelihood=[("gaussian", [0, 1, 2]), ("negative-binomial", slice(3, 9))],
        scale="per-feature",
        hidden_layer_sizes=(4,),
        dropout=0.2,
    ),
}


def results(model, X):
    rows = model.sample(3, random_state=0)
    return [
        model.transform(X),
        *model.posterior(X),
        model.score_samples(X),
        model.score_samples(X, bound="importance"),
        model.inverse_transform(model.transform(X)),
        rows.toarray() if sparse.issparse(rows) else rows,
        model.health_["kl_per_unit"],
    ]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", SET_ABOUT)
def test_settings_of_torch_change_nothing(name, setting, X, tmp_path):
    expected = copy.copy(SET_ABOUT[name]).fit(X).partial_fit(X)
    with SETTINGS[setting]():
        model = copy.copy(SET_ABOUT[name]).fit(X).partial_fit(X)
        assert digest(model) == digest(expected)
        if name != "own network":
            model.save(tmp_path / "model")
            model = skvae.load(tmp_path / "model")
        for found, wanted in zip(results(model, X), results(expected, X), strict=True):
            np.testing.assert_array_equal(found, wanted, strict=True)
    again = copy.deepcopy(expected).partial_fit(X)
    with SETTINGS[setting]():
        assert digest(copy.deepcopy(model).partial_fit(X)) == digest(again)


# --- input that is hard on the numbers --------------------------------------------


@pytest.mark.parametrize(
    "cls", [NVDMTopicModel, slow(GSMTopicModel), slow(ProdLDATopicModel)]
)
def test_a_document_of_a_million_tokens_spoils_no_fit(cls, record_property):
    """The others are predicted about as well as without it."""
    X = make_topic_corpus(2000, 100, 3, mean_length=50, random_state=0).data
    long = sparse.csr_array(([1e6], ([0], [7])), shape=(1, 100))
    train, test = sparse.csr_array(X[:1500]), sparse.csr_array(X[1500:])
    model = cls(3, max_epochs=10, batch_size=50, random_state=0)
    without, beside = (
        document_completion_perplexity(model.fit(rows), test, random_state=0)
        for rows in (train, sparse.vstack([train, long], format="csr"))
    )
    assert beside < 1.25 * without
    assert np.isfinite(model.transform(long)).all() and np.isfinite(model.score(long))
    record_property("odd inputs", 1)


@pytest.mark.parametrize("batch_size", [4, 39])
@pytest.mark.parametrize("params", [{}, dict(batch_norm=True)])
def test_a_remainder_of_one_row_meets_no_batch_norm(batch_size, params, X):
    """41 rows in batches of 4 leave one, and of 40 as well."""
    X = np.vstack([X, X[:1]])
    for n_rows in (batch_size + 1, 41):
        model = make(VAETransformer, batch_size=batch_size, **params).fit(X[:n_rows])
        assert np.isfinite(model.transform(X)).all()
