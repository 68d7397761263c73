import numpy as np
import pytest
from helpers import EVIL
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

import skvae
from skvae.datasets import make_topic_corpus


@pytest.fixture(scope="session")
def texts():
    """Texts of planted topics, the longest with HTML in it; one is empty."""
    corpus = make_topic_corpus(200, 40, 3, word_concentration=0.4, random_state=0)
    texts = [
        " ".join(f"w{j:02}" for j, n in enumerate(row) for _ in range(n))
        for row in corpus.data.toarray()
    ]
    return [*(f"{EVIL} </script> {text}" for text in texts), ""]


@pytest.fixture(scope="session")
def model(texts):
    counts = CountVectorizer(token_pattern=r"w\d\d")
    params = dict(hidden_layer_sizes=(20,), random_state=0, max_epochs=80)
    gsm = skvae.GSMTopicModel(3, batch_size=64, **params)
    return make_pipeline(counts, gsm).fit(texts)


@pytest.fixture(scope="session")
def classes():
    """Of the texts, also by their names hostile."""
    return np.array(["<b>red", "green", "blue"])[np.arange(201) % 3]


@pytest.fixture(scope="session")
def page(model, texts, classes, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    by = np.array(["a<b>", "other"])[np.arange(201) % 2]
    given = dict(path=path, y=classes, by=by, baseline=None)
    assert skvae.report(model, texts, **given) == path
    return path
