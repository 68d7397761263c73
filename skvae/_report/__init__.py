"""One HTML file that shows a fitted topic model."""

import base64
import functools
import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.utils import check_consistent_length, check_scalar, shuffle

from skvae._report import _drawings, _topics
from skvae.inspection import topic_prevalence
from skvae.metrics import label_alignment
from skvae.model_selection import topic_figures, unigram_figures
from skvae.models.fitted import FittedTopics, call_of, last_step, parameters_of
from skvae.models.health import nothing_learned, record
from skvae.utils.counts import check_counts
from skvae.utils.files import replacing
from skvae.utils.text import one_line, printable
from skvae.utils.validation import check_n_words
from skvae.utils.version import versions

_FOLDER = Path(__file__).parent
# Row of the baseline in the table of figures.
_UNIGRAM = "word frequencies alone (unigram)"


def report(
    model,
    X,
    texts=None,
    path="skvae_report.html",
    *,
    n_words=15,
    n_documents=20,
    feature_names=None,
    covariates=None,
    embeddings=None,
    X_test=None,
    covariates_test=None,
    embeddings_test=None,
    y=None,
    by=None,
    freq="M",
    baseline="lda",
    title=None,
):
    """Write a report of a fitted topic model, one HTML file that needs no network.

    A topic that is chosen, in a table that sorts, shows its words with a slider from
    probable to specific ones, its documents, its neighbors, and where documents have
    times, groups or classes, its share of each. Words and texts can be searched. A map
    of words, topics and documents, the similarity of topics, learning curves, figures
    beside those of LDA and of word frequencies, and how the model was made are there
    too. Nothing is loaded from elsewhere, texts are shown as they are, never run, and
    where scripts are off the page shows all topics, one below the other.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model: one of skvae, `LatentDirichletAllocation`, `NMF`, a
        Pipeline that ends in one, or a search over one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The documents of the fit, as the input of `model`.
    texts : sequence of str of length n_samples, default=None
        Texts of the documents. Not needed if X holds them; without any, the report
        shows the numbers of documents.
    path : str or path-like, default="skvae_report.html"
        Path of the file. An existing file is replaced once the report is complete.
    n_words : int, default=15
        Number of words of each topic, or all if there are fewer.
    n_documents : int, default=20
        Number of documents of each topic, those closest to it. Long texts are cut where
        all together would make the file larger than a few megabytes.
    feature_names : array-like of shape (n_features,), default=None
        As in `skvae.inspection.top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.
    X_test : like X, default=None
        Held-out documents to measure perplexity on. By default it is that of X, the
        documents of the fit, which the report says.
    covariates_test, embeddings_test : array-like, default=None
        Those of X_test. Perplexity is left out of a model with embeddings: those of
        whole documents tell of the half to predict.
    y : array-like of shape (n_samples,), default=None
        Classes of the documents of X_test or, if that is None, of X: those that each
        topic is found in are shown, and how topics agree with them, as in
        `skvae.metrics.label_alignment`.
    by : array-like of shape (n_samples,), default=None
        Dates or groups of the documents of X: how much of them is about each topic is
        drawn, as of `skvae.inspection.topic_prevalence`.
    freq : str, default="M"
        Length of the periods that dates are put into.
    baseline : estimator, dict of str to estimator, "lda" or None, default="lda"
        Topic models to compare with, by their names, clones of which are fitted to X,
        or none. "lda" is `LatentDirichletAllocation` with as many topics, once with its
        defaults and once online with small priors, ten passes each, which may take
        longer than all else; it is left out if `model` is LDA itself.
    title : str, default=None
        By default it tells the model and the number of documents.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, not as many as features, or not as many texts as
        documents, if X or X_test has another width, or as `topic_prevalence` does.
    OSError
        If the file cannot be written, before any work. Its folder has to exist.

    See Also
    --------
    skvae.inspection.top_words : Words of the topics, as a table.
    skvae.inspection.representative_documents : Documents closest to each topic.
    skvae.export.model_card : What is known of a model, in a page to read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import skvae
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = skvae.GSMTopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> words = [f"word{j}" for j in range(50)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "report.html"
    ...     path = skvae.report(model, X, path=path, feature_names=words)
    ...     path.stat().st_size > 10_000
    True
    """
    check_n_words(n_words)
    check_scalar(n_documents, "n_documents", Integral, min_val=1)
    if isinstance(texts, (str, os.PathLike)):
        raise TypeError(f"texts is {texts!r}. Pass the file to write as path=.")
    path = Path(path).expanduser()
    with replacing(path) as file:
        fitted = FittedTopics(model, X, texts, feature_names, covariates, embeddings)
        fitted.check_n_features()
        measured = fitted
        if X_test is not None:
            side_data = dict(covariates=covariates_test, embeddings=embeddings_test)
            measured = FittedTopics(model, X_test, **side_data)
            measured.check_n_features("X_test")
        if y is not None:
            check_consistent_length(measured.counts, y)
        baselines = _baselines(baseline, fitted.estimator)
        topics, searched = _topics.topics_of(fitted, n_words)
        labels = y if X_test is None else None
        length = _topics.add_documents(topics, fitted, labels, n_documents)
        if y is not None and not fitted.signed:
            _topics.add_classes(topics, measured, y)
        found, tables = None, {"similarity": _drawings.similarity(fitted, topics)}
        if by is not None:
            table = topic_prevalence(fitted, X, by, freq=freq)
            found = _drawings.prevalences(table)
            tables["prevalence"] = _drawings.shares_by_group(table, topics)
        tables = {name: table for name, table in tables.items() if table is not None}
        n_rows = fitted.counts.shape[0]
        if title is None:
            title = f"{fitted.name}: {len(topics)} topics in {n_rows:,} documents"
        health = record(fitted.estimator)
        figures = _figures(fitted, measured, y, baselines)
        useless = _useless(fitted.name, **figures)
        page = _render(
            title=title,
            n_tokens=fitted.n_tokens.sum(),
            n_empty=int(np.count_nonzero(fitted.n_tokens == 0)),
            shape=fitted.counts.shape,
            health=health,
            complaints=useless + health["complaints"],
            noticed=list(_topics.noticed(topics, fitted)),
            topics=topics,
            of_number={topic["number"]: topic for topic in topics},
            start=_topics.start_of(fitted),
            length=length,
            has_texts=fitted.texts is not None,
            prevalence=found,
            tables=tables,
            data=searched | {"n_words": n_words, "tables": _drawings.data_of(tables)},
            maps=_drawings.maps(fitted, topics, n_documents),
            curves=_drawings.curves(fitted.trained),
            figures=figures,
            held_out=X_test is not None,
            measured="embeddings" not in measured.side_data,
            aligned=y is not None,
            steps=[call_of(step) for step in fitted.steps],
            parameters=parameters_of(fitted.estimator),
            versions=versions(),
            made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        )
        file.write(printable(page).encode())
    return path


def _render(**parts):
    """The page, with a script that its own header allows by a hash."""
    from markupsafe import Markup  # late, as below

    script = (_FOLDER / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        style=Markup((_FOLDER / "report.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        **parts,
    )


@functools.cache
def _template():
    # Late: who only fits needs none of it.
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(figure=_figure, percent=_percent, one_line=one_line)
    return environment.get_template("report.html")


def _useless(name, rows=(), **other):
    """Complain if the model predicts no better than word frequencies; a list."""
    found = [row["perplexity"] for row in (rows[name], rows[_UNIGRAM])] if rows else []
    if not found or found[0] is None or not nothing_learned(*found):
        return []
    return [
        f"{name} predicts words no better than word frequencies: perplexity "
        f"{found[0]:.4g} per token, against {found[1]:.4g}. Use more or longer "
        "documents, fewer topics, or sentence embeddings."
    ]


def _figures(fitted, measured, y, baselines):
    """Figures of the model, the baselines and unigram, or why there are none."""
    try:
        for documents in (fitted, measured):
            check_counts(documents.counts)
    except ValueError as error:
        return {"reason": str(error)}

    def figures_of(topics, measured):
        figures = topic_figures(topics, measured)
        if y is not None and not measured.signed:
            figures |= label_alignment(y, measured.codes)
        return figures

    rows = {fitted.name: figures_of(fitted, measured)}
    # Online LDA learns worse from documents that are sorted.
    shuffled = shuffle(fitted.counts, random_state=0) if baselines else None
    for name, baseline in baselines.items():
        model = clone(baseline).fit(shuffled)
        topics = of_measured = FittedTopics(model, fitted.counts)
        if measured is not fitted:
            of_measured = FittedTopics(model, measured.counts)
        rows[name] = figures_of(topics, of_measured)
    rows[_UNIGRAM] = unigram_figures(fitted, measured)
    return {"rows": rows}


def _baselines(baseline, last):
    """The unfitted models to compare with, by the names of their rows."""
    if baseline is None:
        return {}
    if isinstance(baseline, Mapping):
        return baseline
    if not isinstance(baseline, str):
        return {f"{type(last_step(baseline)).__name__}, for comparison": baseline}
    if baseline != "lda":
        raise ValueError(f"baseline={baseline!r}. Pass an estimator, 'lda' or None.")
    if isinstance(last, LatentDirichletAllocation):
        return {}
    plain = LatentDirichletAllocation(len(last.components_), random_state=0)
    small_priors = dict(doc_topic_prior=0.1, topic_word_prior=0.01)
    online = clone(plain).set_params(learning_method="online", **small_priors)
    return {"LDA, scikit-learn's defaults": plain, "LDA, online": online}


def _figure(value, digits=1):
    """A number as the page shows it."""
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:z,.{digits}f}"


def _percent(share):
    """A share as the page and its script show it, with a digit that tells."""
    percent = 100 * share
    if percent < 0.001:
        shown = "<0.001" if percent > 0 else "0"
    else:
        shown = f"{percent:.1f}" if percent >= 0.1 else f"{percent:.1g}"
    return f"{shown}\N{THIN SPACE}%"
