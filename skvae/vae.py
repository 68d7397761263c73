"""Variational autoencoder for any numeric table."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import validate_data

from skvae._validation import Interval, StrOptions
from skvae.base import BaseVAE
from skvae.modules import (
    DenseDecoder,
    GaussianEncoder,
    GaussianPrior,
    VariationalAutoencoder,
)


class VAETransformer(BaseVAE):
    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "likelihood": [StrOptions({"gaussian", "bernoulli", "multinomial"})],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=10,
        *,
        likelihood="gaussian",
        kl_weight=1.0,
        hidden_layer_sizes=(500,),
        activation="relu",
        dropout=0.0,
        lr=1e-3,
        max_epochs=30,
        batch_size=100,
        kl_warmup=0.0,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        callbacks=None,
        device="auto",
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.likelihood = likelihood
        self.kl_weight = kl_weight
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.kl_warmup = kl_warmup
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _validate(self, X, *, reset):
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_non_negative=self.likelihood == "multinomial",
        )
        if self.likelihood == "bernoulli" and X.shape[0]:
            low, high = X.min(), X.max()
            if low < 0 or high > 1:
                raise ValueError(
                    f"{type(self).__name__} with likelihood='bernoulli' takes values "
                    f"in [0, 1], but X has values from {low:g} to {high:g}. Scale X "
                    "(MinMaxScaler), or use likelihood='gaussian'."
                )
        return X

    def score(self, X, y=None):
        """Mean evidence lower bound of the rows of X, in nats; larger is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        score : float
        """
        return float(self.score_samples(X).mean())

    def _config(self, n_features):
        return {**super()._config(n_features), "likelihood": self.likelihood}

    @classmethod
    def _build_module(cls, config, generator):
        encoder = GaussianEncoder(
            config["n_features"],
            config["n_components"],
            config["hidden_layer_sizes"],
            config["activation"],
            config["dropout"],
            generator,
        )
        decoder = DenseDecoder(
            config["n_features"],
            config["n_components"],
            config["hidden_layer_sizes"][::-1],
            config["activation"],
            config["dropout"],
            config["likelihood"],
            generator,
        )
        prior = GaussianPrior(config["n_components"], learnt=False)
        return VariationalAutoencoder(encoder, decoder, prior)

    def _draw(self, likelihood, rng):
        mean = likelihood.mean.cpu().numpy()
        if self.likelihood == "gaussian":
            return mean + rng.standard_normal(mean.shape) * likelihood.stddev.numpy()
        if self.likelihood == "bernoulli":
            return (rng.random_sample(mean.shape) < mean).astype(float)
        return mean

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.likelihood == "multinomial"
        return tags
