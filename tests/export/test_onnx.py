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
}

FEW = "NVDMTopicModel", "recurrent", "convolutional", "per feature"


@pytest.fixture
def exporter():
    """Skip a test where there is none."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("torch", OLDEST_TORCH)


@pytest.fixture(scope="module")
def X(corpus):
    return corpus.data[:60]


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
def test_a_graph_computes_what_transform_does(name, X, tmp_path, exporter):
    cls, params = VARIANTS[name]
    model = make(cls, **params).fit(X)
    to_onnx(model, tmp_path / "model.onnx")
    run = session(tmp_path / "model.onnx").run
    rows = X.toarray().astype(np.float32)
    for some in (rows, rows[:1], 0 * rows[:2]):
        (codes,) = run(["codes"], {"X": some})
        np.testing.assert_allclose(codes, model.transform(some), rtol=1e-4, atol=1e-5)


def test_a_graph_is_made_under_any_default_device_and_type(X, tmp_path, exporter):
    model = make(GSMTopicModel).fit(X)
    to_onnx(model, tmp_path / "plain.onnx")
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            to_onnx(model, tmp_path / "model.onnx")
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    rows = {"X": X.toarray().astype(np.float32)}
    found, expected = (
        session(tmp_path / name).run(["codes"], rows)[0]
        for name in ("model.onnx", "plain.onnx")
    )
    np.testing.assert_array_equal(found, expected)


def test_a_graph_knows_missing_values(tmp_path, exporter):
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    rows[::3, 1] = np.nan
    model = make(VAETransformer).fit(rows)
    to_onnx(model, tmp_path / "model.onnx")
    (codes,) = session(tmp_path / "model.onnx").run(["codes"], {"X": rows})
    np.testing.assert_allclose(codes, model.transform(rows), rtol=1e-4, atol=1e-5)


def test_a_graph_tells_where_it_comes_from(X, tmp_path, exporter):
    onnx = pytest.importorskip("onnx")
    frame = pd.DataFrame(X.toarray(), columns=[f"word{i}" for i in range(40)])
    to_onnx(make(GSMTopicModel).fit(frame), tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(graph, full_check=True)
    about = {entry.key: entry.value for entry in graph.metadata_props}
    assert about["class"] == "GSMTopicModel"
    assert json.loads(about["feature_names"]) == list(frame.columns)
    assert graph.producer_name == "skvae"


def test_an_export_is_silent_and_changes_nothing(X, tmp_path, capfd, exporter):
    model = make(NVDMTopicModel).fit(X)
    codes, state = model.transform(X), torch.get_rng_state()
    filters, level = warnings.filters[:], logging.getLogger("torch.onnx").level
    to_onnx(model, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert warnings.filters == filters
    assert logging.getLogger("torch.onnx").level == level
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(model.transform(X), codes)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


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
