"""What topic models share: counts, perplexity, health."""

import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from skvae._validation import canonical_csr
from skvae.base import BaseVAE, draw_counts
from skvae.modules import (
    GaussianEncoder,
    GaussianPrior,
    LogCounts,
    VariationalAutoencoder,
)


def thin_counts(rows, rng):
    """Keep a random part of each document's tokens.

    Every document draws its own rate of keeping from U(0.3, 1). An encoder trained on
    thinned documents learns to infer a document's topics from a part of it.
    Fractional counts x are thinned in proportion, as if made of ceil(x) equal tokens.
    """
    rate = np.repeat(rng.uniform(0.3, 1.0, rows.shape[0]), np.diff(rows.indptr))
    # Beyond what a binomial draw can count, thinning has no noise. NaN stays NaN.
    few = np.fmin(np.ceil(rows.data), 2**31 - 1)
    kept = rng.binomial(few.astype(np.int64), rate) / few
    return type(rows)((rows.data * kept, rows.indices, rows.indptr), shape=rows.shape)


def contains_texts(X):
    """Whether X is a container of strings rather than of counts."""
    if isinstance(X, np.ndarray):
        X = X.flat
    elif not isinstance(X, (list, tuple, pd.Series)):
        return False
    return isinstance(next(iter(X), None), str)


class BaseTopicModel(BaseVAE):
    """What topic models share: counts, perplexity, components."""

    _corrupt = staticmethod(thin_counts)

    def _validate(self, X, *, reset):
        if contains_texts(X):
            raise ValueError(
                f"{type(self).__name__} takes token counts, but got raw texts. Put a "
                "CountVectorizer before it in a Pipeline."
            )
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_non_negative=True,
        )
        # The same documents give the same draws in training whatever their container.
        return canonical_csr(X) if sp.issparse(X) else sp.csr_array(X)

    def _net_to_train(self, X, early_stop):
        if X.nnz == 0:
            raise ValueError(f"{type(self).__name__} found no counts in X: all zeros.")
        return super()._net_to_train(X, early_stop)

    def _training_options(self):
        # Documents of thousands of equal tokens would otherwise undo an epoch's work.
        return {**super()._training_options(), "clip_norm": 30.0}

    def _warn_if_useless(self):
        loss = self.history_["loss"].iloc[-1] / self.mean_length_
        guessing = np.log(self.n_features_in_)
        if loss > guessing:
            warnings.warn(
                f"{type(self).__name__} ended worse than guessing words uniformly, "
                f"with a loss of {loss:.3g} nats per token where guessing has "
                f"{guessing:.3g}. Lower `lr` (now {self.lr}), or raise `max_epochs`.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def score(self, X, y=None):
        """Evidence lower bound per token, over all documents of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        y : ignored

        Returns
        -------
        score : float
            In nats per token; larger is better. ``perplexity(X) == exp(-score(X))``.

        Raises
        ------
        ValueError
            If X has no counts, a negative one, or another width than in `fit`.
        """
        X = self._validate_as_fitted(X)
        if X.nnz == 0:
            raise ValueError(f"{type(self).__name__} cannot score X: it has no counts.")
        return float(self._elbo(X).sum() / X.sum(dtype=np.float64))

    def perplexity(self, X):
        """Upper bound of the perplexity per token of X, ``exp(-score(X))``.

        It includes the KL term. Bounds of different families do not compare, see
        `skvae.metrics.document_completion_perplexity` for that.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        perplexity : float
        """
        return float(np.exp(-self.score(X)))

    def sample(self, n_samples=1, random_state=None):
        """Draw new documents: topics from the prior, then words from the topics.

        Parameters
        ----------
        n_samples : int
        random_state : int, RandomState instance or None

        Returns
        -------
        X : CSR array of shape (n_samples, n_features)
            Counts. Numbers of tokens are Poisson with the mean of the training
            documents, `mean_length_`.
        """
        return super().sample(n_samples, random_state)

    def _draw(self, likelihood, rng):
        return draw_counts(likelihood.mean.cpu().numpy(), self.mean_length_, rng)

    @classmethod
    def _build_module(cls, config, generator):
        encoder = GaussianEncoder(
            config["n_features"],
            config["n_components"],
            config["hidden_layer_sizes"],
            config["activation"],
            config["dropout"],
            generator,
            preprocess=LogCounts(),
            standardise=True,
        )
        decoder, link = cls._build_decoder(config, generator)
        prior = GaussianPrior(config["n_components"], learnt=True)
        return VariationalAutoencoder(encoder, decoder, prior, link)

    def _initialise(self, module, X):
        # Words start at their overall frequency, smoothed by one token each.
        frequency = np.asarray(X.sum(axis=0, dtype=np.float64)).ravel() + 1.0
        background = torch.from_numpy(np.log(frequency / frequency.sum()))
        with torch.no_grad():
            module.decoder.background.copy_(background)
        self.mean_length_ = float(X.sum(dtype=np.float64) / X.shape[0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
