"""Metrics as scorers of searches."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.metrics import (
    completion_scorer,
    document_completion_perplexity,
    npmi_coherence,
    npmi_scorer,
)

# Searches


@pytest.mark.parametrize(
    "model",
    [
        LatentDirichletAllocation(2, max_iter=2, random_state=0),
        NMF(2, init="random", random_state=0),
        GSMTopicModel(2, hidden_layer_sizes=4, max_epochs=2, random_state=0),
    ],
)
def test_searches_over_texts_go_by_the_figures_of_held_out_texts(model):
    texts = ["cat cat dog mouse", "bus train train rail", "cat train sun"] * 8
    steps = make_pipeline(CountVectorizer(), model)
    grid = {f"{steps.steps[-1][0]}__n_components": [1, 2]}
    scoring = {"completion": completion_scorer, "npmi": npmi_scorer}
    folds = [(np.arange(16), np.arange(16, 24))]
    search = GridSearchCV(steps, grid, scoring=scoring, refit="completion", cv=folds)
    search.fit(texts)
    found = search.cv_results_
    for k, params in enumerate(found["params"]):
        fitted = clone(steps).set_params(**params).fit(texts[:16])
        perplexity = document_completion_perplexity(fitted, texts[16:])
        assert found["mean_test_completion"][k] == pytest.approx(-perplexity)
        npmi = npmi_coherence(fitted, texts[16:], n_words=7)
        assert found["mean_test_npmi"][k] == pytest.approx(npmi)
    assert search.best_index_ == found["mean_test_completion"].argmax()


def test_a_search_by_coherence_does_not_warn_of_words_that_held_out_texts_lack(X, lda):
    with pytest.warns(UserWarning, match="Top words never occur"):
        expected = npmi_coherence(lda, X[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert npmi_scorer(lda, X[:2]) == expected
