"""Held-out quality on real texts, where scikit-learn has them cached, and memory.

Run with `pytest -m slow`; two minutes on one core.
"""

import subprocess
import sys

import pytest
from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import CountVectorizer

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
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
