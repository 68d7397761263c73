"""Training: from rows of a matrix to a fitted net, or to the estimator of before."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skvae.distributed import processes
from skvae.nn.elbo import kl_per_unit
from skvae.nn.latent import reparameterise
from skvae.nn.settings import own_settings
from skvae.training.data import Data
from skvae.training.net import VAENet
from skvae.training.seeds import Stream, derive_seed
from skvae.training.state import get_state, history_frame, set_state
from skvae.utils.validation import check_parameters

# Rows, evenly spaced, that training health is measured on.
MAX_HEALTH_ROWS = 4096


class Seen(NamedTuple):
    """Some training rows as the fitted model sees them, at one draw of their codes."""

    module: torch.nn.Module  # that of inference
    data: Data
    codes: np.ndarray
    kl: np.ndarray  # of each row and unit
    reconstruction: np.ndarray  # log p(x | z)


class Training:
    """`fit` and `partial_fit`: train a draft and become it once that succeeded."""

    def fit(self, X, y=None, *, covariates=None):
        """Fit the model to X.

        A fit that fails leaves the estimator as it was before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : ignored
            Not used.
        covariates : array-like, default=None
            What is known of each row beside X, for encoder and decoder to see: labels
            of shape (n_samples,), strings or integers, of which each value becomes an
            indicator; or numbers of shape (n_samples, n_covariates), dense or sparse,
            of which each column is standardised unless it holds zeros and ones alone.
            If they come in a DataFrame, later ones need the same names.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the input is unusable, or if training diverges. With
            `warm_start`, covariates have to be as in the fit before.
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
            covariates,
            self.max_epochs,
            resume=self.warm_start,
            early_stop=self.early_stopping,
            complain=True,
        )
        return self

    def partial_fit(self, X, y=None, *, covariates=None):
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
            Not used.
        covariates : array-like, default=None
            As in `fit`. Labels of later calls have to be among those of the first.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._train(X, covariates, 1, resume=True, early_stop=False, complain=False)
        return self

    def _train(self, X, covariates, n_epochs, *, resume, early_stop, complain):
        """Train a draft of this estimator and, once that succeeded, become it."""
        check_parameters(self)
        resume = resume and hasattr(self, "net_")
        draft = self._draft()
        if not resume:
            for key in [key for key in vars(draft) if key.endswith("_")]:
                delattr(draft, key)
        try:
            with own_settings():
                draft._train_in_place(X, covariates, n_epochs, early_stop)
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

    def _train_in_place(self, X, covariates, n_epochs, early_stop):
        data = self._accept(X, covariates, reset=not hasattr(self, "net_"))
        X, n_covariates = data.X, data.covariates.shape[1]
        found = type(self).__name__, X.shape, n_covariates
        processes().check_same(found, "model or data")
        net = self._net_to_train(data, early_stop)
        rows, held_out = np.arange(X.shape[0]), None
        if early_stop:
            rows, held_out = self._split(X, net.seed)
        net.train_on(
            data, rows, n_epochs=n_epochs, corrupt=self._corrupt, held_out=held_out
        )
        self.net_ = net
        self.n_iter_ = len(net.history)
        self.history_ = history_frame(net)
        module = self._inference_module()
        sample = data.take(rows[:: -(-len(rows) // MAX_HEALTH_ROWS)])
        posterior = self._encode(sample, module)
        self._set_fitted_attributes(module, posterior)
        # As the model is used from now on, which batch norm may set far apart from how
        # it has just been trained.
        self.health_ = self._health(X, rows, self._see(sample, module, posterior))

    def _see(self, data, module, posterior):
        generator = torch.Generator(posterior.mean.device)
        generator.manual_seed(derive_seed(self.net_.seed, Stream.HEALTH))
        z = reparameterise(posterior, generator)
        likelihoods = [
            module.decoder(module.link(z[start : start + len(x)]), c=c).log_prob(x)
            for start, x, c in self._blocks(data, module, self._decoded_width(data.X))
        ]
        codes, kl = module.link(posterior.mean), kl_per_unit(posterior, module.prior())
        parts = codes, kl, torch.cat(likelihoods)
        return Seen(module, data, *(part.cpu().numpy() for part in parts))

    def _net_to_train(self, data, early_stop):
        """A new net, or a copy of the fitted one with the parameters of now."""
        config = self._config(data.X.shape[1], data.covariates.shape[1])
        options = self._training_options()
        if early_stop:
            options["patience"] = self.n_iter_no_change
        if not hasattr(self, "net_"):
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            seed = processes().of_the_first(seed)
            net = self._make_net(seed, config, **options)
            self._initialise(net.module_, data.X)
            return net
        changed = [key for key in config if config[key] != self.net_.config[key]]
        if changed:
            raise ValueError(
                f"{type(self).__name__} cannot go on training: {changed} changed since "
                "it was fitted. Set the old values, or fit anew with warm_start=False."
            )
        net = self._make_net(self.net_.seed, config, **options)
        set_state(net, get_state(self.net_))
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
        rng = np.random.default_rng(derive_seed(seed, Stream.SPLIT))
        order = rng.permutation(n)
        return np.sort(order[n_valid:]), np.sort(order[:n_valid])

    def _make_net(self, seed, config, **options):
        generator = torch.Generator()
        generator.manual_seed(derive_seed(seed, Stream.WEIGHTS))
        # In single precision, whatever the caller's default.
        module = self._build_module(config, generator).float()
        return VAENet(module, seed=seed, config=config, **options)
