"""The estimator contract that all models share."""

import copy
import html
import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skvae._covariates import check_covariates
from skvae.base._inference import Inference
from skvae.base._training import Training
from skvae.distributed import processes
from skvae.nn.layers import ACTIVATIONS
from skvae.nn.settings import own_settings
from skvae.shards import Shards
from skvae.training.data import Data
from skvae.training.state import best_epoch, get_state, history_frame, set_state
from skvae.utils.validation import Interval, StrOptions, resolve_device
from skvae.utils.version import __version__

# Mean KL term, in nats, above which a latent unit counts as active.
ACTIVE = 0.01


class BaseVAE(Training, Inference, BaseEstimator, metaclass=ABCMeta):
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

    # Where metadata are routed, scikit-learn's Pipeline.score passes a sample_weight of
    # None on, and fails if the last step does not know the name.
    __metadata_request__score = {"sample_weight": None}

    # --- what a subclass defines -------------------------------------------------

    @abstractmethod
    def _validate(self, X, *, reset):
        """Return a matrix as ndarray or CSR of floats, or raise."""

    def _accept(self, X, covariates, *, reset):
        """`_validate` of a matrix, or of each part of `Shards`, which stay as is."""
        if isinstance(X, Shards):
            for number, part in enumerate(X.parts()):
                self._validate(part, reset=reset and number == 0)
        else:
            X = self._validate(X, reset=reset)
        return Data(X, check_covariates(self, covariates, X.shape[0], reset=reset))

    def _config(self, n_features, n_covariates=0):
        """Return all that the module is built from, as plain values."""
        return {
            "n_features": n_features,
            "n_covariates": n_covariates,
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
            "processes": processes(),
            "verbose": int(self.verbose),
            "label": f"{type(self).__name__}({self.n_components})",
        }

    def _set_fitted_attributes(self, module, posterior):
        """Set what users read off the fitted module, and off q(z | x) of some rows."""

    def _health(self, X, rows, seen):
        """Return `health_` after training on rows of X, of which some were `seen`."""
        mean_kl = seen.kl.mean(axis=0)
        return {
            "best_epoch": best_epoch(self.net_),
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
                + " Or the covariates tell all there is to tell."
                * (self._n_covariates > 0)
            )

    def _facts(self):
        """Return what the fit and `health_` tell, in words, by name."""
        best, kl = self.health_["best_epoch"], self.health_["kl_per_unit"]
        kept = "" if best == self.n_iter_ else f", of which {best} is kept"
        low, middle, high = np.quantile(kl, [0, 0.5, 1])
        return self._covariate_facts() | {
            "epochs": f"{self.n_iter_}{kept}",
            "latent units in use": f"{self.health_['active_units']} of {len(kl)}",
            "KL term of a unit": f"{low:.2f} to {high:.2f} nats, median {middle:.2f}",
        }

    def _covariate_facts(self):
        for kind, attribute in ("labels", "values"), ("numbers", "names"):
            known = getattr(self, f"covariate_{attribute}_", None)
            if known is not None:
                more = ", ..." * (len(known) > 5)
                found = f"{len(known)} {kind}: {', '.join(map(str, known[:5]))}{more}"
                return {"covariates": found}
        n = self._n_covariates
        return {"covariates": f"{n} numbers"} if n else {}

    @abstractmethod
    def _draw(self, mean, rng):
        """Return rows drawn from likelihoods with the given means."""

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
            A file that `save` has written.
        device : str, default="cpu"
            The torch device that the model infers and trains on.

        Returns
        -------
        estimator : object
            A fitted model of this class.

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
        kinds = ("values", "names", "mean", "scale") if config["n_covariates"] else ()
        return {
            **{f"covariate_{kind}_": (config["n_covariates"],) for kind in kinds},
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
            state["net_"] = get_state(self.net_)
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
            set_state(self.net_, saved)
        self.history_ = history_frame(self.net_)

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

    @property
    def _n_covariates(self):
        return self.net_.config["n_covariates"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
