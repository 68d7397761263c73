"""Variational autoencoder for any numeric table."""

from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import validate_data

from skvae._sparse import canonical_csr
from skvae._validation import Interval, StrOptions
from skvae.base import BaseVAE, draw_counts
from skvae.modules import (
    DenseDecoder,
    GaussianEncoder,
    GaussianPrior,
    VariationalAutoencoder,
)


class VAETransformer(BaseVAE):
    """Variational autoencoder of a numeric table.

    An encoder network maps each row to a diagonal normal distribution over codes z with
    a standard normal prior, a decoder network maps codes to the parameters of a
    likelihood p(x | z); both maximise the evidence lower bound [1]_. `transform` gives
    the means of the codes.

    Parameters
    ----------
    n_components : int, default=10
        Number of latent dimensions.
    likelihood : {"gaussian", "bernoulli", "multinomial"}, default="gaussian"
        "gaussian": real values with one common, learnt standard deviation; scale the
        columns alike. "bernoulli": values in [0, 1]. "multinomial": counts, without
        the multinomial coefficient; `inverse_transform` then gives probabilities.
    kl_weight : float, default=1.0
        Weight of the KL term in training; other values than 1 give a beta-VAE [2]_.
        Scores always use 1.
    hidden_layer_sizes : tuple of int, default=(500,)
        Widths of the encoder's hidden layers, and in reverse of the
        decoder's.
    activation : {"elu", "gelu", "relu", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers.
    dropout : float in [0, 1), default=0.0
        Share of the hidden units that are dropped in training.
    lr : float, default=2e-3
        Largest learning rate of Adam. The rate rises to it over the first tenth of
        training, then falls along a cosine.
    max_epochs : int, default=30
        Number of passes over the data, and the horizon of learning rate and KL
        warm-up.
    batch_size : int, default=100
        Rows in a training step.
    kl_warmup : float in [0, 1], default=0.2
        Share of `max_epochs` over which the weight of the KL term rises from 0 to its
        full value.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, to stop when their bound
        has not improved for `n_iter_no_change` epochs, and to keep the best weights.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows that early stopping holds out.
    n_iter_no_change : int, default=10
        Epochs without improvement before early stopping stops.
    warm_start : bool, default=False
        Whether `fit` goes on from the last solution, for `max_epochs` more epochs.
        Learning rate and KL weight go on as in `partial_fit`.
    callbacks : list of skorch callbacks, default=None
        Copied for each fit, never changed. Of those that stop training by
        KeyboardInterrupt only EarlyStopping is heeded, and it needs
        `early_stopping=True` for a validation loss to watch.
    device : str, default="auto"
        A torch device; "auto" is CUDA where there is one, else the CPU.
    verbose : int, default=0
        0 prints nothing, 1 a line for each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines weights, order of rows and noise. An int gives the same model on
        the same machine with the same number of threads. torch's global generator is
        never used.

    Attributes
    ----------
    mean_length_ : float
        Mean row sum of the data that training began with, for `sample`. Only with
        `likelihood="multinomial"`.
    n_iter_ : int
        Number of epochs trained so far.
    history_ : DataFrame of shape (n_iter_, 3 or 4)
        Means over the rows for each epoch, in nats: "loss" (what training minimises),
        "reconstruction" (log-likelihood), "kl", and "validation_loss" with early
        stopping.
    health_ : dict
        How training went: "best_epoch", whose weights are kept; "active_units", the
        number of latent units with a KL term of more than 0.01 nats on up to 4,096
        rows; and "kl_per_unit", that term.
    net_ : skorch.NeuralNet
        The trained net; its module is ``net_.module_``.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had names that are strings.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a
       constrained variational framework. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae import VAETransformer
    >>> X = load_digits().data / 16
    >>> vae = VAETransformer(2, likelihood="bernoulli", max_epochs=2, random_state=0)
    >>> codes = vae.fit_transform(X)
    >>> codes.shape
    (1797, 2)
    >>> vae.inverse_transform(codes).shape
    (1797, 64)
    """

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
        lr=2e-3,
        max_epochs=30,
        batch_size=100,
        kl_warmup=0.2,
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
        likelihood = self.likelihood if reset else self.net_.config["likelihood"]
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_non_negative=likelihood == "multinomial",
        )
        if sp.issparse(X):
            X = canonical_csr(X)
        if likelihood == "bernoulli":
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

    def _training_options(self):
        return {**super()._training_options(), "kl_weight": self.kl_weight}

    def _initialise(self, module, X):
        if self.likelihood == "multinomial":
            self.mean_length_ = float(X.sum(dtype=np.float64) / X.shape[0])

    def _draw(self, likelihood, rng):
        mean = likelihood.mean.cpu().numpy()
        kind = self.net_.config["likelihood"]
        if kind == "gaussian":
            std = likelihood.stddev.cpu().numpy()
            return mean + rng.standard_normal(mean.shape) * std
        if kind == "bernoulli":
            return (rng.random_sample(mean.shape) < mean).astype(float)
        return draw_counts(mean, self.mean_length_, rng)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.likelihood == "multinomial"
        return tags
