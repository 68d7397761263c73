"""Regressions of topic proportions, against least squares done otherwise."""

import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import make
from scipy import stats
from sklearn.decomposition import NMF, LatentDirichletAllocation

from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    TopicGroups,
)
from skvae.inspection import topic_effects, topic_prevalence
from skvae.inspection.effects import encoder, holm, own_order, regress
from skvae.text import make_text_pipeline

N = 60


@pytest.fixture(scope="module")
def X():
    counts = np.random.default_rng(0).poisson(1.0, (N, 9)).astype(float)
    counts[:N:2, :4] += 2
    return counts


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    parties = ["right", "left", "mid"]
    return pd.DataFrame(
        {
            "party": [parties[i % 2 + (i % 5 == 0)] for i in range(N)],
            "age": rng.integers(18, 90, N),
            "woman": rng.random(N) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def model(X):
    return make(GSMTopicModel, n_components=3, lr=0.1, max_epochs=30).fit(X)


def by_hand(outcome, matrix, weights=None, clusters=None):
    """Coefficients and clustered errors, from the formulas of textbooks."""
    n, p = matrix.shape
    W = np.diag(np.ones(n) if weights is None else weights)
    clusters = np.arange(n) if clusters is None else clusters
    bread = np.linalg.inv(matrix.T @ W @ matrix)
    coefficients = bread @ matrix.T @ W @ outcome
    scores = matrix * (W @ (outcome - matrix @ coefficients))[:, None]
    sums = np.array([scores[clusters == c].sum(axis=0) for c in np.unique(clusters)])
    g = len(sums)
    factor = g / (g - 1) * (n - 1) / (n - p)
    return coefficients, np.sqrt(factor * np.diag(bread @ sums.T @ sums @ bread))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_without_a_posterior_it_is_least_squares(weighted, clustered, X, table):
    lda = LatentDirichletAllocation(3, random_state=0).fit(X)
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 5, N) if weighted else None
    clusters = np.repeat(list("abcdefghijkl"), 5) if clustered else None
    found = topic_effects(lda, X, table, sample_weight=weights, clusters=clusters)
    assert "words" not in found
    party = table["party"].to_numpy()
    columns = [
        np.ones(N),
        table["age"],
        table["woman"],
        party == "mid",
        party == "right",
    ]
    matrix = np.column_stack(columns).astype(float)
    terms = ["intercept", "age", "woman", "party=mid", "party=right"]
    assert found["term"].unique().tolist() == terms
    free = 11 if clustered else N - 5
    for k, topic in enumerate(["topic 0", "topic 1", "topic 2"]):
        rows = found[found["topic"] == topic]
        expected, errors = by_hand(lda.transform(X)[:, k], matrix, weights, clusters)
        np.testing.assert_allclose(rows["estimate"], expected, atol=1e-9)
        np.testing.assert_allclose(rows["std_error"], errors, rtol=1e-7)
        half = stats.t.ppf(0.975, free) * errors
        np.testing.assert_allclose(rows["low"], expected - half, atol=1e-9)
        np.testing.assert_allclose(rows["high"], expected + half, atol=1e-9)
        p = 2 * stats.t.sf(abs(expected) / errors, free)
        np.testing.assert_allclose(rows["p_value"], p, rtol=1e-6)


def test_effects_of_all_topics_add_up(model, X, table):
    found = topic_effects(model, X, table)
    sums = found.groupby("term", sort=False)["estimate"].sum()
    np.testing.assert_allclose(sums, [1, 0, 0, 0, 0], atol=1e-9)


def test_a_group_is_its_mean_and_its_interval_has_the_posterior(model, X, table):
    party = table["party"]
    found = topic_effects(model, X, party)
    share = topic_prevalence(model, X, party).pivot(
        index="topic", columns="group", values="share"
    )
    wide = found.pivot(index="topic", columns="term", values="estimate")
    np.testing.assert_allclose(wide["intercept"], share["left"], atol=0.03)
    difference = share["right"] - share["left"]
    np.testing.assert_allclose(wide["party=right"], difference, atol=0.04)
    shares = model.transform(X)[None]
    _, known, _ = regress(
        shares, encoder(party.to_frame())(party.to_frame()), np.ones(N), np.arange(N)
    )
    alone = np.sqrt(np.diagonal(known, axis1=1, axis2=2)).T.ravel()
    assert (found["std_error"] > alone).all()


def test_intervals_hold_what_is_true():
    """As often as they say, where the prior given the group is learned from the data.

    Proportions here are normal. Their posterior is a weighted mean of a noisy
    measurement and of the prior. Regressions of posterior means hold it less often.
    """
    rng = np.random.default_rng(0)
    n, noise, runs = 200, 0.6, 300
    held = {"draws": 0, "means": 0}
    design = pd.DataFrame({"intercept": 1.0, "group": np.arange(n) % 2.0})
    ones, alone = np.ones(n), np.arange(n)
    trust = 1 / (1 + noise**2)
    for _ in range(runs):
        true = 0.5 * design["group"].to_numpy() + rng.standard_normal(n)
        measured = true + noise * rng.standard_normal(n)
        prior = pd.Series(measured).groupby(design["group"]).transform("mean")
        mean = trust * measured + (1 - trust) * prior.to_numpy()
        spread = noise * trust**0.5 * rng.standard_normal((25, n))
        for name, draws in [("draws", mean + spread), ("means", mean[None])]:
            found, covariance, free = regress(draws[..., None], design, ones, alone)
            half = stats.t.ppf(0.975, free) * covariance[0, 1, 1] ** 0.5
            held[name] += abs(found[1, 0] - 0.5) < half
    assert 0.92 <= held["draws"] / runs <= 0.97
    assert held["means"] / runs < 0.9


def test_units_weights_and_order_do_not_matter(model, X, table):
    found = topic_effects(model, X, table)
    years = table.assign(age=table["age"] * 1e6 + 0.0)
    rescaled = topic_effects(model, X, years, sample_weight=np.full(N, 1e-3))
    factor = np.where(found["term"] == "age", 1e-6, 1)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(rescaled[column], found[column] * factor, rtol=1e-6)
    order = np.random.default_rng(3).permutation(N)
    permuted = topic_effects(model, X[order], table.iloc[order])
    np.testing.assert_allclose(permuted["estimate"], found["estimate"], atol=2e-3)


def test_documents_without_tokens_or_weight_do_not_count(model, X, table):
    empty = X.copy()
    empty[50:] = 0
    weights = np.r_[np.ones(50), np.zeros(10)]
    expected = topic_effects(model, X[:50], table[:50])
    for found in (
        topic_effects(model, empty, table),
        topic_effects(model, X, table, sample_weight=weights),
    ):
        np.testing.assert_allclose(found["estimate"], expected["estimate"], atol=5e-3)
    lost = table.assign(party=["left"] * 30 + ["mid"] * 20 + ["other"] * 10)
    assert "party=other" not in topic_effects(model, empty, lost)["term"].to_numpy()


def test_equal_documents_vary_by_themselves(model):
    """Hundred copies tell as much as hundred documents."""
    X = np.tile([[3.0, 0, 0, 1, 0, 0, 0, 0, 0]], (100, 1))
    found = topic_effects(model, X, pd.DataFrame({"group": np.arange(100) % 2}))
    shares = model._posterior_draws(X[:1], 64)[:, 0]
    errors = found[found["term"] == "group"]["std_error"].to_numpy()
    # Half of it is between the draws; equal draws of all would have no difference.
    np.testing.assert_allclose(errors, 2 * shares.std(axis=0) * 2**0.5 / 10, rtol=0.3)
    draws = np.arange(12).reshape(3, 4, 1)
    assert (np.sort(own_order(draws), axis=0) == draws).all()


def test_formulas(model, X, table):
    pytest.importorskip("formulaic")
    plain = topic_effects(model, X, table)
    found = topic_effects(model, X, "age + woman + party", table)
    np.testing.assert_allclose(
        np.sort(found["estimate"]), np.sort(plain["estimate"]), atol=1e-9
    )
    terms = topic_effects(model, X, "party * bs(age, df=3)", table)["term"].unique()
    assert len(terms) == 3 * 4 and terms[0] == "intercept"
    with pytest.raises(ValueError, match="needs data"):
        topic_effects(model, X, "age")


def test_a_missing_package_is_named(model, X, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "formulaic", None)
    with pytest.raises(ImportError, match="pip install formulaic"):
        topic_effects(model, X, "age", table)


def test_the_first_category_is_the_reference(model, X, table):
    party = pd.Categorical(table["party"], ["right", "none", "mid", "left"])
    terms = topic_effects(model, X, pd.DataFrame({"party": party}))["term"].unique()
    assert terms.tolist() == ["intercept", "party=mid", "party=left"]
    numbers = topic_effects(model, X, table[["age"]].to_numpy())["term"].unique()
    assert numbers.tolist() == ["intercept", "0"]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t[:-1], "design has 59 rows, but X has 60"),
        (lambda t: t.assign(age=[np.nan, *range(59)]), "missing values in 1 rows"),
        (lambda t: t.assign(party=[None] * 2 + ["a"] * 58), "missing values in 2"),
        (lambda t: t.assign(day=pd.Timestamp("2024-01-01")), "'day' holds dates"),
        (lambda t: t.assign(one=1.0), r"depend on each other \(rank 5\)"),
        (lambda t: t.assign(man=~t["woman"]), "depend on each other.*man"),
        (lambda t: pd.DataFrame({"id": map(str, range(N))}), "cannot be estimated"),
    ],
)
def test_unusable_designs_are_refused(change, message, model, X, table):
    with pytest.raises(ValueError, match=message):
        topic_effects(model, X, change(table))


def test_other_mistakes_are_refused(model, X, table):
    with pytest.raises(ValueError, match="has no topic proportions"):
        topic_effects(make(NVDMTopicModel).fit(X), X, table)
    for weights in ([-1.0] * N, [0.0] * N, [np.inf] * N):
        with pytest.raises(ValueError, match="sample_weight must be"):
            topic_effects(model, X, table, sample_weight=weights)
    with pytest.raises(ValueError, match="clusters has 3 rows"):
        topic_effects(model, X, table, clusters=[1, 2, 3])
    frame = pd.DataFrame(X, index=range(N))
    with pytest.raises(ValueError, match="The index of design is not that of X"):
        topic_effects(model, frame, table.sample(frac=1, random_state=0))


def test_all_models(X, table):
    models = [
        TopicGroups(
            make(GSMTopicModel, n_components=3).fit(X), {"first two": [0, 1]}
        ).fit(X),
        ConsensusTopicModel(2, estimator=make(GSMTopicModel), n_members=2).fit(X),
        ClusterTopicModel(2, estimator=make(NVDMTopicModel), random_state=0).fit(X),
        NMF(2, init="nndsvda").fit(X),
    ]
    for model in models:
        found = topic_effects(model, X, table)
        assert len(found) == 5 * len(model.components_)
        assert np.isfinite(found.select_dtypes("number")).to_numpy().all()
    assert "first two" in topic_effects(models[0], X, table)["topic"].to_numpy()


def test_texts_and_side_data(table):
    texts = ["apples pears plums " * 2, "planes trains cars " * 2, "cats dogs"] * 20
    labels = table["party"].to_numpy()
    model = make_text_pipeline(make(GSMTopicModel, covariate_effects="topics"))
    model.fit(texts, topics__covariates=labels)
    found = topic_effects(model, texts, table, covariates=labels)
    assert found["words"].str.split().str.len().eq(5).all()
    sparse = sp.csr_array(model[0].transform(texts))
    again = topic_effects(model[-1], sparse, table, covariates=labels)
    np.testing.assert_array_equal(again["estimate"], found["estimate"])


def test_p_values_are_adjusted_by_holm():
    np.testing.assert_allclose(
        holm(np.array([[0.01, 0.04, 0.03], [0.5, 0.6, 0.9]])),
        [[0.03, 0.06, 0.06], [1, 1, 1]],
    )
