"""Held-out quality on real data, where scikit-learn has them cached, and memory.

Run with `pytest -m slow`; six minutes on one core.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import fetch_20newsgroups, fetch_openml, get_data_home
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, VAETransformer
from skvae.metrics import document_completion_perplexity, topic_diversity


@pytest.fixture(scope="module")
def newsgroups():
    try:
        texts = fetch_20newsgroups(
            shuffle=True,
            random_state=1,
            remove=("headers", "footers", "quotes"),
            download_if_missing=False,
        ).data
    except OSError:
        pytest.skip("20 newsgroups is not in scikit-learn's data home")
    X = CountVectorizer(
        max_df=0.7,
        min_df=10,
        max_features=1000,
        stop_words="english",
        strip_accents="ascii",
    ).fit_transform(texts)
    train, test = X[:10_000], X[10_000:]
    assert (train.nnz, train.sum()) == (254_311, 479_936)  # the published preparation
    return train, test


# scikit-learn's LDA has about 189 per token and 625 per document.
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "cls, per_token, per_document, diversity",
    [
        (NVDMTopicModel, 140, 440, 0.6),
        (GSMTopicModel, 170, 495, 0.75),
        (ProdLDATopicModel, 165, 475, 0.75),
    ],
)
def test_completion_on_20_newsgroups(
    cls, per_token, per_document, diversity, newsgroups
):
    train, test = newsgroups
    model = cls(20, random_state=0).fit(train)
    assert document_completion_perplexity(model, test) <= per_token
    by_document = document_completion_perplexity(model, test, average="document")
    assert by_document <= per_document
    assert topic_diversity(model) > diversity


@pytest.fixture(scope="module")
def mnist():
    """16,000 images to fit and 4,000 held out."""
    if not (Path(get_data_home()) / "openml").exists():
        pytest.skip("MNIST is not in scikit-learn's data home")
    X, y = fetch_openml(
        "mnist_784", version=1, parser="auto", as_frame=False, return_X_y=True
    )
    X = (X[:20_000] / 255).astype(np.float32)
    return train_test_split(X, test_size=4000, stratify=y[:20_000], random_state=4649)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "params, most",
    [
        (dict(scale=1.0, lr=1e-3, batch_norm=False), 0.0183),  # PCA has 0.0343
        (dict(likelihood="bernoulli"), 0.016),
    ],
)
def test_plain_autoencoder_of_mnist(params, most, mnist):
    train, test = mnist
    common = dict(hidden_layer_sizes=(1000,), max_epochs=30, batch_size=100)
    model = VAETransformer(10, variational=False, random_state=0, **common, **params)
    restored = model.fit(train).reconstruct(test)
    assert ((restored - test) ** 2).mean() <= most


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_bernoulli_vae_of_binarised_mnist(mnist):
    rng = np.random.default_rng(0)
    test, train = ((rng.random(X.shape) < X).astype(np.float32) for X in mnist[::-1])
    common = dict(likelihood="bernoulli", max_epochs=30, batch_size=100, random_state=0)
    assert VAETransformer(20, **common).fit(train).score(test) >= -103


MEMORY = """
import resource

import scipy.sparse as sp
import torch

from skvae import GSMTopicModel

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

torch.set_num_threads(1)
X = sp.random_array((40_000, 5_000), density=0.001, format="csr", rng=0)
X.data = (X.data * 3).astype(int) + 1
start = peak()
model = GSMTopicModel(5, hidden_layer_sizes=(8,), max_epochs=1, random_state=0).fit(X)
model.transform(X)
print(peak() - start)
"""


@pytest.mark.slow
def test_fitting_never_holds_a_dense_copy():
    """Training and transform take less than half of a dense matrix in float32."""
    pytest.importorskip("resource")
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True)
    assert float(run.stdout) < 380, run.stderr
