"""What topic models of other estimators have in common."""

import numpy as np
import pandas as pd
import pytest
from helpers import make
from scipy import sparse
from sklearn.cluster import DBSCAN
from sklearn.decomposition import TruncatedSVD

from skvae import ClusterTopicModel, ConsensusTopicModel, GSMTopicModel, NVDMTopicModel
from skvae.shards import Shards, write_shards


@pytest.mark.parametrize(
    "model",
    [
        ClusterTopicModel(2, estimator=make(NVDMTopicModel), random_state=0),
        ConsensusTopicModel(
            2, estimator=make(GSMTopicModel), n_members=2, random_state=0
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_any_container_gives_the_same_topics(model, corpus, tmp_path):
    counts = corpus.data[:60]
    fitted = model.fit(counts)
    proportions, words = fitted.transform(counts), fitted.components_
    write_shards([counts[:25], counts[25:]], tmp_path / "counts")
    names = [f"w{j}" for j in range(counts.shape[1])]
    frame = pd.DataFrame(counts.toarray(), columns=names)
    for X in (frame, sparse.csc_matrix(counts), Shards(tmp_path / "counts")):
        model.fit(X)
        np.testing.assert_array_equal(model.components_, words)
        np.testing.assert_array_equal(model.transform(X), proportions)
    assert list(model.fit(frame).feature_names_in_) == names


def test_shards_are_checked_as_arrays_are(corpus, tmp_path):
    model = ClusterTopicModel(2, estimator=make(NVDMTopicModel)).fit(corpus.data)
    bad = {"Negative": -corpus.data.astype(float), "39 features": corpus.data[:, :39]}
    for message, X in bad.items():
        write_shards([X], tmp_path / message)
        for call in (model.score, model.transform):
            with pytest.raises(ValueError, match=f"{message}.*ClusterTopicModel"):
                call(Shards(tmp_path / message))


@pytest.mark.parametrize("cls", [ClusterTopicModel, ConsensusTopicModel])
def test_a_fit_that_fails_changes_nothing(cls, corpus):
    X, embeddings = corpus.data, pd.DataFrame(np.eye(300, 3), columns=list("abc"))
    model = cls(2, estimator=make(GSMTopicModel), random_state=0)
    expected = model.fit(X, embeddings=embeddings).transform(X, embeddings=embeddings)
    bad = {"n_components": 50}
    if cls is ClusterTopicModel:
        bad = {"clusterer": DBSCAN(min_samples=1000)}
    good = {name: getattr(model, name) for name in bad}
    model.set_params(**bad)
    with pytest.raises(ValueError, match="found no cluster|must be at most"):
        model.fit(X[:, :39])
    found = model.transform(X, embeddings=embeddings)
    np.testing.assert_array_equal(found, expected)
    assert not hasattr(model.set_params(**good).fit(X), "embedding_names_")


UNUSABLE = {"n_components": 0, "estimator": "lda", "n_members": 1, "n_jobs": 0.5}
UNUSABLE |= {"clusterer": TruncatedSVD(), "random_state": "0"}


@pytest.mark.parametrize("cls", [ClusterTopicModel, ConsensusTopicModel])
def test_unusable_parameters(cls, corpus):
    for name in UNUSABLE.keys() & cls().get_params():
        with pytest.raises(ValueError, match=f"'{name}' parameter of {cls.__name__}"):
            cls(**{name: UNUSABLE[name]}).fit(corpus.data)
