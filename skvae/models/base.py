"""The estimator contract that all models share."""

import copy
import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from skvae import persistence
from skvae.distributed import processes
from skvae.models.covariates import check_covariates
from skvae.models.embeddings import check_embeddings, part_embeddings
from skvae.models.health import ACTIVE, complaints
from skvae.models.inference import Inference, Sample
from skvae.models.notebook import FittedHTML
from skvae.models.tasks import CallbackSupportMixin, FitTask, with_callbacks
from skvae.nn.layers import ACTIVATIONS
from skvae.nn.settings import own_settings
from skvae.shards import Shards
from skvae.training.data import Data
from skvae.training.net import VAENet
from skvae.training.seeds import Stream, derive_seed
from skvae.training.state import best_epoch, get_state, history_frame, set_state
from skvae.utils.counts import feature_moments
from skvae.utils.guesses import OF_NETS, TellsNames
from skvae.utils.methods import OwnMethods
from skvae.utils.validation import (
    Interval,
    StrOptions,
    check_code_names,
    check_layer_sizes,
    check_parameters,
    resolve_device,
)
from skvae.utils.version import __version__

# Rows, evenly spaced, that training health is measured on.
MAX_HEALTH_ROWS = 4096


class BaseVAE(
    OwnMethods,
    TellsNames,
    FittedHTML,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    ABC,
):
    """Fit, transform and score of a variational autoencoder.

    What a subclass defines comes first, in the order of a fit.
    """

    _guesses = OF_NETS
    # Whether codes are topic proportions: non-negative, with rows of sum 1.
    _gives_proportions = False

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
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
        "embedding_columns": [slice, "array-like", callable, None],
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
    def _check_X(self, X, *, reset):
        """Return a matrix as ndarray or CSR of floats, or raise."""

    def _check_support(self, X):
        """Raise unless a likelihood is of the values of a checked matrix.

        An encoder may read others, such as images with the noise that it was trained
        on.
        """

    def _has_gaps(self, X):
        """Whether values of a checked matrix are missing."""
        return False

    def _config(
        self,
        n_features,
        n_covariates=0,
        n_embedding_features=0,
        sees_gaps=False,
        **settled,
    ):
        """Return all that the module is built from, as plain values.

        What is `settled` is named as `_settled` does.
        """
        return {
            "n_features": n_features,
            "n_covariates": n_covariates,
            "n_embedding_features": n_embedding_features,
            "sees_gaps": sees_gaps,
            "n_components": int(self.n_components),
            "hidden_layer_sizes": check_layer_sizes(
                type(self).__name__, "hidden_layer_sizes", self.hidden_layer_sizes
            ),
            "activation": self.activation,
            "dropout": float(settled.get("dropout", 0)),
        }

    @classmethod
    @abstractmethod
    def _build_module(cls, config, generator):
        """Return a new module with weights from the generator."""

    def _initialise(self, module, X):
        """Let a new module start from the data."""

    def _prepare(self, module, X):
        """Let a module, new or trained before, know the data of its next training."""

    def _check_rows(self, X, rows):
        """Raise ValueError if there is nothing to train on in these rows of X."""

    def _settled(self, data):
        """Return the parameters that may be left to the shape of data."""
        names = "max_epochs", "batch_size", "dropout", "early_stopping"
        return {name: getattr(self, name) for name in names}

    def _training_options(self, data):
        """Return what `VAENet` is to know of training on data."""
        return {
            "lr": self.lr,
            "kl_warmup": self.kl_warmup,
            "callbacks": copy.deepcopy(list(self.callbacks or ())),
            "device": resolve_device(self.device),
            "processes": processes(),
            "verbose": int(self.verbose),
            "label": f"{type(self).__name__}({self.n_components})",
        }

    def _set_fitted_attributes(self, module, sample):
        """Set what users read off the fitted module, and off a `Sample` of rows."""

    def _baseline(self, X, rows):
        """Return what `_health` has to know of all rows of X that were trained on."""

    def _health(self, sample, baseline):
        """Return `health_` after training, by a `Sample` of the rows."""
        mean_kl = sample.kl.mean(axis=0)
        return {
            "best_epoch": best_epoch(self.net_),
            "active_units": int((mean_kl > ACTIVE).sum()),
            "kl_per_unit": mean_kl,
        }

    @abstractmethod
    def _draw(self, mean, rng):
        """Return rows drawn from likelihoods with the given means."""

    def _params_to_save(self):
        """Return the parameters as plain values and arrays."""
        params = self.get_params(deep=False)
        for name in ("hidden_layer_sizes", "channels"):  # which may be arrays
            if not isinstance(params.get(name, ()), Integral | tuple | list):
                params[name] = check_layer_sizes(name, name, params[name])
        return params

    @classmethod
    def _of_file(cls, state):
        """Add what came later than a file, such that the model is what it was."""
        later = {"n_covariates": 0, "n_embedding_features": 0, "sees_gaps": False}
        for key, value in later.items():
            state["net"]["config"].setdefault(key, value)
        return state

    @classmethod
    def _layout(cls, config):
        """Shapes of the fitted attributes, by name; None stands for any length."""
        n_features, n_components = config["n_features"], config["n_components"]
        n_covariates, width = config["n_covariates"], config["n_embedding_features"]
        kinds = ("values", "names", "mean", "scale") if n_covariates else ()
        return {
            **{f"covariate_{kind}_": (n_covariates,) for kind in kinds},
            **({"embedding_names_": (width,)} if width else {}),
            "n_features_in_": (),
            "feature_names_in_": (n_features,),
            "n_iter_": (),
            "health_": {
                "best_epoch": (),
                "active_units": (),
                "kl_per_unit": (n_components,),
            },
        }

    # --- training ----------------------------------------------------------------

    def fit(self, X, y=None, *, covariates=None, embeddings=None):
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
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            A vector of each row, such as one by a sentence encoder of its text, for the
            encoder to see beside X; the likelihood is that of X alone.

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
        given = X, covariates, embeddings
        draft = self._trained(given, resume=self.warm_start)
        for complaint in complaints(draft):
            warnings.warn(
                f"{type(self).__name__} {complaint}", ConvergenceWarning, stacklevel=2
            )
        self.__dict__ = draft.__dict__
        return self

    def partial_fit(self, X, y=None, *, covariates=None, embeddings=None):
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
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `fit`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        given = X, covariates, embeddings
        draft = self._trained(given, resume=True, in_parts=True)
        self.__dict__ = draft.__dict__
        return self

    def _trained(self, given, *, resume, in_parts=False):
        """A copy of this estimator that has been trained; this one stays as it is."""
        check_parameters(self)
        resume = resume and hasattr(self, "net_")
        draft = object.__new__(type(self))
        draft.__dict__ = {
            key: value
            for key, value in vars(self).items()
            if resume or not key.endswith("_")
        }
        try:
            with own_settings():
                with_callbacks(type(draft)._train)(draft, given, in_parts)
        except RuntimeError as error:
            # torch has no exception for it.
            if not any(word in str(error) for word in ("allocate", "Storage size")):
                raise
            raise MemoryError(
                f"{type(self).__name__} needs more memory than there is: "
                f"{str(error).splitlines()[0]} Lower batch_size, n_components or "
                "hidden_layer_sizes, or keep fewer features."
            ) from error
        return draft

    def _train(self, given, in_parts):
        """From X and what is known beside it to the net, and what is read off it."""
        data = self._check_data(*given, reset=not hasattr(self, "net_"))
        n_samples = data.X.shape[0]
        beside = data.covariates.shape[1], data.embeddings.shape[1]
        shapes = type(self).__name__, data.X.shape, *beside
        processes().check_same(shapes, "model or data")
        rows, held_out = np.arange(n_samples), None
        self._check_rows(data.X, rows)
        settled = self._settled(data)
        early_stop = settled["early_stopping"] and not in_parts
        net = self._net_to_train(data, settled, early_stop)
        self._prepare(net.module_, data.X)
        if early_stop:
            rows, held_out = self._split(n_samples, net.seed)
            self._check_rows(data.X, rows)
        n_epochs = 1 if in_parts else settled["max_epochs"]
        task = FitTask(self, n_epochs)
        net.train_on(data, rows, task, n_epochs=n_epochs, held_out=held_out)
        task.end()
        self.net_ = net
        self.n_iter_ = len(net.history)
        self.history_ = history_frame(net)
        sample = self._sample_of(data.take(rows[:: -(-len(rows) // MAX_HEALTH_ROWS)]))
        self._set_fitted_attributes(sample.module, sample)
        vars(self).pop("health_", None)
        baseline = self._baseline(data.X, rows)
        if in_parts:  # only the last one's of a stream may be asked for
            self._unmeasured = sample.data, baseline
        else:
            self._measure(sample, baseline)

    def _sample_of(self, data):
        # As the model is used from now on, which batch norm may set far apart from how
        # it has just been trained.
        seed = derive_seed(self.net_.seed, Stream.HEALTH)
        return Sample(self._inference(), data, seed)

    def _measure(self, sample, baseline):
        vars(self)["health_"] = self._health(sample, baseline)
        vars(self).pop("_unmeasured", None)

    @property
    def health_(self):
        """How training went, a dict; after `partial_fit` measured when first read."""
        check_is_fitted(self, "net_")
        unmeasured = vars(self).get("_unmeasured")
        if "health_" not in vars(self):
            data, baseline = unmeasured
            with own_settings():
                self._measure(self._sample_of(data), baseline)
        return vars(self)["health_"]

    def _check_data(
        self, X, covariates=None, embeddings=None, *, reset=False, scored=True
    ):
        """The door for all that rows are known by: checked, and together from here on.

        X may be `Shards`, of which each part is checked, and which stay as they are. If
        rows are not `scored`, values may be such as the likelihood is not of.
        """
        if not reset:
            check_is_fitted(self, "net_")
        X, embeddings = part_embeddings(
            self, X, embeddings, self.embedding_columns, reset=reset
        )
        if isinstance(X, Shards):
            for number, part in enumerate(X.parts()):
                part = self._check_X(part, reset=reset and number == 0)
                if scored:
                    self._check_support(part)
        else:
            X = self._check_X(X, reset=reset)
            if scored:
                self._check_support(X)
        return Data(
            X,
            check_covariates(self, covariates, X.shape[0], reset=reset),
            check_embeddings(self, embeddings, X.shape[0], reset=reset),
            gaps=self._has_gaps(X),
        )

    def _net_to_train(self, data, settled, early_stop):
        """A new net, or a copy of the fitted one with the parameters of now."""
        resume = hasattr(self, "net_")
        sizes = data.X, data.covariates, data.embeddings
        # Whether there were gaps when training began.
        sees_gaps = self.net_.config["sees_gaps"] if resume else data.gaps
        widths = (part.shape[1] for part in sizes)
        config = self._config(*widths, sees_gaps, **settled)
        options = self._training_options(data)
        options |= {name: settled[name] for name in ("max_epochs", "batch_size")}
        if early_stop:
            options["patience"] = self.n_iter_no_change
        if not resume:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            seed = processes().of_the_first(seed)
            net = self._make_net(seed, config, **options)
            self._initialise(net.module_, data.X)
            if data.embeddings.shape[1]:
                self._centre(net.module_.encoder.embeddings, data.embeddings)
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

    @staticmethod
    def _centre(affine, embeddings):
        """Let embeddings have a mean of 0 and a length of 1 in the root mean square.

        Those of documents then weigh as much as their counts do behind `ScaledCounts`.
        """
        mean, std, _ = map(torch.from_numpy, feature_moments(embeddings))
        with torch.no_grad():
            affine.offset.copy_(mean)
            affine.unit.fill_(std.norm() or 1.0)

    def _split(self, n_samples, seed):
        """Numbers of the rows to train on and of those to hold out."""
        n_held_out = int(np.ceil(self.validation_fraction * n_samples))
        if n_held_out >= n_samples:
            raise ValueError(
                f"early_stopping=True with validation_fraction="
                f"{self.validation_fraction} leaves nothing to train on: found "
                f"n_samples={n_samples}."
            )
        rng = np.random.default_rng(derive_seed(seed, Stream.SPLIT))
        order = rng.permutation(n_samples)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    def _make_net(self, seed, config, **options):
        generator = torch.Generator()
        generator.manual_seed(derive_seed(seed, Stream.WEIGHTS))
        # In single precision, whatever a network of the user's is in.
        module = self._build_module(config, generator).float()
        return VAENet(module, seed=seed, config=config, **options)

    # --- inference ---------------------------------------------------------------

    def _inference(self):
        check_is_fitted(self, "net_")
        return Inference(self.net_.module_, type(self).__name__)

    def fit_transform(self, X, y=None, *, covariates=None, embeddings=None):
        """`fit` to X, then `transform` it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Not used.
        covariates : array-like, default=None
            As in `fit`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `fit`.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Of topic models with topic proportions, these: rows sum to one.
        """
        beside = {"covariates": covariates, "embeddings": embeddings}
        return self.fit(X, y, **beside).transform(X, **beside)

    def transform(self, X, *, covariates=None, embeddings=None):
        """Map X to the latent representation: the posterior mean, without noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            Needed after a fit with covariates: as in `fit`, or one label, or one row of
            numbers, that holds for all rows.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            Needed after a fit with embeddings, of each row by the same encoder.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Of topic models with topic proportions, these: rows sum to one.
        """
        data = self._check_data(X, covariates, embeddings, scored=False)
        return self._inference().codes(data)

    def posterior(self, X, *, covariates=None, embeddings=None):
        """Approximate posterior q(z | x) of each row of X, a diagonal normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.

        Returns
        -------
        mean, std : ndarrays of shape (n_samples, n_components)
            In the latent space, before the softmax of a topic model.
        """
        data = self._check_data(X, covariates, embeddings, scored=False)
        return self._inference().posterior(data)

    def inverse_transform(self, X, *, covariates=None):
        """Map latent representations back: the mean of p(x | z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            As `transform` returns them.
        covariates : array-like, default=None
            As in `transform`. Others than those of the encoded rows show what these
            would be under them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Of counts, the probabilities of the words.
        """
        check_is_fitted(self, "net_")
        check_code_names(self, X)
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} components, but {type(self).__name__} was "
                f"fitted with n_components={self._n_features_out}."
            )
        covariates = check_covariates(self, covariates, len(codes), reset=False)
        return self._inference().means(Data(codes, covariates))

    def score_samples(
        self, X, *, covariates=None, embeddings=None, bound="elbo", n_draws=None
    ):
        """Lower bound of the log-likelihood of each row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`. The likelihood is then that of the rows given these.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.
        bound : {"elbo", "importance"}, default="elbo"
            "elbo" is the evidence lower bound, with the full KL term whatever the
            warm-up. "importance" is the importance-weighted bound [1]_, which is
            tighter and tends to the log-likelihood as draws are added, see
            `effective_sample_size`.
        n_draws : int, default=None
            Draws of the posterior; by default 32 for the ELBO, whose expectation takes
            no more, and 128 for importance. They are quasi-random, for the ELBO shifted
            by each row's own posterior mean, so that the result is always the same and
            does not depend on the other rows.

        Returns
        -------
        bounds : ndarray of shape (n_samples,)
            In nats. Larger is better.

        References
        ----------
        .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
           autoencoders. ICLR.
           https://arxiv.org/abs/1509.00519
        """
        data = self._check_data(X, covariates, embeddings)
        return self._inference().bounds(data, bound, n_draws)

    def effective_sample_size(
        self, X, *, covariates=None, embeddings=None, n_draws=128
    ):
        """How many draws the importance-weighted bound of each row rests on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.
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
        data = self._check_data(X, covariates, embeddings)
        return self._inference().effective_sample_sizes(data, n_draws)

    def sample(self, n_samples=1, random_state=None, *, covariates=None):
        """Draw new rows: z from the prior, then x from p(x | z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Of codes and rows. An int gives the same rows in each call.
        covariates : array-like, default=None
            As in `transform`: of each new row, or one for all.

        Returns
        -------
        X : array of shape (n_samples, n_features)
            Rows as those of the training data.
        """
        inference = self._inference()
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = check_random_state(random_state)
        noise = rng.standard_normal((n_samples, self._n_features_out))
        codes = inference.codes_of_prior(noise)
        return self._draw(self.inverse_transform(codes, covariates=covariates), rng)

    # --- files and pickles -------------------------------------------------------

    def save(self, path):
        """Write the fitted model to one safetensors file, which holds no code.

        `skvae.load` reads it. It holds the parameters, all that was fitted and what
        training needs to go on, but no training data. The parameter `device` stays
        behind, and `word_embeddings` become an array.

        Parameters
        ----------
        path : str or path-like
            A file that exists is replaced once the new one is complete; a pipe or a
            device, such as /dev/stdout, is written to as it is.

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
            If the file cannot be written. What was there before is still there. A path
            that is no place for a file is told before any work.
        """
        persistence.save(self, path)

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
        estimator = persistence.load(path, device)
        if not isinstance(estimator, cls):
            raise persistence.ModelFileError(
                f"{path} holds a model of {type(estimator).__name__}, not of "
                f"{cls.__name__}. Use skvae.load for any of them."
            )
        return estimator

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            state["health_"] = self.health_
            state.pop("_unmeasured", None)  # rows, which stay here
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
