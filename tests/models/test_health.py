"""Health of training, its warnings, and what notebooks show of it."""

import html
import pickle
import re
import warnings
from itertools import combinations

import numpy as np
import pytest
import torch
from helpers import each_topic_model, words_in_columns
from helpers import make_topics as make
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skvae import GSMTopicModel, ProdLDATopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import top_words
from skvae.metrics import unigram_perplexity
from skvae.models.notebook import IN_DIAGRAM

# --- health of training ---------------------------------------------------------

no_warning = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")


@each_topic_model
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


@each_topic_model
def test_counts_that_are_next_to_nothing_have_no_perplexity(cls, trained, corpus):
    """It would be infinite; the bound per token is not."""
    few, name = corpus.data[240:] * 1e-6, cls.__name__
    with pytest.raises(ValueError, match=f"{name} finds an infinite perplexity"):
        trained[cls].perplexity(few)
    assert trained[cls].score(few) < -1000
    ended = f"{name} ended with an infinite training perplexity.* whole counts"
    with pytest.raises(ValueError, match=ended):
        make(cls).fit(few)
    with pytest.raises(ValueError, match=ended):
        pickle.dumps(make(cls).partial_fit(few))  # which asks for `health_`


@no_warning
@pytest.mark.parametrize("n_components", [1, 3])
@each_topic_model
def test_a_good_fit_does_not_warn(cls, n_components, corpus):
    params = dict(lr=0.01 if n_components == 1 else 0.02, max_epochs=30)
    make(cls, n_components=n_components, **params).fit(corpus.data)


def test_best_epoch_is_the_one_whose_weights_were_kept(corpus):
    params = dict(early_stopping=True, n_iter_no_change=2, max_epochs=40, lr=0.1)
    model = make(GSMTopicModel, **params).fit(corpus.data)
    best = model.health_["best_epoch"]
    assert best == model.history_["validation_loss"].idxmin() < model.n_iter_
    assert model.partial_fit(corpus.data).health_["best_epoch"] == model.n_iter_


@each_topic_model
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


@each_topic_model
def test_a_fit_worse_than_word_frequencies_is_told(cls, corpus):
    with pytest.warns(ConvergenceWarning, match="worse than word.*Lower `lr`"):
        model = make(cls, lr=100.0, max_epochs=3).fit(corpus.data)
    assert model.health_["perplexity"] > model.health_["unigram_perplexity"]


@each_topic_model
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
        for i, j in combinations(range(10), 2)
        if len(top[i] & top[j]) >= 0.8 * max(len(top[i]), len(top[j]))
    ]
    assert health["duplicate_topics"] == repeated
    assert len({*dead, *(j for _, j in repeated)}) > 2


@no_warning
@pytest.mark.parametrize("n_features", [6, 16])
@pytest.mark.parametrize("cls", [GSMTopicModel, ProdLDATopicModel])
def test_few_words_make_no_duplicates(cls, n_features):
    """Three topics of their own words, in a vocabulary shorter than the lists."""
    X = np.kron(np.eye(3), np.ones((100, n_features // 3 + 1)))[:, :n_features]
    X = np.random.default_rng(0).poisson(5 * X)
    model = make(cls, max_epochs=60, lr=0.02, random_state=5).fit(X)
    assert model.health_["duplicate_topics"] == model.health_["dead_topics"] == []


@each_topic_model
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
