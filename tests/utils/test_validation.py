"""Texts, words and images in the place of counts, numbers and rows."""

import re
from functools import partial

import numpy as np
import pytest
from helpers import make
from sklearn.datasets import load_digits
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer

from skvae import GSMTopicModel, VAETransformer, inspection, metrics
from skvae.plotting import TopicHierarchyDisplay

READERS = {
    "GSMTopicModel": lambda lda, **names: GSMTopicModel(**names).fit(np.eye(4)),
    "top_words": partial(inspection.top_words, n_words=2),
    "similar_words": partial(inspection.similar_words, word="cat", n_words=2),
    "topic_hierarchy": lambda lda, **names: TopicHierarchyDisplay.from_estimator(
        lda, **names
    ),
    "npmi_coherence": lambda lda, **names: metrics.npmi_coherence(
        [["cat", "dog"]], np.eye(4), n_words=2, **names
    ),
    "sliding_window_npmi": lambda lda, **names: metrics.sliding_window_npmi(
        lda, [["cat", "dog"]], n_words=2, **names
    ),
}


@pytest.fixture(scope="module")
def counted():
    vectorizer = CountVectorizer().fit(["cat dog", "train bus"])
    lda = LatentDirichletAllocation(2, random_state=0).fit(np.eye(4))
    return vectorizer, lda


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["CountVectorizer", "dict"])
def test_a_vectorizer_is_not_its_words(reader, kind, counted):
    vectorizer, lda = counted
    given = {"CountVectorizer": vectorizer, "dict": vectorizer.vocabulary_}[kind]
    right = r"feature_names=vectorizer\.get_feature_names_out\(\)"
    with pytest.raises(TypeError, match=f"feature_names is of type {kind}.*{right}"):
        READERS[reader](lda, feature_names=given)


@pytest.mark.parametrize(
    "reader", [inspection.top_words, lambda m, w: inspection.similar_words(m, "cat", w)]
)
def test_words_are_no_number_of_words(reader, counted):
    vectorizer, lda = counted
    words = vectorizer.get_feature_names_out()
    for given in (words, list(words), vectorizer):
        kind = type(given).__name__
        text = f"n_words is of type {kind}, not a number.*feature_names=vectorizer"
        with pytest.raises(TypeError, match=text):
            reader(lda, given)


@pytest.mark.parametrize(
    "read",
    [
        metrics.npmi_coherence,
        metrics.document_completion_perplexity,
        lambda model, texts: metrics.unigram_perplexity(texts, texts),
    ],
)
def test_texts_of_readers_need_the_pipeline(read, corpus):
    model = make(GSMTopicModel).fit(corpus.data)
    with pytest.raises(ValueError, match="holds texts. Pass vectorizer.*Pipe"):
        read(model, ["cat dog", "train"])


@pytest.mark.parametrize(
    "shape, right", [((28, 28, 1), "(1, 28, 28)"), ((8, 8, 3), "(3, 8, 8)")]
)
def test_channels_last_is_told(shape, right):
    model = VAETransformer(architecture="conv", image_shape=shape)
    text = (
        f"'image_shape' parameter of VAETransformer must have channels first, {right}"
    )
    with pytest.raises(ValueError, match=re.escape(text)):
        model.fit(np.zeros((3, np.prod(shape))))


def test_channels_may_be_many_and_images_narrow(rng):
    X = rng.normal(size=(8, 96))
    params = dict(architecture="conv", channels=2, max_epochs=1)
    VAETransformer(2, image_shape=(6, 16, 1), **params).fit(X)


def test_images_as_they_are_kept_elsewhere(rng):
    images = rng.integers(0, 256, (10, 4, 4))
    images[0, 0, :2] = 255, 0
    with pytest.raises(ValueError, match=r"dim 3, but VAE.*X\.reshape\(len\(X\), -1\)"):
        VAETransformer().fit(images)
    rows = images.reshape(10, -1)
    with pytest.raises(ValueError, match=r"from 0 to 255\. Scale X \(X / 255, or Min"):
        VAETransformer(likelihood="bernoulli").fit(rows)


def test_gaussian_images_may_be_of_any_unit():
    """Grey values up to 255 train as those up to 1 do, so that nothing is warned of."""
    X = load_digits().data[:300] / 16
    errors = []
    for unit in (1, 255):
        vae = VAETransformer(5, max_epochs=10, random_state=0).fit(unit * X)
        errors.append(np.square(vae.reconstruct(unit * X) / unit - X).mean())
    assert errors[1] == pytest.approx(errors[0], rel=1e-2)
