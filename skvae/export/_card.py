"""Model cards: what a reader should know of a fitted model, in Markdown."""

import contextlib
import inspect
import json
import re
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skvae.inspection import top_words
from skvae.model_selection import topic_figures, unigram_figures
from skvae.models import health
from skvae.models.base import BaseVAE
from skvae.models.cluster import ClusterTopicModel
from skvae.models.consensus import ConsensusTopicModel
from skvae.models.fitted import (
    FittedTopics,
    call_of,
    last_step,
    parameters_of,
    pipeline_steps,
    trained_model,
)
from skvae.models.meta import MetaTopicModel
from skvae.models.topics import BaseTopicModel
from skvae.utils.files import replacing
from skvae.utils.text import encodable, one_line
from skvae.utils.version import versions

_FOLDER = Path(__file__).parent
# What Markdown, GitHub's or with HTML and formulas in it, takes for more than text:
# underscores at the ends of words, an ampersand of an entity, hashes at the end of a
# heading, a dot and a colon of an address.
_MARKS = re.compile(
    r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!\S)#+$"
    r"|(?<=\bwww)\.|:(?=//)"
)


def model_card(
    model,
    path=None,
    *,
    title=None,
    use=None,
    data=None,
    limits=(),
    license=None,
    n_words=8,
    feature_names=None,
    X_test=None,
    covariates_test=None,
    embeddings_test=None,
):
    """Describe a fitted model in a model card, one Markdown text.

    It tells how the model was made, how the fit went, topics, figures on held-out data,
    limits, parameters and versions. What the model cannot know, you tell; where you do
    not, the card says that it was not told. Hubs show such a text beside the file that
    `save` writes.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted model of skvae, or a Pipeline that ends in one.
    path : str or path-like, default=None
        File to write the text to, such as "README.md".
    title : str, default=None
        By default the class and its number of components.
    use : str, default=None
        What the model is for, and what not. Like `data` and `limits` it is Markdown,
        and stands in the card as it is; all else is escaped.
    data : str, default=None
        What it was fitted on: source, dates, licence, preparation.
    limits : sequence of str, default=()
        Further limits, beside those of every such model: an item of the list each,
        with all its lines.
    license : str, default=None
        Identifier of the model's licence, such as "cc-by-4.0".
    n_words : int, default=8
        Number of words of each topic.
    feature_names : array-like of shape (n_features,), default=None
        Words of a topic model, as in `skvae.inspection.top_words`. Without any known
        names the card has no list of topics.
    X_test : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Held-out rows to measure it on, as the input of `model`.
    covariates_test, embeddings_test : array-like, default=None
        Theirs, if the model was fitted with some. Perplexity is left out of topic
        models with embeddings: those of whole documents tell of the half to predict.

    Returns
    -------
    card : str
        The text.

    Raises
    ------
    TypeError
        If the model is none of skvae's.
    NotFittedError
        If it is not fitted.
    ValueError
        If X_test has another width, or `feature_names` another length, than the data of
        the fit.
    OSError
        If the file cannot be written. An existing file is left as it was.

    See Also
    --------
    skvae.report : Topics, documents and pictures in one HTML file.
    to_onnx : The model for programs without Python.

    References
    ----------
    Mitchell, M. et al. (2019). Model cards for model reporting. FAT*.
    https://arxiv.org/abs/1810.03993

    Examples
    --------
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.export import model_card
    >>> X = make_topic_corpus(250, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, max_epochs=5, random_state=0).fit(X[:200])
    >>> words = [f"word{j}" for j in range(50)]
    >>> data = "Drawn from three planted topics."
    >>> card = model_card(model, data=data, X_test=X[200:], feature_names=words)
    >>> print(card[card.index("# GSM") : card.index("## Use")])
    # GSMTopicModel with 3 components
    <BLANKLINE>
    Gaussian softmax topic model: documents are mixtures of topics.
    <BLANKLINE>
    ```python
    GSMTopicModel(max_epochs=5, n_components=3, random_state=0)
    ```
    """
    from jinja2 import Environment, FileSystemLoader  # late: who only fits needs none

    last = last_step(model)
    if not isinstance(last, BaseVAE | MetaTopicModel):
        raise TypeError(f"model_card takes models of skvae, not {type(last).__name__}.")
    check_is_fitted(last)
    trained = trained_model(last)
    is_topics = isinstance(last, BaseTopicModel | MetaTopicModel)
    if isinstance(limits, str):
        limits = [limits]
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    environment.filters |= {"code": _code, "quoted": _quoted, "figure": _figure}
    name, found = type(last).__name__, health.record(last)
    with contextlib.nullcontext() if path is None else replacing(path) as file:
        n_test, figures = None, None
        if X_test is not None:
            side_data = dict(covariates=covariates_test, embeddings=embeddings_test)
            test = FittedTopics(model, X_test, **side_data)
            n_test, figures = test.counts.shape[0], _figures(test, is_topics)
        card = environment.get_template("card.md").render(
            model=name,
            is_topics=is_topics,
            is_trained=trained is not None,
            title=title or f"{name} with {last._n_features_out} components",
            summary=inspect.getdoc(type(last)).partition("\n")[0],
            call="\n".join(call_of(step) for step in pipeline_steps(model)),
            use=use,
            data=data,
            license=license,
            facts=_facts(last, trained, found),
            complaints=found["complaints"],
            topics=_topics(model, feature_names, n_words) if is_topics else None,
            limits=limits,
            n_test=n_test,
            figures=figures,
            versions=versions(),
            parameters=parameters_of(last),
        )
        card = encodable(card)
        if file is not None:
            file.write(card.encode())
    return card


def _escaped(value):
    """A value as a line of Markdown that shows it; what is marked as safe as it is."""
    if hasattr(value, "__html__"):
        return value
    # By their numbers, which have no meaning to any step of rendering, in any place.
    return _MARKS.sub(
        lambda marks: "".join(f"&#{ord(mark)};" for mark in marks[0]), one_line(value)
    )


def _code(value):
    from markupsafe import Markup

    plain = not {"`", "|"} & set(value)
    return Markup(f"`{value}`" if plain else f"<code>{_escaped(value)}</code>")


def _quoted(value):
    """A string in YAML, of which JSON is a part."""
    from markupsafe import Markup

    return Markup(json.dumps(one_line(value), ensure_ascii=False))


def _facts(last, trained, found):
    """What the model knows of its data and its fit."""
    facts = {"features": f"{last.n_features_in_:,}"}
    if isinstance(last, ClusterTopicModel):
        facts |= {
            "training documents": f"{len(last.labels_):,}",
            "of these in no topic": f"{np.count_nonzero(last.labels_ < 0):,}",
            "share of a topic": _spread(last.shares_, ".1%"),
        }
    if isinstance(last, ConsensusTopicModel):
        facts |= {
            "fits": f"{len(last.estimators_):,}",
            "recurrence of a topic": _spread(last.recurrence_, ".2f"),
        }
    if hasattr(trained, "mean_length_"):
        facts["mean number of tokens of a row"] = f"{trained.mean_length_:.1f}"
    if clusters := found["clusters"]:
        facts["words of a document, by others in its cluster"] = (
            f"perplexity {clusters['perplexity']:.1f}, where word frequencies get "
            f"{clusters['unigram_perplexity']:.1f}"
        )
    within = f" of the {found['within']} within" if found["within"] else ""
    return facts | {name + within: fact for name, fact in found["facts"].items()}


def _spread(values, form):
    low, middle, high = (format(q, form) for q in np.quantile(values, [0, 0.5, 1]))
    return f"{low} to {high}, median {middle}"


def _topics(model, feature_names, n_words):
    """Top words of each topic, or None if nobody knows their names."""
    try:
        n_words = min(n_words, last_step(model).n_features_in_)
        words = top_words(model, n_words, feature_names=feature_names)
    except ValueError:
        if feature_names is not None:
            raise
        return None
    return words.agg(", ".join, axis=1).tolist()


def _figures(test, is_topics):
    """Figures on held-out rows, by the name of the model that they are of."""
    last = test.steps[-1]
    if not is_topics:
        score = last.score(test.counts, **test.side_data)
        return {type(last).__name__: {"score": score}}
    test.check_n_features("X_test")
    return {
        test.name: topic_figures(test, test),
        "frequencies of their own words": unigram_figures(test, test),
    }


def _figure(value):
    return "" if value is None or not np.isfinite(value) else f"{value:z,.2f}"
