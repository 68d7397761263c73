"""What all topic models promise and recover."""

import copy
import math

import numpy as np
import pytest
from helpers import Spy, each_topic_model
from helpers import make_topics as make
from scipy import sparse
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from skvae import GSMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.metrics import document_completion_perplexity, unigram_perplexity
from skvae.models.topics import thin_counts


@each_topic_model
def test_new_documents_are_less_surprising_than_to_the_unigram_model(
    cls, trained, corpus
):
    """Measured over 5 seeds: 5.5 to 5.6, with a unigram perplexity of 11.8."""
    train, test = corpus.data[:240], corpus.data[240:]
    unigram = unigram_perplexity(train, test)
    assert document_completion_perplexity(trained[cls], test) < 0.7 * unigram
    assert trained[cls].perplexity(test) < unigram


# --- shapes and identities ------------------------------------------------------


@each_topic_model
def test_perplexity_averages_over_tokens_or_documents(cls, trained, corpus):
    X, model = sparse.vstack([corpus.data, 0 * corpus.data[:2]]), trained[cls]
    bounds, lengths = model.score_samples(X), np.asarray(X.sum(axis=1)).ravel()
    assert model.score(X) == pytest.approx(bounds.sum() / lengths.sum(), rel=1e-12)
    assert model.perplexity(X) == pytest.approx(np.exp(-model.score(X)), rel=1e-12)
    nll = -bounds[:-2] / lengths[:-2]  # an empty document has no perplexity
    by_document = model.perplexity(X, average="document")
    assert by_document == pytest.approx(np.exp(nll.mean()), rel=1e-9)
    tighter = model.score_samples(X, bound="importance", n_draws=64)
    by_importance = model.perplexity(X, bound="importance", n_draws=64)
    assert by_importance == pytest.approx(np.exp(-tighter.sum() / lengths.sum()))
    assert 1 < by_importance < model.perplexity(X)


@each_topic_model
def test_samples_are_counts_of_documents_like_those_seen(cls, trained, corpus):
    rows = trained[cls].sample(400, random_state=0)
    assert isinstance(rows, sparse.csr_array) and rows.shape == (400, 40)
    assert (rows.data > 0).all() and np.array_equal(rows.data, np.round(rows.data))
    seen = corpus.data[:240].sum(axis=1).mean()
    # Lengths are Poisson: 5 standard errors.
    assert rows.sum(axis=1).mean() == pytest.approx(seen, abs=5 * np.sqrt(seen / 400))
    assert np.corrcoef(rows.mean(axis=0), corpus.data.mean(axis=0))[0, 1] > 0.8


# --- as a part of scikit-learn ----------------------------------------------------

ANIMALS = ["cat dog cat mouse", "dog mouse dog", "mouse cat cat dog dog"] * 8

TRAFFIC = ["bus train bus tram", "train tram train", "tram bus bus train"] * 8


@each_topic_model
def test_a_fit_without_counts_is_refused_before_anything_is_drawn(cls):
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match="no counts in X"):
        make(cls, random_state=rng).fit(np.zeros((20, 6)))
    assert rng.randint(2**31 - 1) == np.random.RandomState(0).randint(2**31 - 1)


def test_topics_of_two_models_feed_a_classifier():
    texts, target = ANIMALS + TRAFFIC, [0] * len(ANIMALS) + [1] * len(TRAFFIC)
    lda = LatentDirichletAllocation(2, random_state=0)
    union = make_union(make(GSMTopicModel, max_epochs=30), lda)
    pipeline = make_pipeline(CountVectorizer(), union, LogisticRegression())
    assert pipeline.fit(texts, target).score(texts, target) > 0.9


@each_topic_model
def test_documents_of_one_word_are_drawn(cls):
    """Its probability may come out above 1, by rounding."""
    counts = np.arange(1, 31)[:, None]
    drawn = make(cls, max_epochs=2).fit(counts).sample(50, random_state=0)
    assert drawn.shape == (50, 1) and drawn.sum() > 0


@each_topic_model
def test_documents_without_end_are_not_drawn(cls, trained):
    model = copy.deepcopy(trained[cls])
    model.mean_length_ = 1e20
    with pytest.raises(ValueError, match="Documents of 1e.20 tokens"):
        model.sample(2)


@pytest.mark.parametrize("n_samples", [100, 240])
@each_topic_model
def test_few_steps_train_what_inference_uses(cls, n_samples):
    """Running statistics are those of the data, not of the start."""
    X = make_topic_corpus(n_samples, 100, 3, random_state=0).data
    model = cls(3, random_state=0, max_epochs=40).fit(X)
    last = model.history_.iloc[-1]
    in_training = np.exp((last["kl"] - last["reconstruction"]) * n_samples / X.sum())
    assert model.perplexity(X) < 1.1 * in_training


# --- thinning -------------------------------------------------------------------


def thin(counts, seed=0):
    counts = sparse.csr_array(counts)
    return thin_counts(counts, np.random.default_rng(seed)).toarray()


@pytest.mark.parametrize("scale", [1, 0.37, 1e-3, 1e12, 1e30])
def test_thinning_never_adds(scale, X):
    thinned = thin(scale * X)
    assert np.isfinite(thinned).all()
    assert (thinned >= 0).all() and (thinned <= scale * X).all()
    assert (thinned < scale * X).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_thinned_counts_are_counts(dtype):
    """As the net sees them, in single precision."""
    counts = np.arange(1, 2001, dtype=dtype).reshape(20, 100)
    thinned = thin(counts).astype(np.float32)
    np.testing.assert_array_equal(thinned, np.round(thinned))


def test_fractions_are_thinned_as_equal_parts(rng):
    """A value x is ceil(x) tokens of weight x / ceil(x) each."""
    X = rng.uniform(0.01, 5, (50, 20))
    tokens = thin(X) / (X / np.ceil(X))
    np.testing.assert_allclose(tokens, np.round(tokens), atol=1e-9)


def test_thinning_draws_one_rate_a_document_and_binomial_tokens():
    """Given a document's rate, its words are independent binomial counts."""
    n_documents, n_words, tokens = 400, 50, 40
    kept = thin(np.full((n_documents, n_words), float(tokens)))
    rate = kept.mean(axis=1) / tokens
    # Rates differ by far more than binomial noise, within their range.
    assert 0 < rate.min() and rate.max() <= 1
    assert rate.std() > 10 * 0.5 / math.sqrt(n_words * tokens)
    # Within a document, the mean squared deviation is tokens * rate * (1 - rate).
    expected = (tokens * rate * (1 - rate)).mean()
    observed = kept.var(axis=1, ddof=1).mean()
    assert observed == pytest.approx(expected, rel=0.1)  # standard error .01


@each_topic_model
def test_topic_models_encode_thinned_documents_but_explain_whole_ones(cls, X):
    spy = Spy()
    make(cls, callbacks=[spy], batch_size=40).fit(X)
    for inputs, (target,) in zip(spy.inputs, spy.epochs, strict=True):
        assert (inputs <= target).all() and inputs.sum() < target.sum()
        np.testing.assert_array_equal(inputs, np.round(inputs))
    thinned = {inputs.sum() for inputs in spy.inputs}
    assert len(thinned) == 3  # anew each epoch
