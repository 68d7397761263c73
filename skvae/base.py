"""The estimator contract that all models share."""

import copy
import html
import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from scipy.stats import qmc
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted
from skorch.helper import predefined_split

from skvae import _net
from skvae._rows import SparseRows, to_dense_tensor
from skvae._surroundings import one_thread_after_fork, own_settings
from skvae._validation import Interval, StrOptions, check_parameters, resolve_device
from skvae._version import __version__
from skvae.losses import elbo, kl_per_unit, log_importance_weights
from skvae.modules import ACTIVATIONS, diagonal_normal, reparameterise

# Mean KL term, in nats, above which a latent unit counts as active.
ACTIVE = 0.01
# Rows, evenly spaced, that training health is measured on.
MAX_HEALTH_ROWS = 4096
# Values of a dense block of rows in inference: 16 MB in double precision.
BLOCK_SIZE = 2**21
# Share of non-zeros above which training is faster on dense batches.
MAX_DENSITY = 0.3


def draw_counts(probabilities, mean_length, rng):
    """Counts of documents with the given word probabilities and Poisson lengths."""
    rows = [
        sp.csr_array(rng.multinomial(rng.poisson(mean_length), p)[None])
        for p in probabilities
    ]
    return sp.vstack(rows, format="csr")


def sobol_normal(n_draws, n_components):
    """Quasi-random standard normal draws, always the same; (n_draws, 1, n_components).

    All rows share them, so that a score does not depend on a row's place, and far fewer
    are enough than of independent draws.
    """
    sobol = qmc.Sobol(n_components, scramble=True, rng=0)
    normal = qmc.MultivariateNormalQMC(np.zeros(n_components), engine=sobol)
    # scipy warns of other numbers than powers of 2.
    draws = normal.random(1 << (n_draws - 1).bit_length())[:n_draws]
    return torch.from_numpy(draws)[:, None]


def standardised(draws):
    """Draws with a mean of 0 and a covariance of I, exactly, if there are enough.

    The mean of a quadratic function over them is exact. That of log p(x | z) comes
    closer to what it tends to in many dimensions, and no further off in few. Importance
    weights, which rest on the tails, gain nothing from it.
    """
    n_draws, _, n_components = draws.shape
    if n_draws <= 2 * n_components:
        return draws
    centred = draws[:, 0] - draws[:, 0].mean(0)
    root = torch.linalg.cholesky(centred.T @ centred / n_draws)
    return torch.linalg.solve_triangular(root, centred.T, upper=False).T[:, None]


def to_double(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


def elbo_of_draws(x, z, posterior, likelihood, prior):
    """The ELBO of each row at each draw; its KL term needs no draws."""
    return elbo(x, posterior, likelihood, prior).bound


class Seen(NamedTuple):
    """Some training rows as the fitted model sees them, at one draw of their codes."""

    module: torch.nn.Module  # that of inference
    X: np.ndarray | sp.csr_array
    codes: np.ndarray
    kl: np.ndarray  # of each row and unit
    reconstruction: np.ndarray  # log p(x | z)


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
    attributes are read off the fitted module (`_set_fitted_attributes`), what a healthy
    fit is (`_health`, `_complaints`) and how values are drawn from the likelihood
    (`_draw`).
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

    # Whether the module takes sparse rows by their non-zeros.
    _takes_sparse_rows = False

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
            "label": f"{type(self).__name__}({self.n_components})",
        }

    def _set_fitted_attributes(self, module, posterior):
        """Set what users read off the fitted module, and off q(z | x) of some rows."""

    def _health(self, X, rows, seen):
        """Return `health_` after training on rows of X, of which some were `seen`."""
        mean_kl = seen.kl.mean(axis=0)
        return {
            "best_epoch": _net.best_epoch(self.net_),
            "active_units": int((mean_kl > ACTIVE).sum()),
            "kl_per_unit": mean_kl,
        }

    def _complaints(self):
        """Yield what is wrong with the fitted model, and the remedy."""
        if self.health_["active_units"] == 0:
            yield (
                "no latent unit is active: rows are all encoded alike. Lower `lr` (now "
                f"{self.lr}), raise `kl_warmup` (now {self.kl_warmup}) or `max_epochs` "
                f"(now {self.max_epochs})."
            )

    def _facts(self):
        """Return what the fit and `health_` tell, in words, by name."""
        best, kl = self.health_["best_epoch"], self.health_["kl_per_unit"]
        kept = "" if best == self.n_iter_ else f", of which {best} is kept"
        low, middle, high = np.quantile(kl, [0, 0.5, 1])
        return {
            "epochs": f"{self.n_iter_}{kept}",
            "latent units in use": f"{self.health_['active_units']} of {len(kl)}",
            "KL term of a unit": f"{low:.2f} to {high:.2f} nats, median {middle:.2f}",
        }

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
        MemoryError
            If the model and a batch do not fit into memory.

        Warns
        -----
        ConvergenceWarning
            If latent units carry no information, or if for other reasons the model is
            of little use, see `health_`. The text names the remedy.
        """
        self._train(
            X,
            self.max_epochs,
            resume=self.warm_start,
            early_stop=self.early_stopping,
            complain=True,
        )
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
        self._train(X, 1, resume=True, early_stop=False, complain=False)
        return self

    def _train(self, X, n_epochs, *, resume, early_stop, complain):
        """Train a draft of this estimator and, once that succeeded, become it."""
        check_parameters(self)
        resume = resume and hasattr(self, "net_")
        draft = self._draft()
        if not resume:
            for key in [key for key in vars(draft) if key.endswith("_")]:
                delattr(draft, key)
        try:
            with own_settings():
                draft._train_in_place(X, n_epochs, early_stop)
        except RuntimeError as error:
            if "allocate" not in str(error):  # torch has no exception for it
                raise
            raise MemoryError(
                f"{type(self).__name__} needs more memory than there is: "
                f"{str(error).splitlines()[0]} Lower batch_size, n_components or "
                "hidden_layer_sizes, or keep fewer features."
            ) from error
        for complaint in draft._complaints() if complain else ():
            warnings.warn(
                f"{type(self).__name__} {complaint}", ConvergenceWarning, stacklevel=3
            )
        self.__dict__ = draft.__dict__

    def _draft(self):
        """An estimator of its own with the same attributes, the same objects."""
        draft = object.__new__(type(self))
        draft.__dict__ = dict(self.__dict__)
        return draft

    def _train_in_place(self, X, n_epochs, early_stop):
        X = self._validate(X, reset=not hasattr(self, "net_"))
        net = self._net_to_train(X, early_stop)
        net.max_epochs = n_epochs
        sparse = (
            self._takes_sparse_rows
            and X.nnz < MAX_DENSITY * np.prod(X.shape)
            and net.device != "mps"  # which lacks what it takes
        )
        rows = np.arange(X.shape[0])
        if early_stop:
            rows, valid = self._split(X, net.seed)
            net.train_split = predefined_split(_net.Rows(X, valid, sparse=sparse))
        if sparse:
            net.keep_gradients(net.module_.encoder.first_layers)
        net.partial_fit(_net.Rows(X, rows, self._corrupt, sparse))
        net.release()
        if not all(torch.isfinite(w).all() for w in net.module_.state_dict().values()):
            raise ValueError(
                f"{type(self).__name__} ended with weights that are NaN or infinite. "
                f"Lower `lr` (now {self.lr}), or scale the input to smaller values."
            )
        self.net_ = net
        self.n_iter_ = len(net.history)
        self.history_ = _net.history_frame(net)
        module = self._inference_module()
        sample = X[rows[:: -(-len(rows) // MAX_HEALTH_ROWS)]]
        posterior = self._encode(sample, module)
        self._set_fitted_attributes(module, posterior)
        # As the model is used from now on, which batch norm may set far apart from how
        # it has just been trained.
        self.health_ = self._health(X, rows, self._see(sample, module, posterior))

    def _see(self, X, module, posterior):
        generator = torch.Generator(posterior.mean.device)
        generator.manual_seed(_net.derive_seed(self.net_.seed, _net.Stream.HEALTH))
        z = reparameterise(posterior, generator)
        likelihoods = [
            module.decoder(module.link(z[start : start + len(x)])).log_prob(x)
            for start, x in self._blocks(X, module, self._decoded_width(X))
        ]
        codes, kl = module.link(posterior.mean), kl_per_unit(posterior, module.prior())
        parts = codes, kl, torch.cat(likelihoods)
        return Seen(module, X, *(part.cpu().numpy() for part in parts))

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
        """Numbers of the rows to train on and of those to hold out."""
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
        return np.sort(order[n_valid:]), np.sort(order[:n_valid])

    def _make_net(self, seed, config, **options):
        generator = torch.Generator()
        generator.manual_seed(_net.derive_seed(seed, _net.Stream.WEIGHTS))
        # In single precision, whatever the caller's default.
        module = self._build_module(config, generator).float()
        return _net.VAENet(module, seed=seed, config=config, **options)

    # --- persistence -------------------------------------------------------------

    def save(self, path):
        """Write the fitted model to one safetensors file, which holds no code.

        `skvae.load` reads it. It holds the parameters, all that was fitted and what
        training needs to go on, but no training data. The parameter `device` stays
        behind, and `word_embeddings` become an array.

        Parameters
        ----------
        path : str or path-like
            A file that exists is replaced once the new one is complete.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TypeError
            If it holds what a file cannot: callbacks, a RandomState instance, networks
            of one's own. Pickle it then.
        ValueError
            If a parameter has been set to a value that no fit would take.
        OSError
            If the file cannot be written. What was there before is still there.
        """
        from skvae.persistence import save  # late, since it knows all the classes

        save(self, path)

    @classmethod
    def load(cls, path, device="cpu"):
        """Load a model of this class from a file; otherwise as `skvae.load`.

        Parameters
        ----------
        path : str or path-like
        device : str, default="cpu"

        Returns
        -------
        estimator : object

        Raises
        ------
        ModelFileError
            If the file is no model of this class.
        """
        from skvae.persistence import ModelFileError, load

        estimator = load(path, device)
        if not isinstance(estimator, cls):
            raise ModelFileError(
                f"{path} holds a model of {type(estimator).__name__}, not of "
                f"{cls.__name__}. Use skvae.load for any of them."
            )
        return estimator

    def _params_to_save(self):
        return self.get_params(deep=False)

    @classmethod
    def _layout(cls, config):
        """Shapes of the fitted attributes, by name; None stands for any length."""
        n_features, n_components = config["n_features"], config["n_components"]
        return {
            "n_features_in_": (),
            "feature_names_in_": (n_features,),
            "n_iter_": (),
            "health_": {
                "best_epoch": (),
                "active_units": (),
                "kl_per_unit": (n_components,),
            },
        }

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            # Arrays and plain values only: a pickled net could hide code.
            state["net_"] = _net.get_state(self.net_)
            del state["history_"]  # which the net has as well
            state["_skvae_version"] = __version__
        return state

    def __setstate__(self, state):
        state = dict(state)
        made, now = state.pop("_skvae_version", None), __version__
        if made not in (None, now):
            warnings.warn(
                f"This {type(self).__name__} was pickled by skvae {made} and may not "
                f"work as it did with skvae {now}. Files of its method `save` may be "
                "loaded by later versions."
            )
        saved = state.pop("net_", None)
        super().__setstate__(state)
        if saved is not None:
            self._restore_net(saved)

    def _restore_net(self, saved, device="cpu"):
        # For inference; training makes a net of its own from the parameters.
        with own_settings():
            self.net_ = self._make_net(saved["seed"], saved["config"], device=device)
            _net.set_state(self.net_, saved)
        self.history_ = _net.history_frame(self.net_)

    # --- inference ---------------------------------------------------------------

    def _validate_as_fitted(self, X):
        check_is_fitted(self, "net_")
        return self._validate(X, reset=False)

    def _inference_module(self):
        """A copy for inference, in double precision.

        In single precision a row's result depends on the rows beside it, at 1e-7. Sums
        over the non-zeros of sparse rows do not, and stay in it: they take most of the
        time, and four times as long in double precision.
        """
        check_is_fitted(self, "net_")
        one_thread_after_fork()
        module = copy.deepcopy(self.net_.module_).eval().requires_grad_(False)
        if next(module.parameters()).device.type == "mps":  # has no doubles
            module = module.cpu()
        single = module.encoder.first_layers if self._takes_sparse_rows else ()
        for part in module.modules():
            if part not in single:
                part._apply(to_double, recurse=False)
        return module

    @property
    def _width(self):
        """Numbers that a row takes in the widest layer, features aside."""
        return max(self._n_features_out, *self.net_.config["hidden_layer_sizes"], 1)

    def _decoded_width(self, X):
        """Numbers that a row of X takes where it is decoded and scored."""
        return max(self._width, self.n_features_in_)

    def _blocks(self, X, module, width):
        """Blocks of the rows of X, on the module's device, and where they begin.

        Of so many rows that they fill a block if each takes `width` numbers.
        """
        device = next(module.parameters()).device
        sparse = sp.issparse(X) and self._takes_sparse_rows
        if not sparse:
            width = max(width, X.shape[1])
        size = max(1, min(2048, BLOCK_SIZE // width))
        for start in range(0, X.shape[0], size):
            rows = X[start : start + size]
            if sparse:
                yield start, SparseRows.from_csr(rows, torch.float64, device, False)
            else:
                yield start, to_dense_tensor(rows, torch.float64, device)

    def _finite(self, values):
        """Results for rows of X as an array, unless they are NaN or infinite."""
        if not values.isfinite().all():
            raise ValueError(
                f"{type(self).__name__} gets NaN or infinity from X: it holds such "
                "values, or some that are too large. Scale X to smaller values."
            )
        return values.cpu().numpy()

    def _map_blocks(self, function, X, module, width, n_columns):
        """What a function makes of the rows of X, block by block.

        Returns an array of shape (n_samples, n_columns), in the precision of X.
        """
        single = X.dtype == np.float32
        out = np.empty((X.shape[0], n_columns), np.float32 if single else np.float64)
        for start, x in self._blocks(X, module, width):
            values = function(x)
            out[start : start + len(x)] = self._finite(
                values.float() if single else values
            )
        return out

    def _encode(self, X, module):
        """q(z | x) of validated rows, encoded block by block."""
        posteriors = [
            module.encoder(x) for _, x in self._blocks(X, module, self._width)
        ]
        return diagonal_normal(
            torch.cat([q.mean for q in posteriors]),
            torch.cat([q.stddev for q in posteriors]),
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
        encoder, n_columns = module.encoder, self._n_features_out

        def encode(x):
            return module.link(encoder.location(encoder.hidden(x)))

        return self._map_blocks(encode, X, module, self._width, n_columns)

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

        def encode(x):
            posterior = module.encoder(x)
            return torch.cat([posterior.mean, posterior.stddev], dim=1)

        n_columns = 2 * self._n_features_out
        both = self._map_blocks(encode, X, module, self._width, n_columns)
        return tuple(np.hsplit(both, 2))

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
        n_columns = self.n_features_in_
        width = max(self._width, n_columns)
        return self._map_blocks(
            lambda z: module.decoder(z).mean, codes, module, width, n_columns
        )

    def score_samples(self, X, *, bound="elbo", n_draws=128):
        """Lower bound of the log-likelihood of each row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        bound : {"elbo", "importance"}, default="elbo"
            "elbo" is the evidence lower bound, with the full KL term whatever the
            warm-up. "importance" is the importance-weighted bound [1]_, which is
            tighter and tends to the log-likelihood as draws are added, see
            `effective_sample_size`.
        n_draws : int, default=128
            Draws of the posterior. They are quasi-random and all rows share them, so
            the result is deterministic and does not depend on the other rows.

        Returns
        -------
        bounds : ndarray of shape (n_samples,)
            In nats. Larger is better.

        References
        ----------
        .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
           autoencoders. ICLR.
        """
        return self._bounds(self._validate_as_fitted(X), bound, n_draws)

    def effective_sample_size(self, X, *, n_draws=128):
        """How many draws the importance-weighted bound of each row rests on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        n_draws : int, default=128
            Draws of the posterior, the same as those of `score_samples`.

        Returns
        -------
        sizes : ndarray of shape (n_samples,)
            (sum of weights)^2 / sum of squared weights, from 1 to `n_draws`. Near
            `n_draws` where q(z | x) is the true posterior; near 1 where one draw
            outweighs all others and the bound would rise with more. What no draw has
            met, such as another mode of the posterior, it cannot know of.
        """
        X = self._validate_as_fitted(X)
        return np.concatenate(
            [
                self._finite((2 * w.logsumexp(0) - (2 * w).logsumexp(0)).exp())
                for w in self._over_draws(X, n_draws, log_importance_weights)
            ]
        )

    def _bounds(self, X, bound="elbo", n_draws=128):
        """`score_samples` of validated rows."""
        if bound == "elbo":
            terms = self._over_draws(X, n_draws, elbo_of_draws)
            parts = [t.mean(0) for t in terms]
        elif bound == "importance":
            terms = self._over_draws(X, n_draws, log_importance_weights)
            parts = [t.logsumexp(0) - np.log(n_draws) for t in terms]
        else:
            raise ValueError(f"bound={bound!r}, but it is 'elbo' or 'importance'.")
        return self._finite(torch.cat(parts))

    def _over_draws(self, X, n_draws, term):
        """Values of a term at draws of the posterior of validated rows, in blocks.

        Yields tensors of shape (n_draws, rows of the block).
        """
        n_draws = int(check_scalar(n_draws, "n_draws", Integral, min_val=1))
        module = self._inference_module()
        noise = sobol_normal(n_draws, self._n_features_out)
        if term is elbo_of_draws:
            noise = standardised(noise)
        width = self._decoded_width(X)
        for _, x in self._blocks(X, module, max(width, n_draws)):
            posterior, prior = module.encoder(x), module.prior()
            # As many draws at a time as a block of rows has room for.
            size = max(1, BLOCK_SIZE // (len(x) * width))
            values = []
            for eps in noise.to(x.device).split(size):
                z = posterior.mean + posterior.stddev * eps
                likelihood = module.decoder(module.link(z))
                values.append(term(x, z, posterior, likelihood, prior).cpu())
            yield torch.cat(values)

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
        codes = module.link(z).cpu().numpy()
        return self._draw(self.inverse_transform(codes), rng)

    @abstractmethod
    def _draw(self, mean, rng):
        """Return rows drawn from likelihoods with the given means."""

    # --- scikit-learn ------------------------------------------------------------

    def _repr_html_inner(self):
        return super()._repr_html_inner() + self._fitted_html()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._fitted_html()
        return bundle

    def _fitted_html(self):
        """What notebooks show of a fitted model below scikit-learn's diagram."""
        if not hasattr(self, "net_"):
            return ""
        facts = pd.Series(self._facts()).to_frame()
        complaints = "".join(
            f"<p><b>Warning:</b> {html.escape(complaint)}</p>"
            for complaint in self._complaints()
        )
        return complaints + self._table_html(facts)

    @staticmethod
    def _table_html(frame):
        table = frame.to_html(header=False, border=0, max_rows=50)
        return table.replace("<th>", '<th style="text-align: left">')

    @property
    def _n_features_out(self):
        return self.net_.config["n_components"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
