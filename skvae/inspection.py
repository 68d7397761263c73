"""What the topics of a fitted model are about."""

import numpy as np
import pandas as pd

from skvae._fitted import input_feature_names, top_columns, topic_model


def top_words(model, n_words=10, *, feature_names=None):
    """Words with the largest weights of each topic.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, that is an estimator with `components_` of shape
        (n_components, n_features), or a fitted Pipeline that ends in one.
    n_words : int, default=10
        Number of words of each topic, at most n_features.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of `components_`. By default they are the
        output features of the earlier steps of the Pipeline, or the columns of the
        DataFrame that the model was fitted on.

    Returns
    -------
    words : DataFrame of shape (n_components, n_words)
        One row per topic, best word first. The index holds the names of the topics:
        `model.get_feature_names_out()` where there is one, else "topic0", "topic1",
        and so on. Ties are in the order of the features.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If there are no feature names, or not as many as features, or fewer features
        than `n_words`.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import top_words
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> top_words(model, n_words=2)
                                    0    1
    latentdirichletallocation0    cat  dog
    latentdirichletallocation1  train  bus
    """
    last = topic_model(model)
    columns = top_columns(last.components_, n_words)

    if feature_names is None:
        feature_names = input_feature_names(model)
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

    if hasattr(last, "get_feature_names_out"):
        index = last.get_feature_names_out()
    else:
        index = [f"topic{k}" for k in range(len(columns))]
    return pd.DataFrame(feature_names[columns], index=index)
