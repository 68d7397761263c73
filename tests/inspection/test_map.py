"""The map of topics, words and documents."""

import numpy as np
import pandas as pd
import pytest
from helpers import Oracle
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from skvae.inspection import (
    document_embeddings,
    embedding_map,
    representative_documents,
    top_words,
)

KINDS = ["GSM", "NVDM", "LDA", "NMF"]


# --- the map ----------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_map_shows_topics_their_words_and_documents(models, name):
    fitted, X = models
    points = embedding_map(fitted[name], X, n_words=4, n_documents=6)
    pd.testing.assert_frame_equal(
        points, embedding_map(fitted[name], X, n_words=4, n_documents=6)
    )
    kinds = points.groupby("kind", sort=False)["label"]
    assert list(kinds.groups) == ["topic", "word", "document"]
    assert set(kinds.get_group("word")) == set(
        top_words(fitted[name], 4).to_numpy().ravel()
    )
    found = representative_documents(fitted[name], X, n_documents=6)
    assert set(kinds.get_group("document")) == set(found["document"])
    assert points.loc[points["kind"] == "topic", "topic"].tolist() == [0, 1, 2]
    assert np.isfinite(points[["x", "y"]]).all(axis=None)


@pytest.mark.parametrize("name", KINDS)
def test_map_keeps_close_what_is_close(models, name):
    model, X = models[0][name], models[1]
    points = embedding_map(model, X)
    documents = points[points["kind"] == "document"]
    vectors = document_embeddings(model, X).loc[documents["label"].astype(int)]
    # 0.5 is what a random map gets.
    assert trustworthiness(vectors, documents[["x", "y"]], metric="cosine") > 0.85


def test_map_takes_any_transformer_and_leaves_it_alone(models):
    model = models[0]["LDA"]
    pca = PCA(2)
    points = embedding_map(model, transformer=pca, n_words=2)
    assert not hasattr(pca, "components_") and set(points["kind"]) == {"topic", "word"}
    with pytest.raises(ValueError, match="PCA made an array of shape .*, 3. of"):
        embedding_map(model, transformer=PCA(3))


def test_map_needs_names_and_points(models):
    model = Oracle([[1.0]]).fit(None)
    with pytest.raises(ValueError, match="Oracle was fitted without feature names"):
        embedding_map(model)
    with pytest.raises(ValueError, match="needs 3 points, but there are 2"):
        embedding_map(model, feature_names=["a"])
