"""What several test files need."""

import copy
import hashlib
import io
import tempfile

import joblib
import numpy as np
import pytest
import torch

import skvae
from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer

TOPIC_MODELS = [NVDMTopicModel, GSMTopicModel, ProdLDATopicModel]
MODELS = [*TOPIC_MODELS, VAETransformer]
PUBLIC_MODULES = [
    "skvae",
    "skvae.datasets",
    "skvae.distributed",
    "skvae.export",
    "skvae.inspection",
    "skvae.metrics",
    "skvae.model_selection",
    "skvae.plotting",
    "skvae.shards",
]
each_model = pytest.mark.parametrize("cls", MODELS)


def draws_of(model, X, n_draws=20_000):
    """Independent draws of codes from q(z | x); (n_draws, n_samples, n_topics)."""
    mean, std = model.posterior(X)
    noise = np.random.default_rng(0).standard_normal((n_draws, *mean.shape))
    link = copy.deepcopy(model.net_.module_.link).double()
    with torch.no_grad():
        return link(torch.from_numpy(mean + std * noise)).numpy()


def make(cls, **params):
    small = dict(
        n_components=2,
        hidden_layer_sizes=(5,),
        max_epochs=3,
        batch_size=8,
        device="cpu",
        random_state=0,
    )
    return cls(**{**small, **params})


def digest(model):
    """Hash of all weights of a fitted model: equal if they agree in every bit."""
    sha = hashlib.sha256()
    for key, value in model.net_.module_.state_dict().items():
        sha.update(key.encode() + value.numpy().tobytes())
    return sha.hexdigest()


def through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def through_file(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model")
        return skvae.load(f"{folder}/model")
