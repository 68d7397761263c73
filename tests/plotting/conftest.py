import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, LatentDirichletAllocation

from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.datasets import make_topic_corpus

FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


@pytest.fixture(autouse=True)
def figures():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    plt.close("all")  # of doctests
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def data():
    corpus = make_topic_corpus(300, 40, 3, word_concentration=0.4, random_state=0)
    names = [f"w{j}" for j in range(40)]
    return pd.DataFrame(corpus.data.toarray(), columns=names), corpus.target


@pytest.fixture(scope="session")
def models(data):
    X, _ = data
    return {
        "GSM": GSMTopicModel(3, **FAST).fit(X),
        "NVDM": NVDMTopicModel(3, **FAST).fit(X),
        "LDA": LatentDirichletAllocation(3, random_state=0).fit(X),
        "NMF": NMF(3, init="nndsvda").fit(X),
    }


@pytest.fixture(scope="session")
def vae():
    X = load_digits().data[:200] / 16
    return VAETransformer(2, likelihood="bernoulli", **FAST).fit(X), X
