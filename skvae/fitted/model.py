"""What a fitted topic model, or a Pipeline that ends in one, tells about itself."""

import difflib
import inspect
import reprlib
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skvae.fitted.beside import as_keywords, rows_of
from skvae.models.base import BaseVAE
from skvae.models.side_data import split_embeddings
from skvae.models.topics import BaseTopicModel, numbered_topics
from skvae.utils.validation import (
    check_feature_names,
    check_same_columns,
    column_names,
)

# Draws of the posterior that variances of topic proportions are taken over.
N_DRAWS = 64
# Numbers of a block of draws: 16 MB.
BLOCK_SIZE = 2**21


def topic_model(model):
    """Return the topic model: the last step of a Pipeline, else `model` itself.

    Of a search over parameters, such as GridSearchCV, it is that of the best estimator.

    Raises
    ------
    NotFittedError
        If the topic model is not fitted.
    TypeError
        If it has no `components_`.
    """
    last = last_step(model)
    if not hasattr(last, "fit"):
        raise TypeError(
            f"model is of type {type(last).__name__}. The fitted model comes first, "
            "then its documents."
        )
    check_is_fitted(last)
    if not hasattr(last, "components_"):
        if hasattr(last, "cv_results_"):
            raise TypeError(
                f"{type(last).__name__} has kept no fitted model. Search with "
                "refit=True, or pass a fitted topic model."
            )
        raise TypeError(
            f"{type(last).__name__} has no components_. Pass a fitted topic model, or "
            "a Pipeline whose last step is one."
        )
    return last


def last_step(model):
    """Return the last step of a Pipeline, else `model` itself; fitted or not."""
    return pipeline_steps(model)[-1]


def trained_model(model):
    """Return the model of skvae with a net: `model`, or that whose codes it clusters.

    None of a model that has neither.
    """
    last = last_step(model)
    if hasattr(last, "estimator_"):
        return trained_model(last.estimator_)
    return last if isinstance(last, BaseVAE) else None


def scores_tokens(model):
    """Whether `score` is the bound per token, in nats: that of skvae's topic models."""
    return isinstance(last_step(model), BaseTopicModel)


def topic_model_input(model, X, **beside):
    """Return counts that the topic model sees of X, and what beside, by kind.

    X goes through the earlier steps of a Pipeline. Columns of embeddings are parted
    from the counts, unless there are some in `beside`.
    """
    for step in pipeline_steps(model)[:-1]:
        X = step.transform(X)
    X, embeddings = _parted(model, X, beside.pop("embeddings", None))
    if (names := column_names(X)) is not None:
        last = type(last_step(model)).__name__
        check_same_columns(names, input_feature_names(model), "X", last)
    return X, as_keywords(last_step(model), embeddings=embeddings, **beside)


def _parted(model, X, embeddings=None):
    """`split_embeddings` for the model of skvae, if there is one."""
    trained = trained_model(model)
    if trained is None:
        return X, embeddings
    columns = trained.embedding_columns
    return split_embeddings(trained, X, embeddings, columns, reset=False)


def topic_model_counts(model, X):
    """Return the counts alone of `topic_model_input`."""
    return topic_model_input(model, X)[0]


def check_n_features(model, counts, name="X"):
    """Check that documents, as the topic model sees them, have its features."""
    last = topic_model(model)
    n_features = last.components_.shape[1]
    if counts.shape[1] != n_features:
        raise ValueError(
            f"{name} has {counts.shape[1]} features, but {type(last).__name__} was "
            f"fitted on {n_features}. Count with the same vectorizer."
        )


def input_feature_names(model):
    """Return the names of the columns of `components_`, or None if nobody knows.

    Raises
    ------
    ValueError
        If a model and the steps before it know them, and differ.
    """
    *earlier, last = pipeline_steps(model)
    if hasattr(last, "feature_names_in_"):
        return last.feature_names_in_
    given, names = getattr(trained_model(last), "feature_names", None), None
    for step in earlier:
        nameless = names is None and not hasattr(step, "feature_names_in_")
        if nameless and hasattr(step, "n_features_in_"):
            continue  # it would make up x0, x1, ...
        try:
            names = step.get_feature_names_out(names)
        except (AttributeError, ValueError):  # such as a FunctionTransformer
            names = None
    if names is not None:
        counts, _ = _parted(last, pd.DataFrame(columns=names))
        names = counts.columns.to_numpy(object)
    if given is None:
        return names
    name = type(last).__name__
    check_same_columns(names, given, "the steps before it", f"{name}(feature_names=)")
    return np.asarray(given, dtype=object)


def word_names(model, feature_names=None):
    """Return the words of the columns of `components_`: those given, else the model's.

    Raises
    ------
    ValueError
        If nobody knows them, or if there are not as many as features.
    """
    last = topic_model(model)
    check_feature_names(feature_names)
    known = input_feature_names(model)
    if feature_names is None:
        feature_names = known
    else:  # which may be translations
        owner = type(last).__name__
        check_same_columns(
            feature_names, known, "feature_names", owner, allow_others=True
        )
    if feature_names is None:
        raise ValueError(
            f"{type(last).__name__} was fitted without feature names. Pass "
            "feature_names=vectorizer.get_feature_names_out(), or a Pipeline whose "
            "first steps name their output features."
        )
    feature_names = np.asarray(feature_names, dtype=object)
    n_features = last.components_.shape[1]
    if feature_names.shape != (n_features,):
        raise ValueError(
            f"feature_names has shape {feature_names.shape}, but "
            f"{type(last).__name__} was fitted on {n_features} features. Pass one "
            "name per feature, in the order of the columns."
        )
    return feature_names


def word_column(word, names):
    """Return the column of a word, or raise a ValueError that tells close ones."""
    found = np.flatnonzero(names == word)
    if len(found):
        return found[0]
    close = difflib.get_close_matches(str(word), [str(name) for name in names])
    hint = f" Close to it are {', '.join(map(repr, close))}." if close else ""
    raise ValueError(
        f"{word!r} is not among the {len(names)} words of the model.{hint}"
    )


def topic_names(model):
    """Return the names of the topics: those that users gave, else "topic 0" and so on.

    By TopicGroups, or by seed words.
    """
    last = topic_model(model)
    numbered = numbered_topics(len(last.components_))
    return getattr(last, "topic_names_", numbered)


def given_names(model):
    """Return the names that a user gave topics, None of those that have a number."""
    names = topic_names(model)
    numbered = numbered_topics(len(names))
    return [None if name == number else name for name, number in zip(names, numbered)]


def topic_number(model, topic):
    """Return the row of `components_` of a topic, given by that or by its name."""
    names = list(topic_names(model))
    if isinstance(topic, Integral) and 0 <= topic < len(names):
        return int(topic)
    if topic in names:
        return names.index(topic)
    raise ValueError(
        f"topic={topic!r}, but the topics are 0 to {len(names) - 1}, or {names[0]!r} "
        f"to {names[-1]!r}."
    )


def is_signed(model):
    """Whether codes are of any sign rather than topic proportions, as NVDM's.

    skvae's models tell; others are judged by their components.
    """
    last = topic_model(model)
    if hasattr(last, "_gives_proportions"):
        return not last._gives_proportions
    return bool(np.min(last.components_) < 0)


def word_probabilities(model, covariates=None):
    """Return p(word | topic) of each topic, given covariates or not; rows sum to one.

    Components that are non-negative are divided by their sums, as LDA's and NMF's need.
    Of others, such as NVDM's, it is what a code of 1 for the topic and 0 else decodes
    to.
    """
    last = topic_model(model)
    weights = np.asarray(last.components_, dtype=np.float64)
    if covariates is not None and not hasattr(last, "components_given"):
        raise ValueError(f"{type(last).__name__} knows no covariates. Leave them out.")
    if covariates is not None or hasattr(last, "covariate_components_"):
        weights = last.components_given(covariates)
    elif is_signed(last):
        decoded = np.zeros((1, 1))
        if hasattr(last, "inverse_transform"):
            decoded = np.asarray(last.inverse_transform(np.eye(len(weights))))
        if decoded.min() < 0 or not np.allclose(decoded.sum(axis=1), 1):
            raise ValueError(
                f"{type(last).__name__} gives words the weight {weights.min():.3g}, "
                "which is no probability. Pass a topic model."
            )
        weights = decoded
    total = weights.sum(axis=1, keepdims=True)
    uniform = np.full_like(weights, 1 / weights.shape[1])
    return np.divide(weights, total, out=uniform, where=total > 0)


def topic_codes(model, counts, given):
    """Return what the topic model makes of documents, as proportions if it can be.

    Documents are those of `topic_model_input`, counts and what is given beside.
    Codes without negative ones are divided by their sums, as NMF's need; a document
    that no topic has a part of is shared by all.
    """
    last = topic_model(model)
    codes = last.transform(counts, **given)
    codes = np.asarray(codes, dtype=np.float64)
    if is_signed(model):
        return codes
    shares = normalize(codes, norm="l1")
    shares[shares.sum(axis=1) == 0] = 1 / codes.shape[1]
    return shares


def check_proportions(model):
    """Check that codes of the model are topic proportions, or can be made such."""
    if is_signed(model):
        raise ValueError(
            f"{type(topic_model(model)).__name__} has no topic proportions: its codes "
            "are signed. GSMTopicModel, ProdLDATopicModel, LDA and NMF have."
        )


def topic_proportions(model, counts, given):
    """Return topic proportions of documents, or raise if the model has none."""
    check_proportions(model)
    return topic_codes(model, counts, given)


def posterior_draws(model, counts, given, n_draws=N_DRAWS):
    """Draws of topic proportions from the posterior; (n_draws, n_samples, n_topics).

    Of models without a posterior, all draws are the proportions.
    """
    last = topic_model(model)
    if hasattr(last, "_posterior_draws"):
        return last._posterior_draws(counts, n_draws, **given)
    return np.repeat(topic_codes(model, counts, given)[None], n_draws, axis=0)


def posterior_variances(model, counts, given):
    """Variances of topic proportions over the posterior; (n_samples, n_topics).

    Documents are drawn for in blocks, which bounds the memory. Zeros if the model has
    no posterior.
    """
    last = topic_model(model)
    n_samples, n_topics = counts.shape[0], len(last.components_)
    variances = np.zeros((n_samples, n_topics))
    if not hasattr(last, "_posterior_draws"):
        return variances
    given = rows_of(trained_model(model), given, n_samples)
    counts = sp.csr_array(counts) if sp.issparse(counts) else counts
    rows_of_counts = getattr(counts, "iloc", counts)
    for rows in gen_batches(n_samples, max(1, BLOCK_SIZE // (N_DRAWS * n_topics))):
        beside = {kind: values[rows] for kind, values in given.items()}
        draws = posterior_draws(model, rows_of_counts[rows], beside)
        variances[rows] = draws.var(axis=0)
    return variances


def pipeline_steps(model):
    """Return the steps of a Pipeline, those of Pipelines within it too.

    Of a search, they are those of its best estimator; else `model` is the only step.
    """
    if hasattr(model, "best_estimator_"):
        return pipeline_steps(model.best_estimator_)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        return [inner for step in steps for inner in pipeline_steps(step)]
    if hasattr(model, "_as_steps") and hasattr(model, "components_"):  # TopicGroups
        return model._as_steps()
    return [model]


def parameters_of(estimator):
    """Name, value and whether it is not the default, of all parameters; changed first.

    Values are cut short: word vectors could fill a book.
    """
    short = reprlib.Repr()
    short.maxstring = short.maxother = 120
    signature = inspect.signature(type(estimator)).parameters
    rows = []
    for name, value in estimator.get_params(deep=False).items():
        value, default = short.repr(value), short.repr(signature[name].default)
        rows.append((name, " ".join(value.split()), value != default))
    return sorted(rows, key=lambda row: not row[2])


def call_of(estimator):
    """An estimator as the call that makes it."""
    changed = [
        f"{name}={value}" for name, value, is_set in parameters_of(estimator) if is_set
    ]
    return f"{type(estimator).__name__}({', '.join(changed)})"
