"""GSM: its topics, what they pay for, and word embeddings."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import make_topics as make
from helpers import words_in_columns
from scipy.optimize import linear_sum_assignment
from sklearn import clone
from sklearn.metrics import adjusted_rand_score

from skvae import GSMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.metrics import document_completion_perplexity as completion
from skvae.metrics import npmi_coherence, topic_diversity

# --- what is learnt -------------------------------------------------------------


def test_gsm_recovers_planted_topics(trained, corpus):
    """Measured over 5 seeds, the worst matched cosine was 0.999."""
    ours, planted = (
        topics / np.linalg.norm(topics, axis=1, keepdims=True)
        for topics in (trained[GSMTopicModel].components_, corpus.components)
    )
    cosine = ours @ planted.T
    assert cosine[linear_sum_assignment(-cosine)].min() > 0.9


def test_gsm_assigns_new_documents_to_their_topics(trained, corpus):
    labels = trained[GSMTopicModel].transform(corpus.data[240:]).argmax(axis=1)
    # Only documents that are mostly about one topic have a right answer.
    clear = corpus.doc_topic[240:].max(axis=1) > 0.8
    assert clear.sum() > 20
    assert adjusted_rand_score(corpus.target[240:][clear], labels[clear]) > 0.9


def test_separation_keeps_topics_apart(corpus):
    """More topics than were planted overlap, the less the more that costs."""
    model = make(GSMTopicModel, n_components=6, lr=0.02, max_epochs=30)
    diversity = [
        topic_diversity(
            model.set_params(topic_separation=separation).fit(corpus.data), n_words=5
        )
        for separation in (0.0, 0.1)
    ]
    assert diversity[0] < diversity[1]


def test_topics_are_paid_for_words_that_occur_together():
    X = make_topic_corpus(300, 300, 10, random_state=0).data
    params = dict(n_components=10, lr=0.02, max_epochs=20)
    coherence = [
        npmi_coherence(make(GSMTopicModel, topic_coherence=w, **params).fit(X), X)
        for w in (0.0, 1.0)
    ]
    assert coherence[0] + 0.03 < coherence[1]


def test_a_prior_of_words_helps_topics_of_few_documents():
    X = make_topic_corpus(600, 300, 3, mean_length=10, random_state=0).data
    model = make(GSMTopicModel, max_epochs=60)
    without, with_prior = (
        completion(model.set_params(topic_word_prior=w).fit(X[:60]), X[100:])
        for w in (0.0, 0.1)
    )
    assert with_prior < 0.95 * without


def test_gsm_predicts_the_mixture_of_topics(trained):
    model = trained[GSMTopicModel]
    proportions = np.array([[0.2, 0.3, 0.5], [1, 0, 0]])
    expected = proportions @ model.components_
    for scale in (1, 7.0):  # rows are divided by their sums
        words = model.inverse_transform(scale * proportions)
        np.testing.assert_allclose(words, expected, rtol=1e-12)
    uniform = model.components_.mean(axis=0, keepdims=True)
    np.testing.assert_allclose(model.inverse_transform(np.zeros((1, 3))), uniform)


# --- word embeddings ------------------------------------------------------------


@pytest.mark.parametrize("train", [True, False])
def test_word_embeddings_are_trained_only_if_told(train, corpus, rng):
    vectors = rng.normal(size=(40, 4))
    given, single = vectors.copy(), vectors.astype(np.float32)
    model = make(GSMTopicModel, word_embeddings=given, train_word_embeddings=train)
    fitted = model.fit(corpus.data).word_embeddings_
    assert fitted.shape == (40, 4) and model.topic_embeddings_.shape == (3, 4)
    assert np.array_equal(fitted, single) != train
    np.testing.assert_allclose(fitted, single, atol=0.5)  # it started from them
    np.testing.assert_array_equal(given, vectors)
    assert np.isfinite(model.partial_fit(corpus.data).components_).all()


@pytest.mark.parametrize("train", [True, False])
def test_scale_of_word_embeddings_does_not_matter(train, corpus, rng):
    X, vectors = corpus.data, rng.normal(size=(40, 6))
    model = make(GSMTopicModel, train_word_embeddings=train)
    small, large = (
        clone(model).set_params(word_embeddings=scale * vectors).fit(X)
        for scale in (1.0, 1024.0)
    )
    np.testing.assert_allclose(small.transform(X), large.transform(X), rtol=1e-6)
    scaled = 1024 * small.word_embeddings_
    np.testing.assert_allclose(scaled, large.word_embeddings_, rtol=1e-6)
    for model in (small, large):  # the embeddings are those that make the topics
        products = model.topic_embeddings_ @ model.word_embeddings_.T
        ratio = np.log(model.components_[1] / model.components_[0])
        ratio -= products[1] - products[0]
        np.testing.assert_allclose(ratio - ratio.mean(), 0, atol=1e-5)


FORMS = [lambda E: E[:, ::-1], lambda E: E.astype(">f8"), np.float32, pd.DataFrame]
FORMS += [np.ndarray.tolist, lambda E: np.broadcast_to(E[0], E.shape)]


@pytest.mark.parametrize("form", FORMS)
def test_word_embeddings_in_any_form(form, corpus, rng):
    given = form(rng.standard_normal((40, 4)))
    model = make(GSMTopicModel, word_embeddings=given, train_word_embeddings=False)
    expected = np.asarray(given, dtype="float32")
    np.testing.assert_array_equal(model.fit(corpus.data).word_embeddings_, expected)


def test_batches_of_many_words_are_twice_as_large(corpus, monkeypatch):
    """With the rate of their square root, if there are enough of them."""
    monkeypatch.setattr("skvae.models.gsm.BATCH", 10)
    X, params = corpus.data, dict(max_epochs=3, random_state=0)
    model = GSMTopicModel(3, **params)
    n_batches, n_words = X.shape[0] // 20, X.shape[1]
    for words, steps, size in [
        (n_words - 1, n_batches, 20),
        (n_words, n_batches, 10),
        (n_words - 1, n_batches + 1, 10),
    ]:
        monkeypatch.setattr("skvae.models.gsm.MANY_WORDS", words)
        monkeypatch.setattr("skvae.models.gsm.MIN_STEPS", steps)
        lr = model.lr * (size / 10) ** 0.5
        expected = GSMTopicModel(3, batch_size=size, lr=lr, **params).fit(X)
        np.testing.assert_array_equal(model.fit(X).components_, expected.components_)
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.batch_size == "auto"


def test_overlap_may_be_charged_otherwise_when_training_goes_on(corpus):
    model = make(GSMTopicModel, warm_start=True).fit(corpus.data)
    model.set_params(topic_separation=0.5).fit(corpus.data)
    assert model.n_iter_ == 6


def test_word_embeddings_go_by_word(corpus, rng):
    """In any order, with words that the documents lack, and without some of theirs."""
    X = words_in_columns(corpus)
    known = rng.permutation([*X.columns[5:], "other"])
    vectors = {word: rng.normal(size=4) for word in known}
    model = make(GSMTopicModel, word_embeddings=vectors, train_word_embeddings=False)
    model.fit(X)
    expected = [vectors.get(word, np.zeros(4)) for word in X.columns]
    np.testing.assert_allclose(model.word_embeddings_, expected, rtol=1e-6)
    assert model.n_matched_words_ == 35
    assert "35 of 40" in model._repr_html_()
    array = make(GSMTopicModel, word_embeddings=expected, train_word_embeddings=False)
    np.testing.assert_array_equal(array.fit(X).components_, model.components_)
    model.partial_fit(X)  # does not look at them again
    frame = pd.DataFrame(vectors).T  # goes by its index
    model.set_params(word_embeddings=frame).fit(X)
    np.testing.assert_allclose(model.word_embeddings_, expected, rtol=1e-6)
    copied = clone(model).fit(X)
    np.testing.assert_array_equal(copied.components_, array.components_)


def test_word_embeddings_of_gensim(corpus, rng):
    gensim_models = pytest.importorskip("gensim.models")
    X = words_in_columns(corpus)
    vectors = gensim_models.KeyedVectors(vector_size=4)
    vectors.add_vectors(list(X.columns[::-1]), rng.normal(size=(40, 4)))
    model = make(GSMTopicModel, word_embeddings=vectors, train_word_embeddings=False)
    model.fit(X)
    assert model.n_matched_words_ == 40
    expected = [vectors[word] for word in X.columns]
    np.testing.assert_allclose(model.word_embeddings_, expected, rtol=1e-6)


def test_word_embeddings_by_word_need_words(corpus):
    vectors = {f"w{j}": np.ones(3) for j in range(40)}
    with pytest.raises(
        ValueError, match="by words, but X has no feature names.*feature_names="
    ):
        make(GSMTopicModel, word_embeddings=vectors).fit(corpus.data)
    X = words_in_columns(corpus)
    with pytest.raises(ValueError, match="none of the 40 words of X, such as 'w0', 'w"):
        make(GSMTopicModel, word_embeddings={"W0": [1.0]}).fit(X)
    with pytest.raises(ValueError, match=r"vectors of the sizes \[2, 3\]"):
        make(GSMTopicModel, word_embeddings=vectors | {"w3": [1.0, 2]}).fit(X)
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        make(GSMTopicModel, word_embeddings=np.ones((39, 4))).fit(X)
    few = {word: vectors[word] for word in ["w1", "w2"]}
    with pytest.warns(UserWarning, match="GSMTopicModel has 2 of the 40 words of X"):
        make(GSMTopicModel, word_embeddings=few).fit(X)


@pytest.mark.parametrize("construction", ["softmax", "stick-breaking", "recurrent"])
def test_a_single_topic_has_all_of_each_document(construction, X):
    model = make(GSMTopicModel, n_components=1, topic_construction=construction).fit(X)
    np.testing.assert_array_equal(model.transform(X), 1.0)
