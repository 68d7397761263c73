"""Words, topics and documents on one map."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.preprocessing import normalize
from sklearn.utils import check_scalar
from threadpoolctl import threadpool_limits

from skvae.models.fitted import FittedTopics, cosines


def embedding_map(
    model,
    X=None,
    *,
    n_words=10,
    n_documents=10,
    transformer=None,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Words, topics and documents as points of one plane.

    Shown are all topics, the top words of each, and the documents closest to each.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Documents, as the input of `model`. None shows none.
    n_words : int, default=10
        Number of top words of each topic, or all words if there are fewer.
    n_documents : int, default=10
        Number of documents for each topic.
    transformer : transformer with `fit_transform`, default=None
        Takes the vectors, at unit length, to two dimensions; it is cloned. None is
        t-SNE with ``random_state=0``, started from the principal components, which
        gives the same map again.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    points : DataFrame of shape (n_points, 5)
        Topics come first, then words and documents, with the columns "kind" ("topic",
        "word" or "document"), "label" (name of the topic, the word, or the number of
        the document's row of X), "x" and "y", and "topic", the number of the closest
        topic.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, if there are fewer than three points, or if the
        transformer does not give two columns.

    See Also
    --------
    skvae.plotting.EmbeddingMapDisplay : Draws it.
    document_embeddings : What space the points are taken from.

    Examples
    --------
    >>> from sklearn.decomposition import PCA, LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import embedding_map
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> points = embedding_map(model, texts, n_words=2, transformer=PCA(2))
    >>> points["kind"].value_counts().to_dict()
    {'word': 4, 'document': 4, 'topic': 2}
    """
    check_scalar(n_documents, "n_documents", Integral, min_val=1)
    topics = FittedTopics.of(model, X, None, feature_names, covariates, embeddings)
    words = np.unique(topics.leading_columns(n_words))
    kinds = [
        ("topic", topics.topic_names, topics.topic_vectors),
        ("word", topics.words[words], topics.word_vectors[words]),
    ]
    if topics.X is not None:
        rows, similarity = topics.nearest_documents(n_documents)
        rows = np.unique(rows[np.isfinite(similarity)])
        kinds.append(("document", rows, topics.vectors[rows]))
    parts = [
        pd.DataFrame({"kind": kind, "label": np.asarray(labels, dtype=object)})
        for kind, labels, _ in kinds
    ]
    points = pd.concat(parts, ignore_index=True)
    vectors = normalize(np.concatenate([vectors for *_, vectors in kinds]))
    points[["x", "y"]] = to_plane(vectors, transformer)
    points["topic"] = cosines(vectors, topics.topic_vectors).argmax(axis=1)
    n_topics = len(topics.components)
    points.loc[: n_topics - 1, "topic"] = np.arange(n_topics)
    return points


def to_plane(vectors, transformer=None):
    """Return vectors in two dimensions, by t-SNE unless there is a transformer."""
    if len(vectors) < 3:
        raise ValueError(f"A map needs 3 points, but there are {len(vectors)}.")
    if transformer is not None:
        plane = np.asarray(clone(transformer).fit_transform(vectors))
    else:
        from sklearn.manifold import TSNE  # late, since it takes long

        tsne = TSNE(
            perplexity=min(30, (len(vectors) - 1) / 3),
            init="pca" if vectors.shape[1] > 1 else "random",
            random_state=0,
        )
        # The result would depend on the number of threads, and small maps on many of
        # them wait more than they work.
        with threadpool_limits(1):
            plane = tsne.fit_transform(vectors)
    if plane.shape != (len(vectors), 2):
        raise ValueError(
            f"{type(transformer).__name__} made an array of shape {plane.shape} of "
            f"{len(vectors)} vectors. Pass one that makes two columns, such as PCA(2)."
        )
    return plane


# --- labels on a map -------------------------------------------------------------

# Where a label lies about its point, tried in this order: -1 is left or below, 1 right
# or above.
_PLACES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]


def place_labels(points, sizes, bounds, *, gap=4.0, obstacles=(), on_points=False):
    """Place labels beside or on their points, the first ones first.

    Parameters
    ----------
    points : array of shape (n_labels, 2)
        Points to be labelled, the most important first.
    sizes : array of shape (n_labels, 2)
        Widths and heights of the labels, in the unit of the points.
    bounds : tuple of 4 floats
        Left, bottom, right and top of the area that labels stay in.
    gap : float or array of shape (n_labels,)
        Distance from a point to its label; failing that, twice and four times it.
    obstacles : array of shape (n_obstacles, 4)
        Boxes, as `bounds`, that labels must not cover.
    on_points : bool
        Whether labels lie on their points where there is room.

    Returns
    -------
    centres : array of shape (n_labels, 2)
        NaN of a label that there is no room for.
    """
    taken = np.empty((len(obstacles) + len(points), 4))
    taken[: len(obstacles)] = np.reshape(obstacles, (-1, 4))
    n_taken = len(obstacles)
    centres = np.full((len(points), 2), np.nan)
    gaps = np.broadcast_to(gap, len(points))
    for i, (point, size, gap) in enumerate(zip(points, sizes, gaps)):
        for distance in (gap, 2 * gap, 4 * gap):
            for place in [(0, 0)] * on_points + _PLACES:
                centre = point + np.multiply(place, size / 2 + distance)
                box = np.concatenate([centre - size / 2, centre + size / 2])
                inside = (box[:2] >= bounds[:2]).all() and (box[2:] <= bounds[2:]).all()
                others = taken[:n_taken]
                apart = (others[:, :2] >= box[2:]) | (others[:, 2:] <= box[:2])
                if inside and apart.any(axis=1).all():
                    break
            else:
                continue
            taken[n_taken], centres[i] = box, centre
            n_taken += 1
            break
    return centres
