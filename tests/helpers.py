"""What several test files need."""

import copy
import hashlib
import inspect
import io
import tempfile
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

import skvae
from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.training.net import VAENet

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
each_topic_model = pytest.mark.parametrize("cls", TOPIC_MODELS)


# --- models that are trained for a few steps -----------------------------------------


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
    if "init" in inspect.signature(cls).parameters:
        small["init"] = "random"  # most tests are about training, not about its start
    return cls(**{**small, **params})


make_tanh = partial(
    make,
    n_components=3,
    hidden_layer_sizes=(7,),
    activation="tanh",
    lr=0.01,
    batch_size=25,
)
make_topics = partial(
    make, n_components=3, hidden_layer_sizes=(20,), lr=0.01, batch_size=64
)
make_vae = partial(
    make,
    VAETransformer,
    hidden_layer_sizes=(8,),
    activation="tanh",
    lr=0.01,
    max_epochs=4,
    batch_size=16,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return {key: w.numpy() for key, w in model.net_.module_.state_dict().items()}


def assert_same_weights(one, other):
    """Equal in every bit."""
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def digest(model):
    """Hash of all weights of a fitted model: equal if they agree in every bit."""
    sha = hashlib.sha256()
    for key, value in weights(model).items():
        sha.update(key.encode() + value.tobytes())
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


class Spy(Callback):
    """Sees what training does; the copy that an estimator takes of it is itself."""

    def __deepcopy__(self, memo):
        return self

    def on_train_begin(self, net, **kwargs):
        self.epochs, self.inputs, self.rates, self.warmups = [], [], [], []

    def on_epoch_begin(self, net, **kwargs):
        self.epochs.append([])

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        (inputs, *_), target = batch
        if training:
            self.inputs.append(inputs.numpy())
            self.epochs[-1].append(target.numpy())
            self.rates.append(net.optimizer_.param_groups[0]["lr"])
            self.warmups.append(net.criterion_.warmup)


class Raises(Callback):
    def __init__(self, error, epoch=2):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) >= self.epoch:
            raise self.error


# --- rows and topics -----------------------------------------------------------------

NOISE = 0.5


def low_rank(n_samples=300, n_features=8):
    """Rows near a plane, centred; the two directions differ in variance."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(n_features, 2)))
    X = rng.normal(size=(n_samples, 2)) * [3, 2] @ basis.T
    X += NOISE * rng.normal(size=X.shape)
    return X - X.mean(axis=0)


LIKELIHOODS = {
    "gaussian": lambda rng: rng.normal(size=(30, 6)),
    "bernoulli": lambda rng: (rng.random((30, 6)) < 0.4).astype(float),
    "multinomial": lambda rng: rng.poisson(1.0, (30, 6)).astype(float),
}
each_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS)


def words_in_columns(corpus):
    return pd.DataFrame(
        corpus.data.toarray(), columns=[f"w{j}" for j in range(corpus.data.shape[1])]
    )


CONTAINERS = {
    "dense": np.asarray,
    "integers": lambda X: X.astype(np.int32),
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "csr_array": sparse.csr_array,
    "coo_array": sparse.coo_array,
    "DataFrame": pd.DataFrame,
}


def planted_topics(n_samples=120, random_state=0):
    """Documents of 40 tokens from one of 3 topics with 6 words of their own each."""
    rng = np.random.default_rng(random_state)
    topics = np.kron(np.eye(3), np.full(6, 1 / 6))
    return np.array(
        [rng.multinomial(40, topics[d % 3]) for d in range(n_samples)], dtype=float
    )


class Oracle(BaseEstimator):
    """Predicts fixed word weights, of which every document has the first topic."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, X, y=None):
        self.components_ = np.atleast_2d(self.weights)
        return self

    def transform(self, X):
        return np.tile(np.eye(1, len(self.components_)), (X.shape[0], 1))

    def inverse_transform(self, X):
        return X @ self.components_


# --- pictures and pages --------------------------------------------------------------


def save(display):
    """Draw it for good, as a user would; warnings are errors."""
    display.figure_.savefig(io.BytesIO())


def bars(ax):
    """Words and lengths of the bars of a panel, from the top."""
    order = np.argsort(ax.get_yticks())
    if not ax.yaxis_inverted():
        order = order[::-1]
    words = [text.get_text() for text in ax.get_yticklabels()]
    return [words[i] for i in order], [ax.patches[i].get_width() for i in order]


EVIL = "<script>document.title = 'evil'</script><img src=x onerror=alert(1)>"


def train_briefly(monkeypatch):
    """Let every fit end after three epochs: code is to run, not to find good topics."""
    train_on = VAENet.train_on

    def briefly(self, *args, n_epochs, **params):
        train_on(self, *args, n_epochs=min(n_epochs, 3), **params)

    monkeypatch.setattr(VAENet, "train_on", briefly)
