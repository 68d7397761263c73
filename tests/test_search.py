"""Searches over parameters, in one process and in several workers."""

import joblib
import numpy as np
import pytest
from helpers import digest, make
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline

import skvae
from skvae import GSMTopicModel, VAETransformer

CLASSES = [GSMTopicModel, VAETransformer]
KINDS = ["grid", "halving"]


@pytest.fixture(scope="module")
def X(corpus):
    return corpus.data[:80]


def halving(model, prefix="", **params):
    resource = f"{prefix}max_epochs"
    given = dict(resource=resource, cv=2, random_state=0)
    return HalvingGridSearchCV(model, **params, **given)


def searches(cls):
    numbers = {"n_components": [2, 3, 4, 5]}
    steps = dict(min_resources=1, max_resources=4, factor=2)
    return {
        "grid": GridSearchCV(make(cls), {"n_components": [2, 3]}, cv=2),
        "halving": halving(make(cls), param_grid=numbers, **steps),
    }


def scores_and_weights(search):
    scores = search.cv_results_["mean_test_score"].tolist()
    return scores, digest(search.best_estimator_)


def results(kind, X, **params):
    search = searches(GSMTopicModel)[kind].set_params(**params)
    return scores_and_weights(search.fit(X))


@pytest.fixture(scope="module")
def expected(X):
    """Results of searches in this process; what workers do is the same for all."""
    return {kind: results(kind, X) for kind in KINDS}


@pytest.mark.parametrize("cls", CLASSES)
def test_halving_gives_more_epochs_to_fewer_models(cls, X):
    search = searches(cls)["halving"].fit(X)
    table = search.cv_results_
    epochs = [params["max_epochs"] for params in table["params"]]
    assert epochs == [1] * 4 + [2] * 2 + [4]
    assert search.n_resources_ == [1, 2, 4]
    assert search.best_estimator_.n_iter_ == 4
    assert np.isfinite(table["mean_test_score"]).all()


@pytest.mark.slow
def test_halving_finds_the_planted_number_of_topics(corpus):
    model = make(GSMTopicModel, lr=0.03, hidden_layer_sizes=(30,))
    search = halving(
        Pipeline([("topics", model)]),
        "topics__",
        param_grid={"topics__n_components": [1, 2, 3]},
        min_resources=8,
        max_resources=24,
        factor=3,
    ).fit(corpus.data)
    assert search.best_params_["topics__n_components"] == 3


@pytest.mark.parametrize("backend, kind", [("loky", "grid"), ("threading", "halving")])
def test_workers_give_what_one_process_gives(backend, kind, X, expected):
    with joblib.parallel_config(backend=backend):
        assert results(kind, X, n_jobs=2) == expected[kind]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [False, True])
# dask's own loggers and sockets end when they like.
@pytest.mark.filterwarnings("ignore")
def test_workers_of_dask_give_what_one_process_gives(processes, X, expected):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2 if processes else 1,
            threads_per_worker=1 if processes else 2,
            processes=processes,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster),
    ):
        with joblib.parallel_config(backend="dask"):
            assert {kind: results(kind, X, n_jobs=2) for kind in KINDS} == expected


class Recorder:
    """A callback of scikit-learn that notes tasks, and may wish for an end."""

    max_propagation_depth = None

    def __init__(self, last_epoch=None):
        self.last_epoch = last_epoch
        self.begun, self.ended, self.depth = [], [], 0

    def setup(self, estimator, context):
        self.depth += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.estimator_name, context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.ended.append((context.estimator_name, context.task_name))
        return context.task_name == "epoch" and context.task_id == self.last_epoch

    def teardown(self, estimator, context):
        self.depth -= 1


@pytest.fixture
def recorder():
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")
    return Recorder


def test_callbacks_of_a_search_see_each_epoch(X, recorder, expected):
    callback = recorder()
    search = searches(GSMTopicModel)["grid"].set_callbacks(callback).fit(X)
    epoch = "GSMTopicModel", "epoch"
    assert callback.begun.count(epoch) == 5 * make(GSMTopicModel).max_epochs
    assert sorted(callback.begun) == sorted(callback.ended) and callback.depth == 0
    assert scores_and_weights(search) == expected["grid"]
    assert not [name for name in vars(search.best_estimator_) if "callback_" in name]


def test_a_callback_may_end_a_fit(X, recorder, tmp_path):
    model = make(GSMTopicModel, max_epochs=5).set_callbacks(recorder(last_epoch=1))
    assert model.fit(X).n_iter_ == 2
    model.save(tmp_path / "model")  # without the callback
    assert not hasattr(skvae.load(tmp_path / "model"), "_skl_callbacks")


def test_callbacks_are_let_go_of_when_a_fit_fails(X, recorder):
    callback = recorder()
    model = make(GSMTopicModel).set_callbacks(callback)
    with pytest.raises(ValueError, match="no counts in X"):
        model.fit(0 * X)
    assert callback.depth == 0 and not hasattr(model, "_callback_fit_ctx")
