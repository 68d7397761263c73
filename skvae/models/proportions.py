"""Topic models with topic proportions, and where their topics start."""

import numpy as np
import torch
from sklearn.preprocessing import normalize
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skvae.models.cluster import find_topics
from skvae.models.topics import ADDITIONS, BaseTopicModel
from skvae.training.net import Stream, derive_seed
from skvae.utils.validation import (
    StrOptions,
    check_code_names,
    check_same_columns,
    column_names,
    invalid_parameter,
)


class BaseProportionsModel(BaseTopicModel):
    """Topic models whose codes are topic proportions: non-negative, of sum 1.

    Topics start at the words of clusters of documents, where `init` is "clusters".
    """

    _gives_proportions = True
    _additions = (*sorted([*ADDITIONS, "init"]),)

    _parameter_constraints: dict = {
        **BaseTopicModel._parameter_constraints,
        "init": [StrOptions({"clusters", "random"}), "array-like"],
        "covariate_effects": [StrOptions({"words", "topics", "both"})],
    }

    @property
    def _init(self):
        """`init`, or "random" if the recipe is without it."""
        return self.init if "init" in self._added() else "random"

    def _config(self, data):
        if not isinstance(self._init, str):
            self._given_topics(data.X.shape[1])  # which checks them
        return super()._config(data)

    def _params_to_save(self):
        init = self.init if isinstance(self.init, str) else np.array(self.init, float)
        return {**super()._params_to_save(), "init": init}

    def _start(self, module, data, is_new):
        super()._start(module, data, is_new)
        if is_new and not isinstance(self._init, str):
            topics = self._given_topics(data.X.shape[1])
            module.decoder.start_topics(torch.from_numpy(topics))

    def _given_topics(self, n_features):
        """Return `init` as word probabilities.

        Raises
        ------
        InvalidParameterError
            If it is not a row of weights for each topic.
        """
        shape = self.n_components, n_features
        try:
            topics = check_array(
                self.init, dtype=np.float64, ensure_non_negative=True, input_name="init"
            )
        except ValueError as error:
            must = f"hold weights of words ({error})"
            raise invalid_parameter(self, "init", must) from error
        if topics.shape != shape:
            must = f"have the shape {shape}, a row for each topic over the words of X"
            raise invalid_parameter(self, "init", must, topics.shape)
        if not topics.any(axis=1).all():
            raise invalid_parameter(self, "init", "have no rows of zeros alone")
        words = getattr(self, "feature_names", None)
        words = getattr(self, "feature_names_in_", words)
        owner = f"the X of {type(self).__name__}"
        check_same_columns(column_names(self.init), words, "init", owner)
        # Sums may be tiny or infinite.
        topics = topics / topics.max(axis=1, keepdims=True)
        return normalize(topics, norm="l1")

    def _start_from_corpus(self, net, data):
        """Start topics at the words of clusters, and let documents stay near theirs."""
        if not isinstance(self._init, str) or self._init == "random":
            return
        seed = derive_seed(net.seed, Stream.CLUSTERS) % 2**31
        found = find_topics(self.n_components, data, seed, net.device)
        if found is not None:
            topics, data.memberships = self._arranged(net, *found)
            net.module_.decoder.start_topics(torch.from_numpy(topics))

    def _arranged(self, net, topics, memberships):
        """Return topics of clusters, and memberships, in the order of the topics."""
        return topics, memberships

    def inverse_transform(self, X, *, covariates=None):
        """Word probabilities of documents with the given topic proportions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Non-negative; each row is divided by its sum, if that is not zero.
        covariates : array-like, default=None
            As in `transform`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_features)
            Rows sum to one.
        """
        check_is_fitted(self, "net_")
        check_code_names(self, X)
        X = check_array(
            X,
            dtype=[np.float64, np.float32],
            ensure_non_negative=True,
            input_name="X",
            estimator=self,
        )
        largest = X.max(axis=1, keepdims=True)
        X = X / np.where(largest == 0, 1, largest)  # or a sum might be infinite
        total = X.sum(axis=1, keepdims=True)
        empty = total == 0
        X = np.where(empty, 1 / X.shape[1], X / np.where(empty, 1, total))
        return super().inverse_transform(X, covariates=covariates)

    def _dead_topics(self, sample):
        """Topics that no document has more of than an equal share."""
        n_components = sample.codes.shape[1]
        if n_components == 1:
            return []
        most = sample.codes.max(axis=0)
        return np.flatnonzero(most <= (1 + 1e-6) / n_components).tolist()
