"""One model trained by two processes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import MODELS, digest, make

from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.datasets import make_topic_corpus
from skvae.distributed import data_parallel
from skvae.shards import write_shards
from skvae.training.data import RowDataset

torch_distributed = pytest.importorskip("torch.distributed")
if not torch_distributed.is_available():  # as in torch's builds for macOS
    pytest.skip("torch was built without it", allow_module_level=True)


def corpus():
    return make_topic_corpus(501, 40, 3, mean_length=30, random_state=0).data


def fits():
    """What is trained, by name: class and parameters."""
    usual = {cls.__name__: (cls, {}) for cls in MODELS}
    plain = dict(variational=False, batch_norm=False, max_epochs=10)
    return usual | {
        "early stopping": (NVDMTopicModel, {"early_stopping": True}),
        "random": (GSMTopicModel, {"random_state": None, "max_epochs": 1}),
        "plain": (VAETransformer, plain),
        "paper": (GSMTopicModel, {"recipe": "paper"}),
    }


def model_of(name):
    cls, params = fits()[name]
    trained = dict(n_components=3, hidden_layer_sizes=(30,), max_epochs=4)
    return make(cls, **{**trained, "batch_size": 100, **params})


class Loaded:
    """Counts the rows that this process takes for training."""

    def __init__(self):
        self.n_rows = 0
        self.take = RowDataset.__getitems__
        RowDataset.__getitems__ = lambda rows, indices: self.count(rows, indices)

    def count(self, rows, indices):
        self.n_rows += len(indices)
        return self.take(rows, indices)

    def since(self):
        n_rows, self.n_rows = self.n_rows, 0
        return n_rows


def facts_of(model, X):
    return {
        "digest": digest(model),
        "history": str(model.history_),
        "health": str(model.health_),
        "score": model.score(X),
    }


def labels():
    return (corpus()[:, 0].toarray()[:, 0] > 0).astype(int)


def conditioned_facts_of(model):
    score = model.score(corpus(), covariates=labels())
    return {"digest": digest(model), "score": score}


def in_each_process(folder):
    """Train everything; what is found goes to a file. Run by torchrun."""
    torch_distributed.init_process_group("gloo")
    X, found, loaded = corpus(), {}, Loaded()
    rank = torch_distributed.get_rank()
    with data_parallel():
        for name in fits():
            found[name] = facts_of(model_of(name).fit(X), X)
            found[name]["rows"] = loaded.since()
        model = model_of("NVDMTopicModel").fit(write_shards([X], f"{folder}/{rank}"))
        found["shards"] = facts_of(model, X)
        for rows in (X[:200], X[200:]):
            model.partial_fit(rows)
        found["partial_fit"] = facts_of(model, X)
        model = model_of("GSMTopicModel").fit(X, covariates=labels())
        found["covariates"] = conditioned_facts_of(model)
    errors = {
        "differs": (model_of("NVDMTopicModel"), X[: 100 + rank]),
        "diverges": (model_of("NVDMTopicModel").set_params(lr=1e9), X),
        "too few rows": (model_of("NVDMTopicModel").set_params(batch_size=1), X),
    }
    for name, (model, rows) in errors.items():
        try:
            with data_parallel():
                model.fit(rows)
        except ValueError as error:
            found[name] = str(error)
    found["alone"] = facts_of(model_of("NVDMTopicModel").fit(X), X)  # as before
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    torch_distributed.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes has found."""
    folder = tmp_path_factory.mktemp("processes")
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, "-m", *launch, __file__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", [*fits(), "shards", "partial_fit", "covariates"])
def test_all_processes_have_the_same_model(name, found):
    first, second = ({**facts[name], "rows": None} for facts in found)
    assert first == second


@pytest.mark.parametrize("name", [cls.__name__ for cls in MODELS])
def test_each_row_is_trained_on_by_one_process(name, found):
    shares = [facts[name]["rows"] for facts in found]
    assert sum(shares) == 4 * 501
    assert abs(shares[0] - shares[1]) <= 4 * 6  # a row in each of 6 batches


@pytest.mark.parametrize(
    "name, tolerance",
    [
        *(("NVDMTopicModel", 0.02), ("GSMTopicModel", 0.02), ("VAETransformer", 0.02)),
        ("ProdLDATopicModel", 0.05),  # whose decoder standardises parts of batches
        ("plain", 1e-3),  # by gradients of whole batches, without noise and batch norm
    ],
)
def test_the_model_is_close_to_that_of_one_process(name, tolerance, found):
    alone = model_of(name).fit(corpus()).score(corpus())
    assert found[0][name]["score"] == pytest.approx(alone, rel=tolerance)


def test_covariates_are_given_to_all(found):
    alone = model_of("GSMTopicModel").fit(corpus(), covariates=labels())
    score = conditioned_facts_of(alone)["score"]
    assert found[0]["covariates"]["score"] == pytest.approx(score, rel=0.02)


def test_shards_are_the_matrix_to_all(found):
    assert found[0]["shards"]["digest"] == found[0]["NVDMTopicModel"]["digest"]


def test_a_fit_outside_is_that_of_one_process(found):
    alone = facts_of(model_of("NVDMTopicModel").fit(corpus()), corpus())
    assert found[0]["alone"] == found[1]["alone"] == alone


@pytest.mark.parametrize(
    ("name", "message"),
    {
        "differs": "differ in model or data.*100, 40.*101, 40",
        "diverges": "diverged|NaN or infinite",
        "too few rows": "2 processes cannot share batches of 1 rows",
    }.items(),
)
def test_all_processes_fail_together(name, message, found):
    for facts in found:
        assert re.search(message, facts[name])


def test_a_process_group_is_needed():
    with pytest.raises(RuntimeError, match="needs a process group.*torchrun"):
        with data_parallel():
            pass


def test_a_group_of_one_is_a_usual_fit():
    store = torch_distributed.HashStore()
    torch_distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        with data_parallel():
            model = make(GSMTopicModel).fit(corpus())
    finally:
        torch_distributed.destroy_process_group()
    assert digest(model) == digest(make(GSMTopicModel).fit(corpus()))


if __name__ == "__main__":
    in_each_process(sys.argv[1])
