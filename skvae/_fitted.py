"""What a fitted topic model, or a Pipeline that ends in one, tells about itself."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted


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
    last = _steps(model)[-1]
    check_is_fitted(last)
    if not hasattr(last, "components_"):
        raise TypeError(
            f"{type(last).__name__} has no components_. Pass a fitted topic model, or "
            "a Pipeline whose last step is one."
        )
    return last


def topic_model_input(model, X):
    """Return X as the topic model sees it, after the earlier steps of a Pipeline."""
    for step in _steps(model)[:-1]:
        X = step.transform(X)
    return X


def input_feature_names(model):
    """Return the names of the columns of `components_`, or None if nobody knows."""
    *earlier, last = _steps(model)
    if hasattr(last, "feature_names_in_"):
        return last.feature_names_in_
    names = None
    for step in earlier:
        try:
            names = step.get_feature_names_out(names)
        except (AttributeError, ValueError):  # such as a FunctionTransformer
            names = None
    return names


def _steps(model):
    """Steps of a Pipeline, of Pipelines within it and of a search's best estimator."""
    if hasattr(model, "best_estimator_"):
        return _steps(model.best_estimator_)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        return [inner for step in steps for inner in _steps(step)]
    return [model]


def top_columns(components, n_words):
    """Return the columns with the largest weights of each topic, best first.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
    n_words : int

    Returns
    -------
    columns : ndarray of shape (n_components, n_words)
        Ties are in the order of the columns.
    """
    components = check_array(components, dtype=np.float64, input_name="components")
    n_features = components.shape[1]
    if not 1 <= n_words <= n_features:
        raise ValueError(
            f"n_words={n_words}, but the topics weigh {n_features} words. Pass "
            f"n_words between 1 and {n_features}."
        )
    return np.argsort(-components, axis=1, kind="stable")[:, :n_words]
