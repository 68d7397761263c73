"""Topic models: what they promise and what they recover."""

import copy
import html
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import TOPIC_MODELS
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sklearn import clone, config_context
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import top_words
from skvae.metrics import (
    document_completion_perplexity,
    npmi_coherence,
    topic_diversity,
    unigram_perplexity,
)
from skvae.models.notebook import IN_DIAGRAM

each_model = pytest.mark.parametrize("cls", TOPIC_MODELS)


def make(cls, **params):
    small = dict(
        n_components=3,
        hidden_layer_sizes=(20,),
        lr=0.01,
        max_epochs=3,
        batch_size=64,
        device="cpu",
        random_state=0,
    )
    return cls(**{**small, **params})


@pytest.fixture(scope="module")
def trained(corpus):
    """Both models, well trained on the first documents of the planted corpus."""
    params = dict(lr=0.02, max_epochs=50)
    return {cls: make(cls, **params).fit(corpus.data[:240]) for cls in TOPIC_MODELS}


# --- what is learnt -------------------------------------------------------------


def test_gsm_recovers_planted_topics(trained, corpus):
    """Measured over 5 seeds, the worst matched cosine was 0.999."""
    ours, planted = (
        topics / np.linalg.norm(topics, axis=1, keepdims=True)
        for topics in (trained[GSMTopicModel].components_, corpus.components)
    )
    cosine = ours @ planted.T
    assert cosine[linear_sum_assignment(-cosine)].min() > 0.9


def test_prodlda_recovers_planted_topics():
    """By word probabilities: the scale of a word's raw weights is arbitrary.

    Measured over 5 seeds, 59 to 79 % of the top words, of which chance has 3 %.
    """
    corpus = make_topic_corpus(2000, 300, 8, random_state=0)
    model = ProdLDATopicModel(8, random_state=0, max_epochs=30).fit(corpus.data)
    ours, planted = (
        np.argsort(-topics, axis=1)[:, :10]
        for topics in (model.components_, corpus.components)
    )
    shared = np.array([[len({*a} & {*b}) for b in planted] for a in ours])
    recovered = shared[linear_sum_assignment(-shared)].mean() / 10
    assert recovered > 0.5
    np.testing.assert_allclose(model.components_.sum(axis=1), 1)


def test_prodlda_topics_are_those_of_documents_nearly_about_one_alone(corpus):
    model = make(ProdLDATopicModel, lr=0.02, max_epochs=30).fit(corpus.data)
    proportions = model.transform(corpus.data)
    purest = proportions[proportions.argmax(axis=0)]
    expected = 0.75 * purest + 0.25 * np.eye(3)
    np.testing.assert_allclose(model.topic_proportions_, expected, rtol=1e-6)
    words = model.inverse_transform(expected)
    np.testing.assert_allclose(model.components_, words, rtol=1e-5)
    np.testing.assert_array_equal(model.components_given(), model.components_)


def test_concentration_rules_how_many_topics_a_document_has(corpus):
    largest = [
        make(ProdLDATopicModel, lr=0.02, max_epochs=30, concentration=concentration)
        .fit_transform(corpus.data)
        .max(axis=1)
        .mean()
        for concentration in (0.1, 1.5, 10.0)
    ]
    assert largest[0] > largest[1] + 0.05 > largest[2] + 0.1


def test_words_of_few_documents_vary_less():
    """As far as is no noise, by the documents of all calls; unseen words not at all."""
    X = np.zeros((300, 6), dtype=int)
    n_documents = np.array([0, 2, 5, 20, 100, 300])
    for j, n in enumerate(n_documents):
        X[:n, j] = np.random.default_rng(j).integers(1, 5, n)
    model = make(ProdLDATopicModel, batch_size=300).fit(X)

    def variance():
        module = model.net_.module_.train()
        proportions = torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
        return module.decoder(proportions).logits.var(0, unbiased=False).detach()

    expected = torch.from_numpy(n_documents / (n_documents + 5)).float()
    torch.testing.assert_close(variance(), expected, rtol=1e-2, atol=1e-6)
    model.partial_fit(np.eye(6)[:1].repeat(20, axis=0))
    expected[0] = 20 / 25
    torch.testing.assert_close(variance(), expected, rtol=1e-2, atol=1e-6)


def test_gsm_assigns_new_documents_to_their_topics(trained, corpus):
    labels = trained[GSMTopicModel].transform(corpus.data[240:]).argmax(axis=1)
    # Only documents that are mostly about one topic have a right answer.
    clear = corpus.doc_topic[240:].max(axis=1) > 0.8
    assert clear.sum() > 20
    assert adjusted_rand_score(corpus.target[240:][clear], labels[clear]) > 0.9


@each_model
def test_completion_of_new_documents_beats_the_unigram_model(cls, trained, corpus):
    """Measured over 5 seeds: 5.5 to 5.6, with a unigram perplexity of 11.8."""
    train, test = corpus.data[:240], corpus.data[240:]
    completion = document_completion_perplexity(trained[cls], test)
    assert completion < 0.7 * unigram_perplexity(train, test)


@each_model
def test_bound_on_new_documents_beats_the_unigram_model(cls, trained, corpus):
    unigram = unigram_perplexity(corpus.data[:240], corpus.data[240:])
    assert trained[cls].perplexity(corpus.data[240:]) < unigram


# --- shapes and identities ------------------------------------------------------


@each_model
def test_perplexity_is_exp_of_minus_the_score_per_token(cls, trained, corpus):
    X, model = corpus.data, trained[cls]
    per_token = model.score_samples(X).sum() / X.sum()
    assert model.score(X) == pytest.approx(per_token, rel=1e-12)
    assert model.perplexity(X) == pytest.approx(np.exp(-model.score(X)), rel=1e-12)
    assert 1 < model.perplexity(X)


@each_model
def test_perplexity_averages_over_tokens_or_documents(cls, trained, corpus):
    X, model = sparse.vstack([corpus.data, 0 * corpus.data[:2]]), trained[cls]
    bounds, lengths = model.score_samples(X), np.asarray(X.sum(axis=1)).ravel()
    nll = -bounds[:-2] / lengths[:-2]  # an empty document has no perplexity
    by_document = model.perplexity(X, average="document")
    assert by_document == pytest.approx(np.exp(nll.mean()), rel=1e-9)
    tighter = model.score_samples(X, bound="importance", n_draws=64)
    by_importance = model.perplexity(X, bound="importance", n_draws=64)
    assert by_importance == pytest.approx(np.exp(-tighter.sum() / lengths.sum()))
    assert by_importance < model.perplexity(X)
    with pytest.raises(ValueError, match="average='corpus'.*'token' or 'document'"):
        model.perplexity(X, average="corpus")


@each_model
def test_perplexity_is_invariant_to_stacking(cls, trained, corpus):
    """scikit-learn's LDA is not: its issue 20032."""
    X = corpus.data[:20]
    once, often = (trained[cls].perplexity(sparse.vstack([X] * k)) for k in (1, 10))
    assert often == pytest.approx(once, rel=1e-9)


@each_model
def test_components_are_topics_by_words(cls, trained, corpus):
    components = trained[cls].components_
    assert components.shape == (3, 40) and np.isfinite(components).all()
    if cls is GSMTopicModel:
        assert (components > 0).all()
        np.testing.assert_allclose(components.sum(axis=1), 1, rtol=1e-12)


def test_nvdm_components_are_effects_on_log_probabilities(trained):
    """One more unit of a code moves the log odds of the words by its component."""
    model = trained[NVDMTopicModel]
    log_p = np.log(model.inverse_transform(np.vstack([np.zeros(3), np.eye(3)])))
    effect = log_p[1:] - log_p[0]
    centred = model.components_ - model.components_.mean(axis=1, keepdims=True)
    effect -= effect.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(effect, centred, rtol=1e-8, atol=1e-10)


def test_gsm_transform_is_on_the_simplex(trained, corpus):
    proportions = trained[GSMTopicModel].transform(corpus.data)
    assert proportions.shape == (300, 3) and (proportions >= 0).all()
    np.testing.assert_allclose(proportions.sum(axis=1), 1, rtol=1e-12)


def test_separation_keeps_topics_apart(corpus):
    """More topics than were planted overlap, the less the more that costs."""
    diversity = [
        topic_diversity(
            make(
                GSMTopicModel,
                n_components=6,
                topic_separation=separation,
                lr=0.02,
                max_epochs=30,
            ).fit(corpus.data),
            n_words=5,
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
    few, others = X[:60], X[100:]
    without, with_prior = (
        document_completion_perplexity(
            make(GSMTopicModel, topic_word_prior=w, max_epochs=60).fit(few), others
        )
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


@each_model
def test_inverse_transform_gives_word_probabilities(cls, trained, corpus):
    model = trained[cls]
    words = model.inverse_transform(model.transform(corpus.data))
    assert words.shape == (300, 40) and (words >= 0).all()
    np.testing.assert_allclose(words.sum(axis=1), 1, rtol=1e-12)


@each_model
def test_samples_are_counts_of_documents_like_those_seen(cls, trained, corpus):
    rows = trained[cls].sample(400, random_state=0)
    assert isinstance(rows, sparse.csr_array) and rows.shape == (400, 40)
    assert (rows.data > 0).all() and np.array_equal(rows.data, np.round(rows.data))
    lengths, seen = rows.sum(axis=1), corpus.data[:240].sum(axis=1)
    # Lengths are Poisson: 5 standard errors.
    assert lengths.mean() == pytest.approx(
        seen.mean(), abs=5 * np.sqrt(seen.mean() / 400)
    )
    frequency = [np.asarray(X.mean(axis=0)).ravel() for X in (rows, corpus.data)]
    assert np.corrcoef(*frequency)[0, 1] > 0.8


# --- word embeddings ------------------------------------------------------------


@pytest.mark.parametrize("train", [True, False])
def test_word_embeddings_are_trained_only_if_told(train, corpus, rng):
    vectors = rng.normal(size=(40, 4))
    given = vectors.copy()
    model = make(GSMTopicModel, word_embeddings=given, train_word_embeddings=train)
    model.fit(corpus.data)
    fitted = model.word_embeddings_
    assert fitted.shape == (40, 4) and model.topic_embeddings_.shape == (3, 4)
    single = vectors.astype(np.float32)
    assert np.array_equal(fitted, single) != train
    np.testing.assert_allclose(fitted, single, atol=0.5)  # it started from them
    np.testing.assert_array_equal(given, vectors)
    assert np.isfinite(copy.deepcopy(model).partial_fit(corpus.data).components_).all()


@pytest.mark.parametrize("train", [True, False])
def test_scale_of_word_embeddings_does_not_matter(train, corpus, rng):
    vectors = rng.normal(size=(40, 6))
    models = [
        make(
            GSMTopicModel,
            word_embeddings=scale * vectors,
            train_word_embeddings=train,
        ).fit(corpus.data)
        for scale in (1.0, 1024.0)
    ]
    a, b = (model.transform(corpus.data) for model in models)
    np.testing.assert_allclose(a, b, rtol=1e-6)
    small, large = (model.word_embeddings_ for model in models)
    np.testing.assert_allclose(1024 * small, large, rtol=1e-6)
    for model in models:  # the embeddings are those that make the topics
        products = model.topic_embeddings_ @ model.word_embeddings_.T
        ratio = np.log(model.components_[1] / model.components_[0])
        expected = products[1] - products[0]
        np.testing.assert_allclose(
            ratio - ratio.mean(), expected - expected.mean(), atol=1e-5
        )


@pytest.mark.parametrize(
    "vectors",
    [
        lambda E: E[:, ::-1],
        lambda E: E.astype(">f8"),
        lambda E: E.astype("float32"),
        pd.DataFrame,
        np.ndarray.tolist,
        lambda E: np.broadcast_to(E[0], E.shape),
    ],
)
def test_word_embeddings_in_any_form(vectors, corpus, rng):
    given = vectors(rng.standard_normal((40, 4)))
    model = make(GSMTopicModel, word_embeddings=given, train_word_embeddings=False)
    expected = np.asarray(given, dtype="float32")
    np.testing.assert_array_equal(model.fit(corpus.data).word_embeddings_, expected)


def test_word_embeddings_need_a_vector_for_each_word(corpus, rng):
    model = make(GSMTopicModel, word_embeddings=rng.normal(size=(39, 4)))
    with pytest.raises(ValueError, match="39 rows, but X has 40"):
        model.fit(corpus.data)


# --- as a part of scikit-learn ----------------------------------------------------

ANIMALS = ["cat dog cat mouse", "dog mouse dog", "mouse cat cat dog dog"] * 8
TRAFFIC = ["bus train bus tram", "train tram train", "tram bus bus train"] * 8


def test_pipeline_from_texts():
    texts = ANIMALS + TRAFFIC
    pipeline = make_pipeline(CountVectorizer(), make(GSMTopicModel, max_epochs=30))
    codes = pipeline.fit_transform(texts)
    np.testing.assert_allclose(codes, pipeline.transform(texts))
    assert codes.shape == (48, 3) and np.isfinite(pipeline.score(texts))
    names = pipeline.get_feature_names_out()
    assert list(names) == [f"topic {k}" for k in range(3)]


@each_model
def test_a_fit_without_counts_is_refused_before_anything_is_drawn(cls):
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match="no counts in X"):
        make(cls, random_state=rng).fit(np.zeros((20, 6)))
    assert rng.randint(2**31 - 1) == np.random.RandomState(0).randint(2**31 - 1)


def test_grid_search_picks_by_held_out_score(corpus):
    grid = {"lr": [1e-6, 0.03]}
    model = make(GSMTopicModel, max_epochs=10)
    search = GridSearchCV(model, grid, cv=2).fit(corpus.data[:80])
    assert search.best_params_ == {"lr": 0.03}
    # The score of a fold is that of its held-out half.
    half = make(GSMTopicModel, max_epochs=10, lr=0.03).fit(corpus.data[40:80])
    held_out = search.cv_results_["split0_test_score"][1]
    assert half.score(corpus.data[:40]) == pytest.approx(held_out, rel=1e-6)


def test_topics_of_two_models_feed_a_classifier():
    texts, target = ANIMALS + TRAFFIC, [0] * len(ANIMALS) + [1] * len(TRAFFIC)
    union = FeatureUnion(
        [
            ("gsm", make(GSMTopicModel, max_epochs=30)),
            ("lda", LatentDirichletAllocation(2, random_state=0)),
        ]
    )
    pipeline = make_pipeline(CountVectorizer(), union, LogisticRegression())
    assert pipeline.fit(texts, target).score(texts, target) > 0.9


# --- health of training ---------------------------------------------------------


@each_model
def test_health_of_a_good_fit(cls, trained, corpus):
    X, model = corpus.data[:240], trained[cls]
    health = model.health_
    assert health["active_units"] == 3
    assert health["dead_topics"] == health["duplicate_topics"] == []
    assert health["best_epoch"] == model.n_iter_
    mean, std = model.posterior(X)
    prior = model.net_.module_.prior().base_dist
    m, s = prior.mean.detach().numpy(), prior.stddev.detach().numpy()
    kl = np.log(s / std) + (std**2 + (mean - m) ** 2) / (2 * s**2) - 0.5
    np.testing.assert_allclose(health["kl_per_unit"], kl.mean(axis=0), rtol=1e-5)
    unigram = unigram_perplexity(X, X)
    assert health["unigram_perplexity"] == pytest.approx(unigram)
    assert health["perplexity"] < unigram
    # By one draw for each document.
    assert health["perplexity"] == pytest.approx(model.perplexity(X), rel=0.02)


@each_model
def test_counts_that_are_next_to_nothing_have_no_perplexity(cls, trained, corpus):
    """It would be infinite; the bound per token is not."""
    few = corpus.data[240:] * 1e-6
    with pytest.raises(
        ValueError, match=f"{cls.__name__} finds an infinite perplexity"
    ):
        trained[cls].perplexity(few)
    assert trained[cls].score(few) < -1000
    ended = f"{cls.__name__} ended with an infinite training perplexity.* whole counts"
    with pytest.raises(ValueError, match=ended):
        make(cls).fit(few)
    with pytest.raises(ValueError, match=ended):
        pickle.dumps(make(cls).partial_fit(few))  # which asks for `health_`


@each_model
def test_documents_of_one_word_are_drawn(cls):
    """Its probability may come out above 1, by rounding."""
    counts = np.arange(1, 31)[:, None]
    drawn = make(cls, max_epochs=2).fit(counts).sample(50, random_state=0)
    assert drawn.shape == (50, 1) and drawn.sum() > 0


@each_model
def test_documents_without_end_are_not_drawn(cls, trained):
    model = copy.deepcopy(trained[cls])
    model.mean_length_ = 1e20
    with pytest.raises(ValueError, match="Documents of 1e.20 tokens"):
        model.sample(2)


@each_model
def test_a_good_fit_does_not_warn(cls, corpus):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(cls, lr=0.02, max_epochs=30).fit(corpus.data)


def test_best_epoch_is_the_one_whose_weights_were_kept(corpus):
    params = dict(early_stopping=True, n_iter_no_change=2, max_epochs=40, lr=0.1)
    model = make(GSMTopicModel, **params).fit(corpus.data)
    best = model.health_["best_epoch"]
    assert best == model.history_["validation_loss"].idxmin() < model.n_iter_
    assert model.partial_fit(corpus.data).health_["best_epoch"] == model.n_iter_


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
        monkeypatch.setattr("skvae.models.gsm.LEAST_STEPS", steps)
        lr = model.lr * (size / 10) ** 0.5
        expected = GSMTopicModel(3, batch_size=size, lr=lr, **params).fit(X)
        np.testing.assert_array_equal(model.fit(X).components_, expected.components_)
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.batch_size == "auto"


@each_model
def test_health_after_a_part_is_that_of_its_rows(cls, corpus):
    """Measured when it is read, of the rows as they were, or before pickling."""
    X = corpus.data.copy()
    model = make(cls).fit(X).partial_fit(X)
    X.data[:] = 1
    again = pickle.loads(pickle.dumps(model))
    health = model.health_
    assert health["best_epoch"] == model.n_iter_
    np.testing.assert_array_equal(again.health_["kl_per_unit"], health["kl_per_unit"])
    assert again.health_["perplexity"] == health["perplexity"]
    few = model.perplexity(corpus.data)  # not by one draw
    assert health["perplexity"] == pytest.approx(few, rel=0.02)
    assert "_unmeasured" not in {**vars(model), **vars(again)}


@each_model
def test_a_fit_worse_than_word_frequencies_is_told(cls, corpus):
    with pytest.warns(ConvergenceWarning, match="worse than word.*Lower `lr`"):
        model = make(cls, lr=100.0, max_epochs=3).fit(corpus.data)
    assert model.health_["perplexity"] > model.health_["unigram_perplexity"]


@each_model
def test_latent_units_without_information_are_told(cls, corpus):
    """A posterior that is the prior for every document, put there by hand."""
    model = make(cls, warm_start=True).fit(corpus.data)
    module = model.net_.module_
    with torch.no_grad():
        module.encoder.log_variance.weight.zero_()
        module.encoder.log_variance.bias.fill_(10.0)
        module.prior.log_std.fill_(5.0)
    with pytest.warns(ConvergenceWarning, match="only 0 active of 3.*`kl_warmup`"):
        model.set_params(lr=1e-12, max_epochs=1).fit(corpus.data)
    assert model.health_["active_units"] == 0


def test_topics_that_repeat_or_find_no_document_are_told():
    """Two planted topics cannot become ten."""
    corpus = make_topic_corpus(200, 40, 2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="of 10 topics that no document"):
        model = make(GSMTopicModel, n_components=10, max_epochs=20).fit(corpus.data)
    health, proportions = model.health_, model.transform(corpus.data)
    dead = np.flatnonzero(proportions.max(axis=0) < 0.1)
    assert health["dead_topics"] == dead.tolist()
    top = [
        {j for j in np.argsort(-topic)[:10] if topic[j] >= topic.mean()}
        for topic in model.components_
    ]
    repeated = [
        (i, j)
        for i in range(10)
        for j in range(i + 1, 10)
        if len(top[i] & top[j]) >= 0.8 * max(len(top[i]), len(top[j]))
    ]
    assert health["duplicate_topics"] == repeated
    assert len({*dead, *(j for _, j in repeated)}) > 2


@pytest.mark.parametrize("n_features", [6, 16])
@pytest.mark.parametrize("cls", [GSMTopicModel, ProdLDATopicModel])
def test_few_words_make_no_duplicates(cls, n_features):
    """Three topics of their own words, in a vocabulary shorter than the lists."""
    X = np.kron(np.eye(3), np.ones((100, n_features // 3 + 1)))[:, :n_features]
    X = np.random.default_rng(0).poisson(5 * X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(cls, max_epochs=60, lr=0.02, random_state=5).fit(X)
    assert model.health_["duplicate_topics"] == model.health_["dead_topics"] == []


@each_model
def test_one_component_is_no_reason_to_warn(cls, corpus):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(cls, n_components=1, max_epochs=30).fit(corpus.data)


@each_model
def test_health_is_that_of_a_sample(cls, corpus, monkeypatch):
    """Both perplexities are of the same documents, the frequencies are of all."""
    X = corpus.data.toarray()
    monkeypatch.setattr("skvae.models.base.MAX_HEALTH_ROWS", 150)
    model = make(cls).fit(X)
    health, seen = model.health_, X[::2]
    assert health["unigram_perplexity"] == pytest.approx(unigram_perplexity(X, seen))
    # By one draw for each document.
    assert health["perplexity"] == pytest.approx(model.perplexity(seen), rel=0.05)
    X[::2] = 0  # all that are seen are empty
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "ended with")
        assert np.isnan(make(cls).fit(X).health_["unigram_perplexity"])


@pytest.mark.parametrize("n_samples", [100, 240])
@each_model
def test_few_steps_train_what_inference_uses(cls, n_samples):
    """Running statistics are those of the data, not of the start."""
    X = make_topic_corpus(n_samples, 100, 3, random_state=0).data
    model = cls(3, random_state=0, max_epochs=40).fit(X)
    last = model.history_.iloc[-1]
    in_training = np.exp((last["kl"] - last["reconstruction"]) * n_samples / X.sum())
    assert model.perplexity(X) < 1.1 * in_training


def test_overlap_may_be_charged_otherwise_when_training_goes_on(corpus):
    model = make(GSMTopicModel, warm_start=True).fit(corpus.data)
    model.set_params(topic_separation=0.5).fit(corpus.data)
    assert model.n_iter_ == 6


def words_in_columns(corpus):
    return pd.DataFrame(
        corpus.data.toarray(), columns=[f"w{j}" for j in range(corpus.data.shape[1])]
    )


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
        ValueError, match="by words, but X has no feature names, as.*feature_names="
    ):
        make(GSMTopicModel, word_embeddings=vectors).fit(corpus.data)
    X = words_in_columns(corpus)
    with pytest.raises(ValueError, match="none of the 40 words of X, such as 'w0', 'w"):
        make(GSMTopicModel, word_embeddings={"W0": [1.0]}).fit(X)
    with pytest.raises(ValueError, match=r"vectors of the sizes \[2, 3\]"):
        make(GSMTopicModel, word_embeddings=vectors | {"w3": [1.0, 2]}).fit(X)
    few = {word: vectors[word] for word in ["w1", "w2"]}
    with pytest.warns(UserWarning, match="GSMTopicModel has 2 of the 40 words of X"):
        make(GSMTopicModel, word_embeddings=few).fit(X)


# --- notebooks ---------------------------------------------------------------------


def html_of(model):
    """What Jupyter shows, and what other viewers do."""
    page = model._repr_mimebundle_()["text/html"]
    # Each diagram has a number of its own.
    pages = [re.sub(r"-id-\d+", "", text) for text in (page, model._repr_html_())]
    assert pages[0] == pages[1]
    return page


def test_notebooks_show_health_and_words_of_a_fitted_model(corpus):
    X = words_in_columns(corpus).rename(columns={"w3": "<b>bold</b>"})
    model = make(GSMTopicModel, seed_words={"half \ud800": ["w5"]})
    assert "training perplexity" not in html_of(model)
    model.fit(X)
    page = html_of(model)
    assert "latent units in use" in page and "dead topics" in page
    assert f"{model.health_['perplexity']:.1f}" in page
    for word in top_words(model, 10).to_numpy().ravel():
        assert f"<td>{html.escape(word)}</td>" in page
    assert "<b>bold</b>" not in page
    assert "half \ufffd" in page and page.encode()  # as Jupyter does
    model.set_params(seed_words=None).fit(corpus.data)
    assert "w7</td>" not in html_of(model)
    assert html_of(model).count("dead topics") == 1


@pytest.mark.skipif(not IN_DIAGRAM, reason="scikit-learn has no place for it")
def test_notebooks_show_health_of_a_step_of_a_pipeline(corpus):
    steps = make_pipeline(MaxAbsScaler(), make(GSMTopicModel))
    search = GridSearchCV(steps, {"gsmtopicmodel__n_components": [2]}, cv=2)
    assert "dead topics" not in html_of(search)
    search.fit(corpus.data)
    best = search.best_estimator_
    shown = f"<td>{best[-1].health_['perplexity']:.1f}, where word"
    assert html_of(best).count(shown) == html_of(search).count(shown) == 1


def test_notebooks_show_what_went_wrong(corpus):
    model = make(GSMTopicModel, max_epochs=1, lr=1e-6)
    with pytest.warns(ConvergenceWarning, match="worse than word frequencies"):
        model.fit(corpus.data)
    assert "<b>Warning:</b> ended with a training perplexity" in html_of(model)


def test_text_display_stays_text(corpus):
    model = make(GSMTopicModel).fit(corpus.data)
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert list(model._repr_mimebundle_()) == ["text/plain"]
