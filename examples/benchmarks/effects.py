"""Are the intervals of `topic_effects` right, and are planted effects found?

First, regressions of given draws of proportions: how many of the 95 % intervals hold
the true effect, with draws and with posterior means. Proportions are normal here, and
their posterior is a weighted mean of a noisy measurement and of a prior that is learned
from the same documents, as in a model with prevalence covariates.

Then corpora with planted effects: GSM without and with ``covariate_effects="topics"``,
and topica's structural topic model. Topics are matched to the planted ones by their
words. For the two topics that depend on the group, the table has the mean ratio of the
estimate to the true effect, in how many corpora both are within 20 %, and how many
intervals hold the true effect; for the others how many hold 0; then held-out
perplexity by completion. At the end, topica's own regression of the same draws is
compared with `topic_effects`'.

    python examples/benchmarks/effects.py --corpora 50

It needs topica (pip install topica); without it, its rows are left out.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from joblib import Parallel, delayed
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from skvae import GSMTopicModel
from skvae.inspection import topic_effects
from skvae.inspection.effects import regress
from skvae.metrics import document_completion_perplexity

try:
    import topica
except ImportError:
    topica = None

N_TOPICS, N_WORDS = 8, 500
SHIFT = np.array([1.5, -1.5] + [0] * (N_TOPICS - 2))


def coverage(noise, n_runs=500, n=200, n_draws=25):
    """Share of intervals that hold the effect, with draws and with means."""
    rng = np.random.default_rng(0)
    design = pd.DataFrame({"intercept": 1.0, "group": np.arange(n) % 2.0})
    trust, held = 1 / (1 + noise**2), np.zeros(2)
    for _ in range(n_runs):
        true = 0.5 * design["group"].to_numpy() + rng.standard_normal(n)
        measured = true + noise * rng.standard_normal(n)
        prior = pd.Series(measured).groupby(design["group"]).transform("mean")
        mean = trust * measured + (1 - trust) * prior.to_numpy()
        draws = mean + noise * trust**0.5 * rng.standard_normal((n_draws, n))
        for k, outcomes in enumerate((draws, mean[None])):
            found, covariance, free = regress(
                outcomes[..., None], design, np.ones(n), np.arange(n)
            )
            half = stats.t.ppf(0.975, free) * covariance[0, 1, 1] ** 0.5
            held[k] += abs(found[1, 0] - 0.5) < half
    return held / n_runs


def corpus(seed, n, length):
    """Counts and groups, word probabilities of the topics, and true effects."""
    rng = np.random.default_rng(seed)
    group = np.arange(2 * n) % 2
    topics = rng.dirichlet(np.full(N_WORDS, 0.05), N_TOPICS)
    center = rng.normal(0, 0.5, N_TOPICS)

    def shares_of(group):
        codes = 1.5 * rng.standard_normal((len(group), N_TOPICS))
        return softmax(center + np.outer(group, SHIFT) + codes, axis=1)

    shares = shares_of(group)
    many = [shares_of(np.full(100_000, g)).mean(axis=0) for g in (0, 1)]
    lengths = np.maximum(rng.poisson(length, 2 * n), 1)
    X = [rng.multinomial(m, p) for m, p in zip(lengths, shares @ topics)]
    return sp.csr_array(X), group, topics, many[1] - many[0]


def matched(topics, components):
    """Number of the found topic of each planted one."""
    components = components / components.sum(axis=1, keepdims=True)
    return linear_sum_assignment(-np.sqrt(topics) @ np.sqrt(components).T)[1]


def row(name, order, estimate, low, high, true, perplexity):
    """Figures of a model, whose topics are put in the order of the planted ones."""
    estimate, low, high = (np.asarray(v)[order] for v in (estimate, low, high))
    ratio = estimate[:2] / true[:2]
    return {
        "model": name,
        "ratio": ratio.mean(),
        "within 20 %": (abs(ratio - 1) < 0.2).all(),
        "held": ((low < true) & (true < high))[:2].mean(),
        "held, no effect": ((low < true) & (true < high))[2:].mean(),
        "completion": perplexity,
    }


def fits(seed, n, length):
    """Rows of a corpus."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, group, topics, true = corpus(seed, n, length)
    train, test, given, given_test = X[:n], X[n:], group[:n], group[n:]
    design, rows = pd.DataFrame({"group": given}), []
    for effects in (None, "topics"):
        known = [{}, {}]
        if effects:
            known = [{"covariates": given}, {"covariates": given_test}]
        params = {"covariate_effects": effects or "words", "random_state": 0}
        model = GSMTopicModel(N_TOPICS, **params).fit(train, **known[0])
        found = topic_effects(model, train, design, **known[0])
        found = found[found["term"] == "group"]
        name = "GSM, covariate_effects='topics'" if effects else "GSM"
        order = matched(topics, model.components_)
        figures = (found[c].to_numpy() for c in ("estimate", "low", "high"))
        perplexity = document_completion_perplexity(model, test, **known[1])
        rows.append(row(name, order, *figures, true, perplexity))
    if topica is not None:
        rows.append(row_of_topica(train, given, topics, true))
    return rows


def row_of_topica(train, given, topics, true):
    """Its structural topic model, and how its regression differs from ours."""
    words = np.array([f"w{j}" for j in range(N_WORDS)])
    texts = [np.repeat(words, row).tolist() for row in train.toarray()]
    matrix = given[:, None].astype(float)
    model = topica.STM(N_TOPICS, seed=0)
    model = model.fit(texts, prevalence=matrix, prevalence_names=["group"]) or model
    place = {word: j for j, word in enumerate(model.vocabulary)}
    columns = [place.get(word, -1) for word in words]
    components = np.c_[model.topic_word, np.zeros(N_TOPICS)][:, columns]
    order = matched(topics, components)
    found = topica.estimate_effect(
        model, matrix, feature_names=["group"], nsims=25, uncertainty="local"
    )
    estimate, error = coefficients(found)
    half = stats.t.ppf(0.975, len(given) - 2) * error
    ends = estimate - half, estimate + half
    figures = row("topica's STM", order, estimate, *ends, true, np.nan)
    # Both regressions of the same draws, with errors that are robust in both.
    draws = np.asarray(topica.posterior_theta_samples(model, nsims=25, seed=0))
    ones, alone = np.ones(len(given)), np.arange(len(given))
    theirs = coefficients(
        topica.estimate_effect(draws, matrix, feature_names=["group"], cluster=alone)
    )
    design = pd.DataFrame({"intercept": 1.0, "group": matrix[:, 0]})
    ours, covariance, _ = regress(draws, design, ones, alone)
    figures["estimates differ"] = abs(ours[1] - theirs[0]).max()
    figures["errors differ"] = abs(np.sqrt(covariance[:, 1, 1]) / theirs[1] - 1).max()
    return figures


def coefficients(found):
    """Estimates and errors of the last term, of all topics."""
    pairs = [(effect.coef[-1], effect.se[-1]) for effect in found]
    return np.array(pairs).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=int, default=50)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--lengths", type=int, nargs="+", default=[40, 15])
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    print("Share of 95 % intervals that hold the effect, of 500 regressions:")
    for noise in (0.3, 0.6, 0.9):
        draws, means = coverage(noise)
        print(f"  noise {noise}: with draws {draws:.3f}, with means {means:.3f}")
    for length in args.lengths:
        calls = (
            delayed(fits)(seed, args.documents, length) for seed in range(args.corpora)
        )
        rows = [row for rows in Parallel(args.jobs)(calls) for row in rows]
        print(f"\n{args.corpora} corpora of {args.documents} texts of {length} words:")
        print(
            pd.DataFrame(rows).groupby("model", sort=False).mean().round(4).to_string()
        )


if __name__ == "__main__":
    main()
