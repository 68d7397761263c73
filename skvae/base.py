"""The estimator contract that all models share."""

import copy
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
import torch
from scipy.stats import qmc
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted
from skorch.helper import predefined_split

from skvae import _net
from skvae._validation import Interval, StrOptions, check_parameters, resolve_device
from skvae.losses import elbo
from skvae.modules import ACTIVATIONS

# Draws of the posterior for a reported ELBO. All rows share them, so that a score does
# not depend on a row's place; Sobol points make so few enough.
N_DRAWS = 128
# Values of a dense block of rows in inference: 16 MB in double precision.
BLOCK_SIZE = 2**21


def draw_counts(probabilities, mean_length, rng):
    """Counts of documents with the given word probabilities and Poisson lengths."""
    rows = [
        sp.csr_array(rng.multinomial(rng.poisson(mean_length), p)[None])
        for p in probabilities
    ]
    return sp.vstack(rows, format="csr")


class BaseVAE(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Fit, transform and score of a variational autoencoder.

    Subclasses say how input is validated (`_validate`), which module is trained
    (`_config`, `_build_module`), what it starts from (`_initialise`), how it is trained
    (`_training_options`), what the encoder sees meanwhile (`_corrupt`), which
    attributes are read off the fitted module (`_set_fitted_attributes`) and how values
    are drawn from the likelihood (`_draw`).
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "callbacks": [list, tuple, None],
        "device": [str],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # --- what a subclass defines -------------------------------------------------

    @abstractmethod
    def _validate(self, X, *, reset):
        """Return X as ndarray or CSR of floats, or raise."""

    def _config(self, n_features):
        """Return all that the module is built from, as plain values."""
        return {
            "n_features": n_features,
            "n_components": int(self.n_components),
            "hidden_layer_sizes": tuple(int(n) for n in self.hidden_layer_sizes),
            "activation": self.activation,
            "dropout": float(self.dropout),
        }

    @classmethod
    @abstractmethod
    def _build_module(cls, config, generator):
        """Return a new module with weights from the generator."""

    def _initialise(self, module, X):
        """Let a new module start from the data."""

    # Callable that makes the encoder's input in training from rows of X, or None.
    _corrupt = None

    def _training_options(self):
        """Return what `VAENet` is to know of training."""
        return {
            "lr": self.lr,
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "kl_warmup": self.kl_warmup,
            "callbacks": copy.deepcopy(list(self.callbacks or ())),
            "device": resolve_device(self.device),
            "verbose": int(self.verbose),
        }

    def _set_fitted_attributes(self, module):
        """Set what users read off the fitted module."""

    def _warn_if_useless(self):
        """Warn if training ended nowhere."""

    # --- fitting -----------------------------------------------------------------

    def fit(self, X, y=None):
        """Fit the model to X.

        A fit that fails leaves the estimator as it was before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : ignored

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter or the input is unusable, or if training diverges.
        """
        self._train(
            X, self.max_epochs, resume=self.warm_start, early_stop=self.early_stopping
        )
        self._warn_if_useless()
        return self

    def partial_fit(self, X, y=None):
        """Train for one more epoch, over X.

        Set `max_epochs` to the number of calls planned: learning rate and KL weight
        follow the number of epochs so far, as in `fit`, and keep their last values
        beyond `max_epochs`. Early stopping does not apply. A call that fails leaves the
        estimator as it was before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, or a part of it.
        y : ignored

        Returns
        -------
        self : object
        """
        self._train(X, 1, resume=True, early_stop=False)
        return self

    def _train(self, X, n_epochs, *, resume, early_stop):
        """Train a draft of this estimator and, once that succeeded, become it."""
        check_parameters(self)
        resume = resume and hasattr(self, "net_")
        draft = object.__new__(type(self))
        draft.__dict__ = {
            key: value
            for key, value in self.__dict__.items()
            if resume or not key.endswith("_")
        }
        try:
            draft._train_in_place(X, n_epochs, early_stop)
        except RuntimeError as error:
            if "allocate" not in str(error):  # torch has no exception for it
                raise
            raise MemoryError(
                f"{type(self).__name__} needs more memory than there is: "
                f"{str(error).splitlines()[0]} Lower batch_size, n_components or "
                "hidden_layer_sizes, or keep fewer features."
            ) from error
        self.__dict__ = draft.__dict__

    def _train_in_place(self, X, n_epochs, early_stop):
        X = self._validate(X, reset=not hasattr(self, "net_"))
        net = self._net_to_train(X, early_stop)
        net.max_epochs = n_epochs
        if early_stop:
            X, X_valid = self._split(X, net.seed)
            net.train_split = predefined_split(_net.Rows(X_valid))
        net.partial_fit(_net.Rows(X, self._corrupt))
        net.train_split = None  # it holds data
        if not all(torch.isfinite(w).all() for w in net.module_.state_dict().values()):
            raise ValueError(
                f"{type(self).__name__} ended with weights that are NaN or infinite. "
                f"Lower `lr` (now {self.lr}), or scale the input to smaller values."
            )
        self.net_ = net
        self.n_iter_ = len(net.history)
        self.history_ = _net.history_frame(net)
        self._set_fitted_attributes(self._inference_module())

    def _net_to_train(self, X, early_stop):
        """A new net, or a copy of the fitted one with the parameters of now."""
        config = self._config(X.shape[1])
        options = self._training_options()
        if early_stop:
            options["patience"] = self.n_iter_no_change
        if not hasattr(self, "net_"):
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            net = self._make_net(seed, config, **options)
            self._initialise(net.module_, X)
            return net
        changed = [key for key in config if config[key] != self.net_.config[key]]
        if changed:
            raise ValueError(
                f"{type(self).__name__} cannot go on training: {changed} changed since "
                "it was fitted. Set the old values, or fit anew with warm_start=False."
            )
        net = self._make_net(self.net_.seed, config, **options)
        _net.set_state(net, _net.get_state(self.net_))
        return net

    def _split(self, X, seed):
        n = X.shape[0]
        n_valid = int(np.ceil(self.validation_fraction * n))
        if n_valid >= n:
            raise ValueError(
                f"early_stopping=True with validation_fraction="
                f"{self.validation_fraction} leaves nothing to train on: found "
                f"n_samples={n}."
            )
        rng = np.random.default_rng(_net.derive_seed(seed, _net.Stream.SPLIT))
        order = rng.permutation(n)
        return X[np.sort(order[n_valid:])], X[np.sort(order[:n_valid])]

    def _make_net(self, seed, config, **options):
        generator = torch.Generator()
        generator.manual_seed(_net.derive_seed(seed, _net.Stream.WEIGHTS))
        module = self._build_module(config, generator)
        return _net.VAENet(module, seed=seed, config=config, **options)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            # Arrays and plain values only: a pickled net could hide code.
            state["net_"] = _net.get_state(self.net_)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            # For inference; training makes a net of its own from the parameters.
            saved = state["net_"]
            self.net_ = self._make_net(saved["seed"], saved["config"])
            _net.set_state(self.net_, saved)

    # --- inference ---------------------------------------------------------------

    def _validate_as_fitted(self, X):
        check_is_fitted(self, "net_")
        return self._validate(X, reset=False)

    def _inference_module(self):
        """A copy for inference, in double precision.

        In single precision a row's result depends on the rows beside it, at 1e-7.
        """
        check_is_fitted(self, "net_")
        module = copy.deepcopy(self.net_.module_).eval().requires_grad_(False)
        if next(module.parameters()).device.type == "mps":  # has no doubles
            module = module.cpu()
        return module.double()

    @property
    def _width(self):
        """Numbers that a row takes in the widest layer."""
        return max(self.n_features_in_, *self.net_.config["hidden_layer_sizes"], 1)

    def _blocks(self, X, module):
        """Dense blocks of the rows of X, on the module's device."""
        device = next(module.parameters()).device
        size = max(1, min(2048, BLOCK_SIZE // self._width))
        for start in range(0, X.shape[0], size):
            yield _net.to_dense_tensor(
                X[start : start + size], dtype=torch.float64, device=device
            )

    def transform(self, X):
        """Map X to the latent representation: the posterior mean, without noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
        """
        X = self._validate_as_fitted(X)
        module = self._inference_module()
        codes = [
            module.link(module.encoder(x).mean).cpu() for x in self._blocks(X, module)
        ]
        return torch.cat(codes).numpy().astype(X.dtype, copy=False)

    def posterior(self, X):
        """Approximate posterior q(z | x) of each row of X, a diagonal normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        mean, std : ndarrays of shape (n_samples, n_components)
            In the latent space, before the softmax of a topic model.
        """
        X = self._validate_as_fitted(X)
        module = self._inference_module()
        parts = [module.encoder(x) for x in self._blocks(X, module)]
        mean = torch.cat([q.mean.cpu() for q in parts]).numpy()
        std = torch.cat([q.stddev.cpu() for q in parts]).numpy()
        return mean.astype(X.dtype, copy=False), std.astype(X.dtype, copy=False)

    def inverse_transform(self, X):
        """Map latent representations back: the mean of p(x | z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            As `transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
        """
        module = self._inference_module()
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} components, but {type(self).__name__} was "
                f"fitted with n_components={self._n_features_out}."
            )
        means = [
            module.decoder(block).mean.cpu() for block in self._blocks(codes, module)
        ]
        return torch.cat(means).numpy().astype(codes.dtype, copy=False)

    def score_samples(self, X):
        """Evidence lower bound of each row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        bounds : ndarray of shape (n_samples,)
            In nats, with the full KL term whatever the warm-up. Larger is better. The
            expectation over the posterior is taken over 128 quasi-random draws that all
            rows share, so the result is deterministic and does not depend on the other
            rows.
        """
        return self._elbo(self._validate_as_fitted(X))

    def _elbo(self, X):
        """`score_samples` of validated rows."""
        module = self._inference_module()
        sobol = qmc.Sobol(self._n_features_out, scramble=True, rng=0)
        normal = qmc.MultivariateNormalQMC(np.zeros(self._n_features_out), engine=sobol)
        noise = torch.from_numpy(normal.random(N_DRAWS))[:, None]
        bounds = []
        for x in self._blocks(X, module):
            posterior, prior = module.encoder(x), module.prior()
            # As many draws at a time as a block of rows has room for.
            n_draws = max(1, BLOCK_SIZE // (len(x) * self._width))
            total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
            for eps in noise.to(x.device).split(n_draws):
                z = posterior.mean + posterior.stddev * eps
                likelihood = module.decoder(module.link(z))
                total += elbo(x, posterior, likelihood, prior).bound.sum(0)
            bounds.append(total.cpu() / N_DRAWS)
        return torch.cat(bounds).numpy()

    def sample(self, n_samples=1, random_state=None):
        """Draw new rows: z from the prior, then x from p(x | z).

        Parameters
        ----------
        n_samples : int
        random_state : int, RandomState instance or None

        Returns
        -------
        X : array of shape (n_samples, n_features)
        """
        module = self._inference_module()
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = check_random_state(random_state)
        prior = module.prior()
        eps = rng.standard_normal((n_samples, self._n_features_out))
        z = prior.mean + prior.stddev * torch.from_numpy(eps).to(prior.mean.device)
        return self._draw(module.decoder(module.link(z)), rng)

    @abstractmethod
    def _draw(self, likelihood, rng):
        """Return one row of values for each row of the likelihood."""

    # --- scikit-learn ------------------------------------------------------------

    @property
    def _n_features_out(self):
        return self.net_.config["n_components"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
