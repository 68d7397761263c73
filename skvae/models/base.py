"""The estimator contract that all models share."""

import copy
from abc import ABC, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from skvae import persistence
from skvae.distributed import DataParallelNet, process_group
from skvae.models.health import ACTIVE, warn_of_problems
from skvae.models.inference import Inference, Sample, own_settings
from skvae.models.notebook import FittedHTML
from skvae.models.side_data import (
    check_covariates,
    check_embeddings,
    check_given,
    split_embeddings,
)
from skvae.nn.layers import ACTIVATIONS
from skvae.shards import Shards
from skvae.training.callbacks import EpochTasks
from skvae.training.data import Data, feature_moments
from skvae.training.net import Stream, VAENet, derive_seed, resolve_device
from skvae.utils.hints import ExplainsKeywords
from skvae.utils.validation import (
    Interval,
    StrOptions,
    check_code_names,
    check_layer_sizes,
    check_parameters,
    draft_of,
)

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        return method


# Rows, evenly spaced, that training health is measured on.
MAX_HEALTH_ROWS = 4096


class BaseVAE(
    ExplainsKeywords,
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
    def _check_X(self, X, *, reset, scored=True):
        """Return a matrix as ndarray or CSR array of floats, or raise ValueError.

        If rows are `scored`, the likelihood must be defined for their values. An
        encoder may read others, such as images with the noise that it was trained on.
        """

    def _config(self, data):
        """Return all plain values that `_build_module` needs for a fit to data.

        Parameters left to "auto" have been resolved.
        """
        sees_gaps = data.has_gaps
        if hasattr(self, "net_"):  # whether there were gaps when training began
            sees_gaps = self.net_.config["sees_gaps"]
        return {
            "n_features": data.X.shape[1],
            "n_covariates": data.covariates.shape[1],
            "n_embedding_features": data.embeddings.shape[1],
            "sees_gaps": sees_gaps,
            "n_components": int(self.n_components),
            "hidden_layer_sizes": check_layer_sizes(self, "hidden_layer_sizes"),
            "activation": self.activation,
            "dropout": 0.0 if self.dropout == "auto" else float(self.dropout),
        }

    @classmethod
    @abstractmethod
    def _build_module(cls, config, generator):
        """Return a new module with weights from the generator."""

    def _start(self, module, data, is_new):
        """Prepare a module for training on data: a new one, or a trained one."""

    def _start_from_corpus(self, net, data):
        """Prepare a new net of `fit`, whose data are all that there are.

        It may add memberships to the data.
        """

    def _training_options(self, data):
        """Return the options of `VAENet` for training on data, with `early_stopping`.

        Parameters left to "auto" have been resolved.
        """
        return {
            "lr": self.lr,
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "early_stopping": self.early_stopping,
            "kl_warmup": self.kl_warmup,
            "callbacks": copy.deepcopy(list(self.callbacks or ())),
            "device": resolve_device(self.device),
            "verbose": int(self.verbose),
            "label": f"{type(self).__name__}({self.n_components})",
        }

    def _baseline(self, data, rows):
        """Return what `_health` compares with, from the rows to train on.

        Raises ValueError if they hold nothing to train on.
        """

    def _set_fitted_attributes(self, module, sample):
        """Set what users read off the fitted module, and off a `Sample` of rows."""

    def _health(self, sample, baseline):
        """Return `health_` after training, from a `Sample` of the rows."""
        mean_kl = sample.kl.mean(axis=0)
        return {
            "best_epoch": self.net_.best_epoch,
            "active_units": int((mean_kl > ACTIVE).sum()),
            "kl_per_unit": mean_kl,
        }

    @abstractmethod
    def _draw(self, mean, rng):
        """Return rows drawn from likelihoods with the given means."""

    def _params_to_save(self):
        """Return the parameters as plain values and arrays, for files."""
        return self.get_params(deep=False)

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
        draft = self._trained(X, covariates, embeddings, resume=self.warm_start)
        warn_of_problems(draft)
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
        draft = self._trained(X, covariates, embeddings, resume=True, in_parts=True)
        self.__dict__ = draft.__dict__
        return self

    def _trained(self, X, covariates, embeddings, *, resume, in_parts=False):
        """Return a trained copy of this estimator, which stays as it is."""
        check_parameters(self)
        resume = resume and hasattr(self, "net_")
        draft = draft_of(self, keep_fitted=resume)
        try:
            with own_settings():
                train = with_callbacks(type(draft)._train)
                train(draft, X, covariates, embeddings, in_parts)
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

    def _train(self, X, covariates, embeddings, in_parts):
        """Train a net on X, and set what is read off it."""
        is_new = not hasattr(self, "net_")
        if not is_new:
            check_given(
                self, "covariates", covariates, self.net_.config["n_covariates"]
            )
        data = self._validate(X, covariates, embeddings, reset=is_new)
        n_samples = data.X.shape[0]
        if (group := process_group()) is not None:
            sizes = data.X.shape, data.covariates.shape[1], data.embeddings.shape[1]
            group.check_same((type(self).__name__, *sizes), "model or data")
        rows, held_out = np.arange(n_samples), None
        baseline = self._baseline(data, rows)
        options = self._training_options(data)
        n_epochs = 1 if in_parts else options["max_epochs"]
        stop_early = options.pop("early_stopping") and not in_parts
        if stop_early:
            options["patience"] = self.n_iter_no_change
        # Set by users, or by a search or Pipeline around this estimator.
        if hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx"):
            options["callbacks"].append(EpochTasks(self, n_epochs))
        net = self._net_to_train(data, options, group)
        if is_new and not in_parts:
            self._start_from_corpus(net, data)
        if stop_early:
            rows, held_out = self._split(n_samples, net.seed)
            baseline = self._baseline(data, rows)
        net.train_on(data, rows, n_epochs=n_epochs, held_out=held_out)
        self.net_ = net
        self.n_iter_ = len(net.history)
        self.history_ = net.history_frame()
        sample = self._sample(data.take(rows[:: -(-len(rows) // MAX_HEALTH_ROWS)]))
        self._set_fitted_attributes(sample.inference.module, sample)
        if in_parts:  # measured when it is read: streams may only need the last one
            vars(self).pop("health_", None)
            self._unmeasured = sample.data, baseline
        else:
            vars(self).pop("_unmeasured", None)
            vars(self)["health_"] = self._health(sample, baseline)

    def _sample(self, data):
        # As the model is used from now on, which batch norm may set far apart from how
        # it has just been trained.
        seed = derive_seed(self.net_.seed, Stream.HEALTH)
        return Sample(self._inference(), data, seed)

    @property
    def health_(self):
        """How training went, a dict; after `partial_fit` measured when first read."""
        check_is_fitted(self, "net_")
        if "health_" not in vars(self):
            data, baseline = vars(self)["_unmeasured"]
            with own_settings():
                vars(self)["health_"] = self._health(self._sample(data), baseline)
            del self._unmeasured
        return vars(self)["health_"]

    @property
    def _n_embedding_features(self):
        return self.net_.config["n_embedding_features"]

    def _validate(self, X, covariates=None, embeddings=None, reset=False, scored=True):
        """Check X and what is known about its rows, and return them as `Data`.

        X may be `Shards`, of which each part is checked. If rows are not `scored`, the
        likelihood need not be defined for their values.
        """
        if not reset:
            check_is_fitted(self, "net_")
        if self.embedding_columns is not None:
            columns = self.embedding_columns
            X, embeddings = split_embeddings(self, X, embeddings, columns, reset=reset)
        if isinstance(X, Shards):
            for number, part in enumerate(X.parts()):
                self._check_X(part, reset=reset and number == 0, scored=scored)
        else:
            X = self._check_X(X, reset=reset, scored=scored)
        config = {} if reset else self.net_.config
        if covariates is not None or config.get("n_covariates"):
            covariates = check_covariates(self, covariates, X.shape[0], reset=reset)
        if embeddings is not None or config.get("n_embedding_features"):
            embeddings = check_embeddings(self, embeddings, X.shape[0], reset=reset)
        has_gaps = isinstance(X, np.ndarray) and bool(np.isnan(X).any())
        return Data(X, covariates, embeddings, has_gaps=has_gaps)

    def _net_to_train(self, data, options, group):
        """Return a new net, or a copy of the fitted one with the present parameters."""
        config, is_new = self._config(data), not hasattr(self, "net_")
        if is_new:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            if group is not None:
                seed = group.of_all(seed)[0]
        else:
            seed = self.net_.seed
            changed = [key for key in config if config[key] != self.net_.config[key]]
            if changed:
                raise ValueError(
                    f"{type(self).__name__} cannot continue training: {changed} "
                    "changed since it was fitted. Set the old values again."
                )
        net = self._make_net(seed, config, group, **options)
        if not is_new:
            net.set_state(self.net_.get_state())
        elif data.embeddings.shape[1]:
            # Centered, with a root mean square length of 1: the embeddings of documents
            # then weigh as much as their counts do after `ScaledCounts`.
            mean, std, _ = map(torch.from_numpy, feature_moments(data.embeddings))
            # Equal embeddings differ from their mean by rounding.
            varied = std.norm() > torch.finfo(torch.float32).eps * mean.norm()
            with torch.no_grad():
                net.module_.encoder.embeddings.offset.copy_(mean)
                net.module_.encoder.embeddings.unit.fill_(std.norm() if varied else 1)
        self._start(net.module_, data, is_new)
        return net

    def _make_net(self, seed, config, group=None, **options):
        generator = torch.Generator()
        generator.manual_seed(derive_seed(seed, Stream.WEIGHTS))
        # In single precision, whatever a network of the user's is in.
        module = self._build_module(config, generator).float()
        options |= {"seed": seed, "config": config}
        if group is not None:
            return DataParallelNet(module, group=group, **options)
        return VAENet(module, **options)

    def _split(self, n_samples, seed):
        """Return the numbers of the rows to train on and of those to hold out."""
        n_held_out = int(np.ceil(self.validation_fraction * n_samples))
        if n_held_out >= n_samples:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves nothing to "
                f"train on: found n_samples={n_samples}."
            )
        rng = np.random.default_rng(derive_seed(seed, Stream.SPLIT))
        order = rng.permutation(n_samples)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

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
        data = self._validate(X, covariates, embeddings, scored=False)
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
        data = self._validate(X, covariates, embeddings, scored=False)
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
        covariates = self._encoded_covariates(covariates, len(codes))
        return self._inference().means(Data(codes, covariates))

    def _encoded_covariates(self, covariates, n_samples):
        """Return covariates as `Data` has them, or None if there are to be none."""
        if covariates is None and not self.net_.config["n_covariates"]:
            return None
        return check_covariates(self, covariates, n_samples, reset=False)

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
        data = self._validate(X, covariates, embeddings)
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
        data = self._validate(X, covariates, embeddings)
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
        known = self._encoded_covariates(covariates, n_samples)
        codes = inference.codes_of_prior(noise, known)
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
            An existing file is replaced once the new one is complete.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TypeError
            If it holds what a file cannot: callbacks, a RandomState instance, networks
            of one's own. Pickle it then.
        ValueError
            If a parameter has been set to a value that `fit` would refuse.
        OSError
            If the file cannot be written. An existing file is left as it was.
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
            state["net_"] = self.net_.get_state()
            del state["history_"]  # which the net has as well
        return state

    def __setstate__(self, state):
        state = dict(state)
        saved = state.pop("net_", None)
        super().__setstate__(state)
        if saved is not None:
            self._restore_net(saved)

    def _restore_net(self, saved, device="cpu"):
        # For inference; training makes a net of its own from the parameters.
        with own_settings():
            self.net_ = self._make_net(saved["seed"], saved["config"], device=device)
            self.net_.set_state(saved)
        self.history_ = self.net_.history_frame()

    # --- scikit-learn ------------------------------------------------------------

    @property
    def _n_features_out(self):
        return self.net_.config["n_components"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
