"""Covariates that change how much documents have of each topic."""

from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import digest, make, through_file, through_joblib
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn import config_context
from sklearn.model_selection import GridSearchCV

from skvae import GSMTopicModel, ProdLDATopicModel
from skvae.metrics import document_completion_perplexity as completion

each_class = pytest.mark.parametrize("cls", [GSMTopicModel, ProdLDATopicModel])


@cache
def planted(seed=0, n=1500, n_words=300, n_topics=6, length=30):
    """Counts, groups of which one has more of topic 0 and less of 1, and what is true.

    These are topic proportions, and the words of topics.
    """
    rng = np.random.default_rng(seed)
    group = rng.integers(2, size=n)
    topics = rng.dirichlet(np.full(n_words, 0.05), n_topics)
    codes = 2 * rng.standard_normal((n, n_topics))
    codes += np.outer(group, [1.5, -1.5] + [0] * (n_topics - 2))
    shares = softmax(codes, axis=1)
    lengths = np.maximum(rng.poisson(length, n), 1)
    counts = [rng.multinomial(m, p) for m, p in zip(lengths, shares @ topics)]
    return sp.csr_array(counts), np.array(["a", "b"])[group], shares, topics


def differences(model, shares, groups, topics):
    """Differences of groups in the planted topics 0 and 1."""
    alike = np.sqrt(topics) @ np.sqrt(model.components_).T
    order = linear_sum_assignment(-alike)[1]
    means = [shares[groups == group].mean(axis=0) for group in "ab"]
    return (means[1] - means[0])[order][:2]


@pytest.mark.parametrize("seed", range(3))
def test_planted_differences_are_found(seed):
    X, groups, shares, topics = planted(seed)
    true = shares[groups == "b"].mean(axis=0) - shares[groups == "a"].mean(axis=0)
    model = GSMTopicModel(6, covariate_effects="topics", random_state=0)
    model.fit(X, covariates=groups)
    found = model.transform(X, covariates=groups)
    np.testing.assert_allclose(
        differences(model, found, groups, topics), true[:2], rtol=0.2
    )
    new = model.sample(4000, random_state=0, covariates=groups[:1].repeat(4000))
    drawn = model.transform(new, covariates=groups[:1].repeat(4000)).mean(axis=0)
    np.testing.assert_allclose(
        drawn, found[groups == groups[0]].mean(axis=0), atol=0.05
    )


def test_groups_of_new_documents_help_to_predict_their_words():
    X, groups, _, _ = planted(length=10)
    model = GSMTopicModel(6, covariate_effects="topics", random_state=0)
    model.fit(X[:1000], covariates=groups[:1000])
    test, labels = X[1000:], groups[1000:]
    given = completion(model, test, covariates=labels)
    swapped = np.where(labels == "a", "b", "a")
    assert given < completion(model, test) < completion(model, test, covariates=swapped)


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(0)
    return rng.poisson(1.0, (40, 9)).astype(float), np.array(["a", "b"])[
        np.arange(40) % 2
    ]


@each_class
def test_average_covariates_stand_for_unknown_ones(cls, small):
    X, labels = small
    model = make(cls, covariate_effects="topics").fit(X, covariates=labels)
    assert not hasattr(model, "covariate_components_")
    one = np.eye(2)[np.unique(labels, return_inverse=True)[1]]
    as_numbers = make(cls, covariate_effects="topics").fit(X, covariates=one)
    np.testing.assert_array_equal(as_numbers.components_, model.components_)
    average = np.full((40, 2), 0.5)
    np.testing.assert_allclose(
        model.transform(X), as_numbers.transform(X, covariates=average), atol=1e-6
    )
    assert (
        np.isfinite(model.score(X))
        and np.isfinite(model.inverse_transform(np.eye(2))).all()
    )
    with pytest.raises(ValueError, match="fitted with covariates and needs them"):
        model.partial_fit(X)
    with pytest.raises(ValueError, match="words do not depend on covariates"):
        model.components_given("a")


@each_class
def test_words_and_topics_may_both_depend_on_covariates(cls, small):
    X, labels = small
    model = make(cls, covariate_effects="both", lr=0.1).fit(X, covariates=labels)
    assert model.covariate_components_.any()
    assert model.net_.module_.effects.abs().sum() > 0
    assert not np.allclose(model.components_given("a"), model.components_given("b"))
    with pytest.raises(ValueError, match="needs them here"):
        model.transform(X)


@each_class
@pytest.mark.parametrize("effects", ["topics", "both"])
def test_they_go_everywhere(cls, effects, small):
    X, labels = small
    known = {"covariates": labels}
    model = make(cls, covariate_effects=effects, lr=0.1).fit(X, **known)
    for copied in (through_file(model), through_joblib(model)):
        assert digest(copied) == digest(model)
        for call in ("transform", "score_samples"):
            expected = getattr(model, call)(X, **known)
            np.testing.assert_array_equal(getattr(copied, call)(X, **known), expected)
        resumed = copied.set_params(warm_start=True).fit(X, **known)
        again = through_joblib(model).set_params(warm_start=True).fit(X, **known)
        assert digest(resumed) == digest(again)
    # Each row by itself, and one label for all.
    np.testing.assert_allclose(
        model.transform(X[:1], covariates=labels[:1]),
        model.transform(X, **known)[:1],
        atol=1e-12,
    )
    a = model.transform(X, covariates="a")
    np.testing.assert_array_equal(a, model.transform(X, covariates=["a"] * 40))
    assert not np.allclose(a, model.transform(X, covariates="b"))
    draws = model.sample(500, random_state=0, covariates="a")
    assert (draws != model.sample(500, random_state=0, covariates="b")).nnz
    with pytest.raises(ValueError, match="not fitted with the label 'c'"):
        model.transform(X, covariates="c")
    with config_context(enable_metadata_routing=True):
        asking = make(cls, covariate_effects=effects)
        for request in ("fit", "score", "transform"):
            getattr(asking, f"set_{request}_request")(covariates=True)
        search = GridSearchCV(asking, {"n_components": [2, 3]}, cv=2)
        search.fit(X, **known)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_without_covariates_nothing_changes(small):
    X, _ = small
    expected = make(GSMTopicModel).fit(X)
    assert digest(make(GSMTopicModel, covariate_effects="topics").fit(X)) == digest(
        expected
    )
    with pytest.raises(ValueError, match="covariate_effects"):
        make(GSMTopicModel, covariate_effects="prevalence").fit(X)


def test_the_bound_is_that_of_the_shifted_prior(small):
    """Against a sum over a fine grid, for two topics: log p(x | c)."""
    X, labels = small
    model = make(GSMTopicModel, covariate_effects="topics", lr=0.1, max_epochs=30)
    model.fit(X, covariates=labels)
    module, rows = model.net_.module_, slice(0, 4)
    mean = module.prior.mean.detach().numpy()
    std = module.prior.log_std.exp().detach().numpy()
    effects = module.effects.detach().numpy()
    grid = np.linspace(-6, 6, 401)
    z = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)
    weight, bias = (
        p.detach().numpy() for p in (module.link.linear.weight, module.link.linear.bias)
    )
    for row, label in zip(X[rows], labels[rows]):
        center = mean + effects["ab".index(label)]
        codes = center + std * z
        log_prior = -0.5 * (z**2).sum(axis=1) + 2 * np.log(grid[1] - grid[0])
        words = softmax(codes @ weight + bias, axis=1) @ model.components_
        joint = np.log(words) @ row + log_prior - np.log(2 * np.pi)
        exact = np.log(np.exp(joint - joint.max()).sum()) + joint.max()
        bound = model.score_samples(
            row[None], covariates=[label], bound="importance", n_draws=4096
        )
        assert bound[0] == pytest.approx(exact, abs=0.02)
