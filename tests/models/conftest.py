import numpy as np
import pytest
from helpers import MODELS, TOPIC_MODELS, low_rank, make_tanh, make_topics, make_vae


@pytest.fixture(scope="session")
def trained(corpus):
    """Topic models, well trained on the first documents of the planted corpus."""
    params = dict(lr=0.02, max_epochs=50)
    X = corpus.data[:240]
    return {cls: make_topics(cls, **params).fit(X) for cls in TOPIC_MODELS}


@pytest.fixture(scope="session")
def linear():
    """A VAE without hidden layers: probabilistic PCA, fitted by gradient steps."""
    params = dict(lr=0.03, max_epochs=80, batch_size=50, kl_warmup=0.3)
    return make_vae(hidden_layer_sizes=(), **params).fit(low_rank())


@pytest.fixture(scope="session")
def X():
    return np.random.default_rng(0).poisson(1.0, (40, 12)).astype(float)


@pytest.fixture(scope="session")
def fitted(X):
    """One fitted model a class, not to be changed."""
    return {cls: make_tanh(cls).fit(X) for cls in MODELS}
