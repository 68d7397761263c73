"""Words, topics and documents in one space.

Of GSM it is that of the embeddings: words and topics have theirs, and a document's is
the mean of those of its topics, weighted by its proportions. Of other models it has a
dimension for each topic, which is a unit vector there: words are columns of
`components_` and documents their codes. Closeness is the cosine.
"""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from skvae.fitted.model import (
    is_signed,
    topic_codes,
    topic_model,
    topic_names,
    word_probabilities,
)
from skvae.fitted.words import leading_columns
from skvae.utils.counts import check_csr


def word_vectors(model):
    """Vectors of the words; shape (n_features, size)."""
    last = topic_model(model)
    if hasattr(last, "word_embeddings_"):
        return last.word_embeddings_
    if is_signed(last):
        return last.components_.T
    return word_probabilities(model).T


def topic_vectors(model):
    """Vectors of the topics; shape (n_components, size)."""
    last = topic_model(model)
    if hasattr(last, "topic_embeddings_"):
        return last.topic_embeddings_
    return np.eye(len(last.components_))


def document_vectors(model, counts, given):
    """Vectors of documents, given as the topic model sees them."""
    return vectors_of(model, topic_codes(model, counts, given))


def vectors_of(model, codes):
    """Vectors of documents of given codes, as of `topic_codes`."""
    return codes @ topic_vectors(model)


def cosines(vectors, others):
    """Cosine of each vector with each of others; zeros are close to nothing."""
    return normalize(vectors) @ normalize(others).T


def nearest_documents(model, counts, vectors, n_documents):
    """Rows of the documents closest to each topic, and their cosines with it.

    Documents are given as counts and as vectors. Those without tokens stand for
    nothing.
    """
    similarity = cosines(vectors, topic_vectors(model))
    similarity[check_csr(counts).sum(axis=1) == 0] = -np.inf
    rows = np.argsort(-similarity.T, axis=1, kind="stable")[:, :n_documents]
    return rows, np.take_along_axis(similarity.T, rows, axis=1)


def to_plane(vectors, transformer=None):
    """Return vectors in two dimensions, by t-SNE unless told otherwise."""
    if len(vectors) < 3:
        raise ValueError(
            f"A map needs 3 points at least, but there are {len(vectors)}."
        )
    if transformer is not None:
        plane = np.asarray(clone(transformer).fit_transform(vectors))
    else:
        from sklearn.manifold import TSNE  # late: who draws no map waits for none

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


def map_of(model, names, documents, n_words=10, n_documents=10, transformer=None):
    """`embedding_map` by names of words, and counts and vectors of documents."""
    last = topic_model(model)
    topics = topic_vectors(model)
    columns = np.unique(leading_columns(last.components_, n_words))
    kinds = [("topic", topic_names(model), topics)]
    kinds += [("word", names[columns], word_vectors(model)[columns])]
    if documents is not None:
        rows, similarity = nearest_documents(model, *documents, n_documents)
        rows = np.unique(rows[np.isfinite(similarity)])
        kinds.append(("document", rows, documents[1][rows]))
    vectors = normalize(np.concatenate([vectors for _, _, vectors in kinds]))
    points = pd.DataFrame(
        {
            "kind": np.repeat(
                [kind for kind, *_ in kinds], [len(v) for *_, v in kinds]
            ),
            "label": np.concatenate([np.asarray(n, dtype=object) for _, n, _ in kinds]),
        }
    )
    points[["x", "y"]] = to_plane(vectors, transformer)
    points["topic"] = cosines(vectors, topics).argmax(axis=1)
    points.loc[: len(topics) - 1, "topic"] = np.arange(len(topics))
    return points
