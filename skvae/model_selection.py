"""Topic models side by side, each with its figures on the same documents."""

import inspect
import re
import time
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from itertools import combinations
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_consistent_length, check_scalar
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skvae.metrics import (
    label_alignment,
    npmi_coherence,
    topic_diversity,
    topic_stability,
    unigram_perplexity,
)
from skvae.metrics.perplexity import complete, perplexity_of
from skvae.models.cluster import ClusterTopicModel
from skvae.models.fitted import FittedTopics, text_halves
from skvae.models.gsm import GSMTopicModel
from skvae.models.health import nothing_learned
from skvae.models.meta import seeded_clone
from skvae.text import make_text_pipeline
from skvae.utils.text import FigureTable
from skvae.utils.validation import contains_texts

__all__ = ["compare_models"]

# Columns of perplexities, and how each averages.
_AVERAGES = {"perplexity": "token", "doc_perplexity": "document"}
_ALIGNMENT = ["purity", "p1", "nmi", "ari"]  # of label_alignment
_COLUMNS = [
    *_AVERAGES,
    "npmi",
    "npmi_test",
    "diversity",
    *_ALIGNMENT,
    "active_units",
    "fit_time",
    "transform_time",
]
# Words of each topic that `diversity` counts, as in the paper that proposed it.
_DIVERSE_WORDS = 25


def compare_models(
    models,
    X,
    y=None,
    *,
    X_test=None,
    n_seeds=1,
    n_words=10,
    covariates=None,
    embeddings=None,
    covariates_test=None,
    embeddings_test=None,
    return_estimator=False,
    n_jobs=None,
    verbose=0,
):
    """Fit topic models to the same documents and put their figures in one table.

    Perplexities come from document completion, which treats a VAE, LDA and NMF alike.
    They are those of held-out documents, as are coherence in `npmi_test` and agreement
    with labels; coherence in `npmi` is that in the documents of the fit.

    Parameters
    ----------
    models : dict of str to estimator, or list of int
        The topic models to compare, by the names of their rows: skvae's,
        `LatentDirichletAllocation`, `NMF`, Pipelines that end in one, or searches such
        as `GridSearchCV` over one. They are cloned, so that these stay as they are.
        A list of numbers of topics compares these: of `make_text_pipeline` if X is
        texts, and otherwise of `ClusterTopicModel` if there are embeddings, and of
        `GSMTopicModel` if there are none.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Word counts of the documents, or what all of the models take: texts, if all are
        Pipelines with a vectorizer.
    y : array-like of shape (n_samples,), default=None
        Labels of the documents of `X_test` or, if that is None, of X: the alignment of
        topics with them is shown.
    X_test : like X, default=None
        Held-out documents. None holds out a tenth of X, drawn at random, but the same
        in each call and for all models.
    n_seeds : int, default=1
        How often each model is fitted: with 0, 1, and so on as its `random_state`, and
        as those of the estimators within it. The documents stay the same. A model
        without `random_state` is fitted as often.
    n_words : int, default=10
        Number of words of each topic in `npmi`, or all words if there are fewer.
    covariates, embeddings : array-like, default=None
        Of the documents of X, for the models whose `fit` has such a parameter, and
        for Pipelines that end in one.
    covariates_test, embeddings_test : array-like, default=None
        Of the documents of `X_test`, if that is given.
    return_estimator : bool, default=False
        Whether to return the fitted models too.
    n_jobs : int, default=None
        Number of fits at a time, in as many processes. None is 1, or what a
        `joblib.parallel_config` context says; -1 is all cores.
    verbose : int, default=0
        0 prints nothing, anything else shows a progress bar on standard error.

    Returns
    -------
    table : DataFrame
        A row for "unigram", the baseline, then one for each model in the order of
        `models`; NaN is what a model has not. Columns are means over the seeds. If
        `n_seeds` > 1, the two columns of stability follow, and then as many as before
        with the standard deviations (ddof=1): `perplexity_std`, and so on. It
        prints all of them, in several blocks where the terminal is narrow.

        perplexity, doc_perplexity
            Perplexity of one half of each document of `X_test`, given the other half,
            per token and per document: `document_completion_perplexity` with its two
            averages. Of unigram, `unigram_perplexity` of whole documents. Smaller is
            better. Halves are drawn from the tokens; but texts are split in their
            middles if a model has `embedding_columns`, and embeddings are then those of
            first halves. Such a model has none where X is no texts.
        npmi
            `npmi_coherence` of the top words in the documents of the fit; from -1 to
            1, larger is better.
        npmi_test
            The same in `X_test`, which tells how much of it was fitted to those texts.
            A word that they lack counts -1 in all its pairs: on few texts it is small.
        diversity
            `topic_diversity` of the top 25 words, or of all if there are fewer; up to
            1, larger is better.
        purity, p1, nmi, ari
            `label_alignment` of the topic that each document of `X_test` has most of.
            Only if `y` is given; NaN for NVDM, whose dimensions are no topics.
        stability, doc_stability
            Only if `n_seeds` > 1, means over pairs of fits: `topic_stability` of their
            top words, from 0 to 1; and the adjusted Rand index of the topics that they
            give the documents of `X_test`, NaN for NVDM. Larger is better.
        active_units
            Number of latent dimensions in use, `health_["active_units"]` of the model.
        fit_time, transform_time
            CPU seconds of `fit`, and of `transform` of `X_test`, on one thread, so that
            models run side by side compare. They are those of the process that runs
            the fit: processes that a model starts by itself and the time of a GPU are
            not in it, and the first fit of a process may carry a second of PyTorch's
            own start.
    models : dict of str to list of length n_seeds
        The fitted models by name, in the order of the seeds, with None for a fit that
        failed. Only if `return_estimator`. Which topics of a list recur from fit to fit
        tells `skvae.inspection.recurring_topics`.

    Raises
    ------
    TypeError
        If `models` is no dict of estimators.
    ValueError
        If X is texts and a model is no Pipeline that counts their words; if the models
        count different words, as with different vectorizers, whose perplexities do not
        compare; if all fits fail; or if a parameter is unusable.

    Warns
    -----
    FitFailedWarning
        If a model fails. Its means are those of its other seeds, NaN if there are none,
        and the other models are as they would be without it.
    ConvergenceWarning
        If models predict held-out words no better than word frequencies do.
    Warning
        Whatever the models warn of, with their names, and not for each seed anew.

    See Also
    --------
    skvae.plotting.ModelSelectionDisplay : Draws the table.
    skvae.metrics.document_completion_perplexity : The perplexity in it.
    sklearn.model_selection.GridSearchCV : Searches parameters of one model.

    References
    ----------
    Wallach, H. M., Murray, I., Salakhutdinov, R. and Mimno, D. (2009). Evaluation
    methods for topic models. ICML. (Document completion.)
    https://doi.org/10.1145/1553374.1553515

    Examples
    --------
    >>> from sklearn.decomposition import NMF, LatentDirichletAllocation
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.model_selection import compare_models
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> models = {"LDA": LatentDirichletAllocation(3), "NMF": NMF(3, init="nndsvda")}
    >>> table = compare_models(models, X)
    >>> table[["perplexity", "doc_perplexity", "npmi", "diversity"]].round(1)
             perplexity  doc_perplexity  npmi  diversity
    unigram        15.1            15.1   NaN        NaN
    LDA             8.7             8.7   0.2        0.5
    NMF             9.3             9.2   0.2        0.5
    >>> table["perplexity"].idxmin()
    'LDA'
    """
    if isinstance(models, list) and all(isinstance(n, Integral) for n in models):
        models = _models_of(models, contains_texts(X), embeddings is not None)
    _check_models(models, of_texts=contains_texts(X))
    check_scalar(n_seeds, "n_seeds", Integral, min_val=1)
    check_scalar(n_words, "n_words", Integral, min_val=2)
    if y is not None:
        check_consistent_length(X if X_test is None else X_test, y)
    side_data = {"covariates": covariates, "embeddings": embeddings}
    side_data = {name: of for name, of in side_data.items() if of is not None}
    test_data = {"covariates": covariates_test, "embeddings": embeddings_test}
    for name, of in test_data.items():
        if of is not None and name not in side_data:
            raise ValueError(f"{name}_test needs {name}. Pass both.")
    test_data = {name: test_data[name] for name in side_data}
    for name, of in side_data.items():
        if not any(_keyword(model, name) for model in models.values()):
            raise ValueError(
                f"None of the models takes {name}. Leave them out, or pass a model "
                f"whose fit has the parameter {name}."
            )
        check_consistent_length(X, of)
        if (X_test is None) != (test_data[name] is None):
            raise ValueError(
                f"Pass {name}_test together with X_test, and neither to hold out a "
                "tenth of X."
            )
        if X_test is not None:
            check_consistent_length(X_test, test_data[name])
    if X_test is None:
        if y is not None:
            _, y = train_test_split(y, test_size=0.1, random_state=0)
        for name, of in side_data.items():
            parts = train_test_split(of, test_size=0.1, random_state=0)
            side_data[name], test_data[name] = parts
        X, X_test = train_test_split(X, test_size=0.1, random_state=0)

    # One seed after the other, so that models that cannot be compared show early.
    tasks = [
        (name, seed, seeded_clone(model, seed))
        for seed in range(n_seeds)
        for name, model in models.items()
    ]
    halves = None
    encodes = embeddings is None and any(map(_sees_embeddings, models.values()))
    if encodes and contains_texts(X_test):
        halves = text_halves(X_test)
    calls = (
        delayed(_run)(
            model, X, X_test, side_data, test_data, halves, y, n_words, return_estimator
        )
        for _, _, model in tasks
    )
    runs, told, baseline = [], {}, None
    with _in_parallel(calls, len(tasks), n_jobs, verbose) as results:
        for run, (name, seed, _) in zip(results, tasks):
            for category, text in run.warnings:
                # Other seeds of a model warn of the same in other numbers.
                words = re.sub(r"\d+(\.\d+)?", "", text)
                if told.setdefault((name, category, words), seed) == seed:
                    warnings.warn(f"{name}: {text}", category, stacklevel=2)
            if run.error is not None:
                warnings.warn(
                    f"{name} failed with random_state={seed}, which its figures leave "
                    f"out. {run.error}",
                    FitFailedWarning,
                    stacklevel=2,
                )
            elif baseline is None:
                baseline = name, run
            else:
                _check_same_words(name, run, *baseline)
            runs.append(run)
    if baseline is None:
        raise ValueError(f"All fits failed: {tasks[0][0]} with {runs[0].error}")

    runs_of = {name: runs[k :: len(models)] for k, name in enumerate(models)}
    figures = [baseline[1].unigram, *(run.figures for run in runs)]
    names = ["unigram", *(name for name, _, _ in tasks)]
    columns = [c for c in _COLUMNS if y is not None or c not in _ALIGNMENT]
    table = FigureTable(figures, index=names, columns=columns, dtype=float)
    by_model = table.groupby(level=0, sort=False)
    table = by_model.mean()
    unigram = table.loc["unigram", "perplexity"]
    useless = [
        f"{name} ({table.loc[name, 'perplexity']:.4g})"
        for name in models
        if nothing_learned(table.loc[name, "perplexity"], unigram)
    ]
    if useless:
        warnings.warn(
            "These models predict held-out words no better than word frequencies "
            f"(perplexity {unigram:.4g}): {', '.join(useless)}. Use more or longer "
            "documents, another number of topics, or sentence embeddings. Clusters and "
            "models with embeddings may sort documents well nevertheless: judge them "
            "by `ari` (pass y) or `doc_stability` (pass n_seeds=3), which are near 0 "
            "if nothing was learned.",
            ConvergenceWarning,
            stacklevel=2,
        )
    if n_seeds > 1:
        stability = {name: _stability(of_model) for name, of_model in runs_of.items()}
        table = table.join(pd.DataFrame.from_dict(stability, orient="index"))
        table = table.join(by_model.std().add_suffix("_std"))
    if return_estimator:
        return table, {name: [run.model for run in runs_of[name]] for name in models}
    return table


def _models_of(numbers, of_texts, with_embeddings):
    """Return models with these numbers of topics, by their names."""
    cls = ClusterTopicModel if with_embeddings else GSMTopicModel
    models = {f"{n} topics": cls(n, random_state=0) for n in numbers}
    if not of_texts:
        return models
    return {name: make_text_pipeline(model) for name, model in models.items()}


def _check_models(models, of_texts):
    if not isinstance(models, Mapping) or not models:
        raise TypeError(
            f"models is {models!r}, not a dict of estimators by name or a list of "
            "numbers of topics."
        )
    for name, model in models.items():
        if isinstance(model, type) or not hasattr(model, "get_params"):
            raise TypeError(
                f"models[{name!r}] is {model!r}. Pass an instance of a topic model."
            )
        parts = model.get_params(deep=False).values()
        counts_texts = isinstance(model, Pipeline) or any(
            hasattr(part, "fit") for part in parts
        )
        if of_texts and not counts_texts:
            raise ValueError(
                f"X is texts, but models[{name!r}] takes counts. Pass Pipelines, such "
                "as make_pipeline(CountVectorizer(), model), or counts for X."
            )
    if "unigram" in models:
        raise ValueError("'unigram' is the row of the baseline. Rename that model.")


@contextmanager
def _in_parallel(calls, n_calls, n_jobs, verbose):
    """Give the results of calls one by one; those left on the way out are cancelled."""
    results = shown = Parallel(n_jobs, return_as="generator")(calls)
    if verbose:
        from tqdm.auto import tqdm  # late, since it warns in some notebooks

        shown = tqdm(results, total=n_calls, unit="fit")
    try:
        yield shown
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on calls that were cancelled
            results.close()


def _sees_embeddings(model):
    """Whether an unfitted model takes columns of its input for embeddings."""
    return any(
        name.split("__")[-1] == "embedding_columns" and value is not None
        for name, value in model.get_params(deep=True).items()
    )


def _keyword(model, kind):
    """Return the keyword of `fit` for covariates or embeddings, or None."""
    if not isinstance(model, Pipeline):
        return kind if kind in inspect.signature(model.fit).parameters else None
    step, last = model.steps[-1]
    keyword = _keyword(last, kind)
    if keyword is None or get_config()["enable_metadata_routing"]:
        return keyword
    return f"{step}__{keyword}"


def _run(model, X, X_test, side_data, test_data, halves, y, n_words, return_model):
    """Fit a model and measure it on one thread, with its warnings and its error."""
    run = Bunch(figures={}, error=None, model=None)
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        try:
            sides = [
                {name: part for name, part in of.items() if _keyword(model, name)}
                for of in (side_data, test_data)
            ]
            run.update(_measure(model, X, X_test, *sides, halves, y, n_words))
            if return_model:
                run.model = model
        except Exception as error:
            run.error = f"{type(error).__name__}: {error}"
    # Equal ones once: NMF warns anew in each transform.
    run.warnings = dict.fromkeys((w.category, str(w.message)) for w in caught)
    return run


def _measure(model, X, X_test, side_data, test_data, halves, y, n_words):
    """Fit a model; return its figures, those of unigram, and the number of words."""
    started = time.process_time()
    model.fit(X, **{_keyword(model, kind): of for kind, of in side_data.items()})
    fitted = time.process_time()
    test = FittedTopics(model, X_test, **test_data)
    codes = test.codes
    transformed = time.process_time()

    topics = FittedTopics(model, X, **side_data)
    completions = None
    if halves is not None:
        first, second = halves
        beside = {kind: test_data[kind] for kind in test_data if kind != "embeddings"}
        first = FittedTopics(model, first, **beside)
        completions = complete(first, held_out=second)
    figures = topic_figures(topics, test, n_words, completions)
    figures |= {"fit_time": fitted - started, "transform_time": transformed - fitted}
    codes = None if topics.signed else codes
    if y is not None and codes is not None:
        figures |= label_alignment(y, codes)
    return {
        "figures": figures,
        "unigram": unigram_figures(topics, test),
        "n_features": topics.components.shape[1],
        "words": topics.leading_columns(n_words).tolist(),
        "topics": None if codes is None else codes.argmax(axis=1),
    }


def _stability(runs):
    """Agreement of the fits of a model, mean over pairs of those that did not fail."""
    pairs = list(combinations([run for run in runs if run.error is None], 2))
    by_words = [
        topic_stability(a.words, b.words, n_words=len(a.words[0])) for a, b in pairs
    ]
    by_documents = [
        label_alignment(a.topics, b.topics)["ari"]
        for a, b in pairs
        if a.topics is not None and b.topics is not None
    ]
    values = {"stability": by_words, "doc_stability": by_documents}
    return {name: np.mean(v) if v else np.nan for name, v in values.items()}


def topic_figures(topics, test, n_words=10, completions=None):
    """Figures of a fitted topic model with documents of the fit and of a test.

    Without completions of halves, a model with embeddings has no perplexity.
    """
    n_features = topics.components.shape[1]
    n_words = min(n_words, n_features)
    if completions is None and "embeddings" not in test.side_data:
        completions = complete(test)  # once for both averages
    npmi = npmi_test = npmi_coherence(topics, None, n_words=n_words)
    if test is not topics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of words that they lack
            npmi_test = npmi_coherence(test, None, n_words=n_words)
    return {
        column: perplexity_of(*completions, average) if completions else None
        for column, average in _AVERAGES.items()
    } | {
        "npmi": npmi,
        "npmi_test": npmi_test,
        "diversity": topic_diversity(topics, n_words=min(_DIVERSE_WORDS, n_features)),
        "active_units": getattr(topics.estimator, "health_", {}).get("active_units"),
    }


def unigram_figures(topics, test):
    """Perplexities of the baseline."""
    return {
        column: unigram_perplexity(topics.counts, test.counts, average=average)
        for column, average in _AVERAGES.items()
    }


def _check_same_words(name, run, first_name, first):
    """Check that two models count the same words: then unigram fares alike on both."""
    if not np.allclose(list(run.unigram.values()), list(first.unigram.values())):
        raise ValueError(
            f"{first_name} and {name} count different words: {first.n_features} and "
            f"{run.n_features} of them. Perplexities do not compare across "
            "vocabularies: give all models the same vectorizer, or each vectorizer a "
            "call of its own."
        )
