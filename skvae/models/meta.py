"""What models share whose topics are made of those of other models."""

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import as_keywords
from skvae.models.side_data import split_embeddings
from skvae.models.topics import TopicModelMixin
from skvae.shards import Shards
from skvae.utils.hints import ExplainsKeywords
from skvae.utils.validation import check_code_names


class MetaTopicModel(
    ExplainsKeywords,
    TopicModelMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base of models whose topics are made of those of other models.

    After `fit`, `components_` are the words that topics are read by, and
    `word_probabilities_` those that documents of a topic consist of.
    """

    _gives_proportions = True

    # As in `BaseVAE`.
    __metadata_request__score = {"sample_weight": None}

    def fit_transform(self, X, y=None, *, covariates=None, embeddings=None):
        """`fit` to X, then `transform` it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Not used.
        covariates, embeddings : array-like, default=None
            As in `fit`.

        Returns
        -------
        proportions : ndarray of shape (n_samples, n_topics)
            Rows sum to one.
        """
        side_data = {"covariates": covariates, "embeddings": embeddings}
        return self.fit(X, **side_data).transform(X, **side_data)

    def inverse_transform(self, X):
        """Word probabilities of documents with the given probabilities of topics.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_topics)
            As `transform` returns them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_features)
            X times `word_probabilities_`.
        """
        check_is_fitted(self)
        check_code_names(self, X)
        X = check_array(X, input_name="X")
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {X.shape[1]} columns, but {type(self).__name__} has "
                f"{self._n_features_out} topics. Pass what `transform` returns."
            )
        return X @ self.word_probabilities_

    def _check_data(self, estimator, X, covariates=None, embeddings=None, reset=False):
        """Return counts, and side data of the estimator as keywords."""
        columns = getattr(estimator, "embedding_columns", None)
        X, embeddings = split_embeddings(self, X, embeddings, columns, reset=reset)
        side_data = as_keywords(estimator, covariates=covariates, embeddings=embeddings)
        if not isinstance(X, Shards):
            return self._check_X(X, reset=reset), side_data
        for number, part in enumerate(X.parts()):
            self._check_X(part, reset=reset and number == 0)
        return X, side_data

    @property
    def _n_features_out(self):
        return len(self.components_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags


def mix_words(words, shares, groups):
    """Words of groups of topics, each topic weighed by its share of documents.

    A topic that no document has counts a little, lest a group have no words.
    """
    weights = np.asarray(shares) + 1e-12
    return np.array([weights[of] @ words[of] / weights[of].sum() for of in groups])


def seeded_clone(model, seed):
    """Return an unfitted copy with `seed` in each of its `random_state` parameters."""
    model = clone(model)
    names = [
        name
        for name in model.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    ]
    return model.set_params(**dict.fromkeys(names, seed))
