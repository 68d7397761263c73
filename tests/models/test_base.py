"""The contract of all models: determinism, persistence, state, output."""

import copy
import io
import pickle
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers import MODELS, digest, each_model, through_joblib, weights
from helpers import make_tanh as make
from scipy import sparse
from sklearn.base import clone

from skvae import NVDMTopicModel, VAETransformer


@each_model
def test_one_number_is_one_hidden_layer(cls, X, fitted):
    """As to scikit-learn's MLPClassifier."""
    one = make(cls, hidden_layer_sizes=7).fit(X)
    assert digest(one) == digest(fitted[cls])
    assert clone(one).hidden_layer_sizes == 7


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


# --- going on -------------------------------------------------------------------


def assert_same_model(a, b, X):
    assert digest(a) == digest(b)
    assert a.n_iter_ == b.n_iter_
    pd.testing.assert_frame_equal(a.history_, b.history_)
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))


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


ROUND_TRIPS = {  # files are tried in tests/test_persistence.py
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "old pickle protocol": lambda model: pickle.loads(pickle.dumps(model, 2)),
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
# Weights of convolutions lie in memory in an order of their own.
IMAGES = dict(architecture="conv", image_shape=(3, 4), channels=(3, 2))
KINDS = [*MODELS, partial(VAETransformer, **IMAGES)]


@pytest.mark.parametrize("trip", ROUND_TRIPS)
@pytest.mark.parametrize("kind", KINDS, ids=[*(c.__name__ for c in MODELS), "images"])
def test_training_goes_on_as_if_never_saved(kind, trip, X):
    model = make(kind, warm_start=True, dropout=0.2).partial_fit(X)
    loaded = ROUND_TRIPS[trip](model)
    assert_same_model(loaded, model, X)
    before = digest(loaded)
    for go_on in ("partial_fit", "fit"):
        getattr(model, go_on)(X)
        assert digest(loaded) == before  # nothing is shared
        getattr(loaded, go_on)(X)
        assert_same_model(loaded, model, X)
        before = digest(loaded)


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
    few = make(cls).fit(X[:20])
    many = make(cls, batch_size=4000).fit(np.tile(X, (100, 1)))
    assert abs(len(pickle.dumps(many)) - len(pickle.dumps(few))) < 500


@each_model
def test_unfitted_models_pickle_and_clone(cls, X, fitted):
    for trip in [*ROUND_TRIPS.values(), clone]:
        assert digest(trip(make(cls)).fit(X)) == digest(fitted[cls])


# --- nothing else changes -------------------------------------------------------


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
def test_output_as_a_data_frame_has_named_columns(cls, X, fitted):
    out = copy.deepcopy(fitted[cls]).set_output(transform="pandas").transform(X)
    assert isinstance(out, pd.DataFrame)
    name = "vaetransformer" if cls is VAETransformer else "topic "
    assert list(out.columns) == [f"{name}{k}" for k in range(3)]
    np.testing.assert_array_equal(out, fitted[cls].transform(X))


@each_model
def test_output_has_the_precision_of_the_input(cls, X, fitted):
    for dtype in (np.float32, np.float64):
        assert fitted[cls].transform(X.astype(dtype)).dtype == dtype
    assert fitted[cls].transform(X.astype(int)).dtype == np.float64


# --- small and odd shapes -------------------------------------------------------


@each_model
@pytest.mark.parametrize(
    "changed", [dict(lr=-1), dict(lr="low"), dict(verbose=None), dict(callbacks=3)]
)
def test_parameters_for_the_next_fit_do_not_spoil_a_pickle(cls, changed, fitted, X):
    model = copy.deepcopy(fitted[cls]).set_params(**changed)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), fitted[cls].transform(X))


def test_integer_counts_are_not_copied(monkeypatch, X):
    seen = []
    monkeypatch.setattr(
        NVDMTopicModel, "_start", lambda self, module, data, is_new: seen.append(data)
    )
    X = sparse.csr_array(X.astype(np.int64))
    NVDMTopicModel(2, max_epochs=1, early_stopping=True).fit(X)
    assert np.shares_memory(seen[-1].X.data, X.data)
    assert np.shares_memory(seen[-1].X.indices, X.indices)
