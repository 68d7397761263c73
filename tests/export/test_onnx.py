"""ONNX graphs compute what models do."""

import json
import logging
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import MODELS, make
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch.torch_version import TorchVersion

from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.export import to_onnx
from skvae.export._onnx import OLDEST_TORCH

VARIANTS = {
    **{cls.__name__: (cls, {}) for cls in MODELS},
    "stick-breaking": (GSMTopicModel, {"topic_construction": "stick-breaking"}),
    "recurrent": (GSMTopicModel, {"topic_construction": "recurrent"}),
    "linear": (NVDMTopicModel, {"hidden_layer_sizes": ()}),
    "convolutional": (
        VAETransformer,
        {"architecture": "conv", "image_shape": (5, 8), "channels": (3,)},
    ),
    "per feature": (VAETransformer, {"scale": "per-feature", "dropout": 0.1}),
    "own": (VAETransformer, {"encoder": lambda n: torch.nn.Linear(n, 4)}),
    "missing values": (VAETransformer, {}),
}

FEW = "NVDMTopicModel", "recurrent", "convolutional", "per feature", "missing values"


@pytest.fixture(scope="module")
def exporter():
    """Skip a test where there is none."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("torch", OLDEST_TORCH)


@pytest.fixture(scope="module")
def X(corpus):
    return corpus.data[:60]


@pytest.fixture(scope="module")
def exported(X, tmp_path_factory, exporter):
    """A model that knows its words, and its graph."""
    frame = pd.DataFrame(X.toarray(), columns=[f"word{i}" for i in range(40)])
    model, path = make(GSMTopicModel).fit(frame), tmp_path_factory.mktemp("onnx") / "m"
    to_onnx(model, path)
    return model, path


# --- ONNX -------------------------------------------------------------------------


def session(path):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    "name",
    [
        # Others are made of the same parts.
        pytest.param(name, marks=() if name in FEW else pytest.mark.slow)
        for name in VARIANTS
    ],
)
def test_a_graph_computes_what_transform_does(name, X, tmp_path, capfd, exporter):
    """And its export is silent and changes nothing."""
    cls, params = VARIANTS[name]
    rows = X.toarray().astype(np.float32)
    if name == "missing values":
        rows[::3, 1] = np.nan
    model = make(cls, **params).fit(rows)
    before, state = model.transform(rows), torch.get_rng_state()
    filters, level = warnings.filters[:], logging.getLogger("torch.onnx").level
    to_onnx(model, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert warnings.filters == filters
    assert logging.getLogger("torch.onnx").level == level
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(model.transform(rows), before)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    run = session(tmp_path / "model.onnx").run
    for some in (rows, rows[:1], 0 * rows[:2]):
        (codes,) = run(["codes"], {"X": some})
        np.testing.assert_allclose(codes, model.transform(some), rtol=1e-4, atol=1e-5)


def test_a_graph_is_made_under_any_default_device_and_type(X, tmp_path, exported):
    model, plain = exported
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            to_onnx(model, tmp_path / "model.onnx")
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    rows = {"X": X.toarray().astype(np.float32)}
    paths = tmp_path / "model.onnx", plain
    found, expected = (session(path).run(["codes"], rows)[0] for path in paths)
    np.testing.assert_array_equal(found, expected)


def test_a_graph_tells_where_it_comes_from(exported):
    onnx = pytest.importorskip("onnx")
    model, path = exported
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    about = {entry.key: entry.value for entry in graph.metadata_props}
    assert about["class"] == "GSMTopicModel"
    assert json.loads(about["feature_names"]) == list(model.feature_names_in_)
    assert graph.producer_name == "skvae"


def test_what_cannot_be_exported_is_told(X, tmp_path, monkeypatch, exporter):
    path = tmp_path / "model.onnx"
    with pytest.raises(NotFittedError):
        to_onnx(make(GSMTopicModel), path)
    model = make(GSMTopicModel).fit(X)
    with pytest.raises(TypeError, match="model of skvae, not a Pipeline"):
        to_onnx(make_pipeline(model), path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        to_onnx(model, tmp_path / "none" / "model.onnx")
    with monkeypatch.context() as patch, pytest.raises(ImportError, match="found 2.6"):
        patch.setattr(torch, "__version__", TorchVersion("2.6.0"))
        to_onnx(model, path)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"pip install 'skvae\[onnx\]'"):
        to_onnx(model, path)
    assert not list(tmp_path.iterdir())
