"""The health of a fit, in words: what is wrong, the remedy, and what was recorded.

Read off `health_` and the parameters alone.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

# Mean KL term, in nats, above which a latent unit counts as active.
ACTIVE = 0.01


def nothing_learned(perplexity, unigram_perplexity):
    """Whether a model predicts held-out words no better than word frequencies do.

    A hundredth is what perplexities of halves and of whole documents differ by.
    """
    return perplexity > 0.99 * unigram_perplexity


def complaints(model):
    """Return what is wrong with a fitted model, and the remedy, as sentences."""
    return [f"{type(model).__name__} {problem}" for problem in model._problems()]


def warn_of_problems(model):
    """Warn about the problems of a model, at the line that called its `fit`."""
    for complaint in complaints(model):
        warnings.warn(complaint, ConvergenceWarning, stacklevel=3)


def topic_problems(model):
    """Yield what is wrong with a fitted topic model, and the remedy, as predicates."""
    health, n_components = model.health_, len(model.components_)
    # One topic has nothing to say beyond word frequencies, and all but says it.
    if health["perplexity"] > 1.01 * health["unigram_perplexity"]:
        yield (
            f"ended with a training perplexity of {health['perplexity']:.4g}, "
            "worse than word frequencies alone with "
            f"{health['unigram_perplexity']:.4g}. If documents have few words, let the "
            "vectorizer keep more words, or pass embeddings. Lower `lr` (now "
            f"{model.lr}) if the loss in `history_` jumps, else raise `max_epochs` "
            f"(now {model.max_epochs}) or lower `batch_size` (now {model.batch_size})."
        )
    first = f"Raise `kl_warmup` (now {model.kl_warmup})"
    if "kl_warmup" not in model.net_.config["recipe"]:
        first = "Train with recipe='skvae'"
    remedy = (
        f"{first}, raise `max_epochs` (now {model.max_epochs}), or lower "
        f"`n_components` (now {n_components})."
    )
    active = health["active_units"]
    if active < 0.8 * n_components and n_components > 1:
        yield f"has only {active} active of {n_components} latent units. {remedy}"
    useless = {*health["dead_topics"], *(j for _, j in health["duplicate_topics"])}
    if len(useless) > 0.2 * n_components:
        yield (
            f"has {len(useless)} of {n_components} topics that no document is "
            f"about or that repeat others, see `health_`. {remedy}"
        )


def row_problems(model):
    """Yield what is wrong with a fitted autoencoder, and the remedy, as predicates."""
    health, config = model.health_, model.net_.config
    scaled = model.net_.module_.decoder.output.scaled
    given = scaled and not isinstance(config["scale"], str)
    n_covariates = config["n_covariates"]
    found, baseline = health["bound"], health["bound_without_codes"]
    if health["active_units"] == 0 and given:
        yield (
            "no latent unit is active: rows hardly differ beside the given `scale` "
            "of the Gaussian likelihood. Lower it, or learn it: scale='shared'."
        )
    elif health["active_units"] == 0:
        explained = " Or the covariates explain everything." if n_covariates else ""
        yield (
            "no latent unit is active: rows are all encoded alike. Lower `lr` (now "
            f"{model.lr}), raise `kl_warmup` (now {model.kl_warmup}) or `max_epochs` "
            f"(now {model.max_epochs}).{explained}"
        )
    elif found < baseline - 0.01 * abs(baseline) - 0.01:
        yield (
            f"ended with a bound of {found:.4g} nats a row, worse than means and "
            f"deviations of the features alone with {baseline:.4g}. Lower `lr` "
            f"(now {model.lr}) if the loss in `history_` jumps, else raise "
            f"`max_epochs` (now {model.max_epochs})."
        )


def record(model):
    """Return what is wrong with the fit, and what it recorded.

    Parameters
    ----------
    model : estimator
        Fitted. It may have another one within it, `estimator_`.

    Returns
    -------
    record : dict
        "complaints": sentences; "facts": texts by name, of the innermost model; its
        name, "within", if it is not `model` itself; and "clusters", the `health_` of a
        `ClusterTopicModel`, or an empty dict.
    """
    fits = [model]  # from the outermost one
    while hasattr(fits[-1], "estimator_"):
        fits.append(fits[-1].estimator_)
        if hasattr(fits[-1], "steps"):
            fits[-1] = fits[-1][-1]
    fits = [fit for fit in fits if hasattr(fit, "_problems")]
    last = fits[-1] if fits and hasattr(fits[-1], "net_") else None
    return {
        "complaints": [complaint for fit in fits for complaint in complaints(fit)],
        "facts": {} if last is None else facts(last),
        "within": type(last).__name__ if last not in (None, model) else None,
        "clusters": next((f.health_ for f in fits if not hasattr(f, "net_")), {}),
    }


def facts(model):
    """Return what the fit and `health_` say, as texts by name."""
    health, config = model.health_, model.net_.config
    best, kl = health["best_epoch"], health["kl_per_unit"]
    kept = "" if best == model.n_iter_ else f", of which {best} is kept"
    low, middle, high = np.quantile(kl, [0, 0.5, 1])
    found = {}
    if n_covariates := config["n_covariates"]:
        names = getattr(model, "covariate_names_", [])
        labels = getattr(model, "covariate_values_", names)
        kind = "labels" if labels is not names else "numbers"
        shown = ", ".join(map(str, labels[:5])) + ", ..." * (len(labels) > 5)
        shown = f": {shown}" if shown else ""
        found["covariates"] = f"{n_covariates} {kind}{shown}"
    if width := config["n_embedding_features"]:
        found["embeddings"] = f"{width} numbers a row"
    found |= {
        "epochs": f"{model.n_iter_}{kept}",
        "latent units in use": f"{health['active_units']} of {len(kl)}",
        "KL term of a unit": f"{low:.2f} to {high:.2f} nats, median {middle:.2f}",
    }
    if "dead_topics" in health:
        pairs = [f"{i} and {j}" for i, j in health["duplicate_topics"]]
        found |= {
            "dead topics": ", ".join(map(str, health["dead_topics"])) or "none",
            "topics that repeat others": ", ".join(pairs) or "none",
            "training perplexity": f"{health['perplexity']:.1f}, where word "
            f"frequencies alone get {health['unigram_perplexity']:.1f}",
        }
    else:
        found["bound of a training row"] = (
            f"{health['bound']:.1f} nats, where the features without codes get "
            f"{health['bound_without_codes']:.1f}"
        )
    if hasattr(model, "n_matched_words_"):
        matched = f"{model.n_matched_words_} of {model.n_features_in_}"
        found["words with pretrained vectors"] = matched
    return found
