"""Autoencoders of any numeric table and of images."""

import copy
from functools import partial
from numbers import Integral, Real

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, check_non_negative

from skvae.models.autoencoder import (
    CORRUPTIONS,
    bound_without_codes,
    build_autoencoder,
    checked_config,
    has_linear_path,
    start_at_pca,
)
from skvae.models.base import BaseVAE
from skvae.models.health import row_problems
from skvae.models.mixed import check_values, kinds_of, resolved_likelihood
from skvae.models.side_data import check_embeddings
from skvae.models.topics import HIDDEN, thin_counts
from skvae.nn.autoencoder import Affine
from skvae.nn.layers import MLP
from skvae.nn.likelihoods import LIKELIHOODS
from skvae.persistence import register
from skvae.training.data import feature_moments
from skvae.utils.validation import (
    Interval,
    StrOptions,
    canonical_csr,
    check_input,
    contains_words,
)

# Of more rows, training takes larger batches and fewer passes: what a row tells is told
# by others too.
MANY_ROWS = 4096
# Of as many, the rate stays high where `lr` is too low for its number of steps: see
# `Schedule`. Less than the default takes it to.
REACH = 10.0
# Least rate at which plain autoencoders of many rows gain by batch norm.
HIGH_RATE = 5e-3
# Of fewer rows training drops hidden units, up to a fifth of them.
FEW_ROWS = 750
# Likelihoods of what is never negative.
COUNTS = {kind for kind, output in LIKELIHOODS.items() if output.support == (0, np.inf)}


@register
class VAETransformer(BaseVAE):
    """Variational, plain, denoising or convolutional autoencoder of any numeric table.

    An encoder network maps each row to a diagonal normal distribution over codes z with
    a standard normal prior, a decoder network maps codes to the parameters of a
    likelihood p(x | z); both maximise the evidence lower bound [1]_. `transform` gives
    the means of the codes. With `covariates` it is a conditional autoencoder [4]_: both
    networks see what is known of a row beside it. NaN in X is a value that was not
    observed: the likelihood is that of the others, and `impute` fills it.

    Parameters
    ----------
    n_components : int, default=10
        Number of latent dimensions.
    likelihood : str or list of tuples, default="gaussian"
        "gaussian": real values of any unit. "bernoulli": values in [0, 1]; binary ones,
        or grey values of images, of which the score is then not a log-likelihood.
        "multinomial": counts of the words of texts, without the multinomial
        coefficient; `inverse_transform` gives probabilities, and dense encoders see
        counts scaled as those of the topic models do. "poisson" and
        "negative-binomial": counts, each feature on its own; the latter vary more than
        their means, by how much is learnt for each. "categorical": one category of
        several, as `OneHotEncoder` makes it of a feature, without `drop`; a row of
        zeros is one that nobody knows. Scores compare within a likelihood, whatever the
        other parameters, but not between a density and a probability.

        Of columns of several kinds, a list of pairs of a name and columns:
        ``[("gaussian", [0, 1]), ("categorical", slice(2, 7)), ("poisson", [7])]``.
        Columns are numbers, names, slices, masks or functions such as
        `sklearn.compose.make_column_selector` makes, and each is in one pair. One-hot
        blocks side by side are told apart by their values.
    scale : {"shared", "per-feature"}, float or array-like of shape (n_features,), \
            default="shared"
        Standard deviation of the Gaussian likelihood. "shared" learns one for all
        features and "per-feature" one for each, both in units of the data, so that it
        need not be scaled; with "shared" scale the columns alike. Numbers are taken as
        they are: 1 makes the loss half the squared error.
    variational : bool, default=True
        With False a plain autoencoder: codes are points, without noise, prior and KL
        term. Scores are then log p(x | code of x), which is no bound of log p(x).
    kl_weight : float, default=1.0
        Weight of the KL term in training; other values than 1 give a beta-VAE [2]_.
        Scores always use 1.
    n_importance : int, default=1
        Draws of each row's code in training. With several the importance-weighted bound
        of all of them is maximised, which is tighter than the evidence lower bound, for
        a better likelihood [5]_; time of the decoder grows as they do.
    denoising : float, default=0.0
        How strongly the encoder's input is corrupted in training, while the likelihood
        is that of the intact rows [3]_. Of "multinomial" texts 0 hides a random part of
        the tokens, as the topic models do. `transform` and `reconstruct` take rows with
        noise, and of any values: only `fit` and scores ask for the likelihood's.
    corruption : {"masking", "gaussian"}, default="masking"
        "masking": `denoising`, below 1, is the share of the values that are set to
        zero. "gaussian": it is the standard deviation of normal noise that is added.
    center : bool, default=True
        Whether the encoder sees rows less the means of the features, and the decoder's
        output counts from them (from their logits or logarithms, for the other
        likelihoods). Scaled counts of words are not centred.
    architecture : {"dense", "conv"}, default="dense"
        "conv": convolutions of stride 2 before the encoder's hidden layers, and
        transposed ones after the decoder's. Needs `image_shape`.
    image_shape : tuple of int, default=None
        (channels, height, width) or (height, width) of the image that a row holds, its
        values in this order: channels first.
    channels : int or tuple of int, default=(16, 32)
        Channels that the convolutions make, one after the other; each halves height
        and width.
    embedding_columns : slice, array-like or callable, default=None
        Columns of X that are not data but embeddings for the encoder alone, where
        `embeddings` are not passed beside X, as those that a FeatureUnion puts behind
        word counts: ``slice(-512, None)``; numbers, names or a mask; or a function of X
        that returns them, as `sklearn.compose.make_column_selector` makes.
    hidden_layer_sizes : int or tuple of int, default=(500,)
        Widths of the encoder's hidden layers, and in reverse of the decoder's. With ()
        the model is linear: probabilistic PCA, if Gaussian.
    activation : {"elu", "gelu", "relu", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers.
    batch_norm : bool or "auto", default="auto"
        Whether to standardise the hidden layers over each batch. "auto" does, but not
        with `likelihood="multinomial"`, and not in a plain autoencoder of more than
        4,096 rows with a learning rate below 0.005.
    linear_path : bool, default=True
        Whether there is a linear model beside the hidden layers, from rows to codes and
        back, where training starts: at probabilistic PCA [6]_, which the layers, with
        nothing to add at first, then improve. Of real values in dense layers only: with
        "gaussian" columns, without covariates and networks of your own.
    dropout : float in [0, 1) or "auto", default="auto"
        Share of the hidden units that are dropped in training. "auto" is 0.2 for up to
        750 rows, and then falls as one by the number of rows of the first call. It is
        0 without a linear path, which stays when units are dropped.
    encoder : callable, default=None
        ``encoder(n_features)`` returns a torch module of your own, to take the place of
        the encoder's hidden layers. It maps tensors (n_samples, n_features) to
        (n_samples, any width); mean and log-variance of the codes are linear in that.
        A class or a function that can be imported, or a `functools.partial` of one,
        survives clone, pickle and searches.
    decoder : callable, default=None
        ``decoder(n_components, n_features)`` returns a module that maps codes
        (n_samples, n_components) to (n_samples, n_features): means, logits or
        unnormalised log-probabilities, by likelihood. Covariates come behind rows and
        codes, and count as more features of the one, more components of the other.
    lr : float, default=1e-2
        Largest learning rate of Adam. The rate rises to it over the first tenth of
        training, then falls along a cosine. With more than 4,096 rows both take the
        less of training the fewer and smaller its steps are, if `lr` times their number
        is below 10: a low rate then stays what it is.
    max_epochs : int or "auto", default="auto"
        Number of passes over the data, and the horizon of learning rate and KL
        warm-up. "auto" is 50 for up to 4,096 rows, and then falls as one by the square
        root of the rows, to 10 at the least: 25 for 16,384.
    batch_size : int or "auto", default="auto"
        Rows in a training step. "auto" is 64 for up to 4,096 rows, then a 64th of the
        rows, and at most 512.
    kl_warmup : float in [0, 1], default=0.1
        Share of `max_epochs` over which the weight of the KL term rises from 0 to its
        full value.
    early_stopping : bool or "auto", default="auto"
        Whether to hold out `validation_fraction` of the rows, to stop when their bound
        has not improved for `n_iter_no_change` epochs, and to keep the best weights.
        "auto" does so with a linear path, where there are fewer rows than twice the
        features, which networks learn by heart, but 10 rows at least.
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
        0 prints nothing, 1 shows a progress bar on standard error, 2 prints a line for
        each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines weights, order of rows and noise. An int gives the same model on
        the same machine with the same number of threads. torch's global generator is
        never used.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        What the latent units add to the decoder's output. Only of a linear decoder:
        ``hidden_layer_sizes=()``.
    scale_ : float or ndarray of shape (n_features,)
        Standard deviation of the Gaussian likelihood. With a list of likelihoods one
        for each feature, NaN of those that are not Gaussian.
    latent_mean_ : ndarray of shape (n_components,)
        Mean of the codes of up to 4,096 training rows, under their posteriors.
    latent_covariance_ : ndarray of shape (n_components, n_components)
        Their covariance. Close to the identity where the posteriors fill the prior.
    covariate_values_ : ndarray of shape (n_covariates,)
        Values of the labels that `fit` was given as `covariates`, sorted.
    covariate_mean_, covariate_scale_ : ndarrays of shape (n_covariates,)
        What numbers that `fit` was given as `covariates` are standardised by.
    covariate_names_ : ndarray of shape (n_covariates,)
        Names of their columns, if they came in a DataFrame.
    embedding_names_ : ndarray of shape (n_embedding_features,)
        Names of the columns of `embeddings`, if they came in a DataFrame.
    mean_length_ : float or ndarray of shape (n_likelihoods,)
        Mean row sum of the data that training began with, for `sample`. Only with
        `likelihood="multinomial"`; in a list of likelihoods NaN of others.
    n_iter_ : int
        Number of epochs trained so far.
    history_ : DataFrame of shape (`n_iter_`, 3 or 4)
        Means over the rows for each epoch, in nats: "loss" (what training minimises),
        "reconstruction" (log-likelihood), "kl", and "validation_loss" with early
        stopping.
    health_ : dict
        How training went: "best_epoch", whose weights are kept; "active_units", the
        number of latent units with a KL term of more than 0.01 nats on up to 4,096
        rows (without `variational`, of those that are not constant); "kl_per_unit",
        that term; "bound", in nats a row with `kl_weight`, of these rows; and
        "bound_without_codes", theirs by mean and standard deviation of each feature
        alone.
    net_ : skorch.NeuralNet
        The trained net; its module is ``net_.module_``.
    n_features_in_ : int
        Number of features seen in `fit`, without columns of embeddings.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are strings.

    See Also
    --------
    NVDMTopicModel : The same for counts of words, with words of each dimension.
    skvae.plotting.LatentSpaceDisplay : Codes in two dimensions.
    skvae.plotting.ReconstructionDisplay : Images above what is made of them.
    sklearn.decomposition.PCA : The linear case.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
       https://arxiv.org/abs/1312.6114
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a
       constrained variational framework. ICLR.
       https://openreview.net/forum?id=Sy2fzU9gl
    .. [3] Vincent, P. et al. (2008). Extracting and composing robust features with
       denoising autoencoders. ICML.
       https://doi.org/10.1145/1390156.1390294
    .. [4] Sohn, K., Lee, H. and Yan, X. (2015). Learning structured output
       representation using deep conditional generative models. NIPS.
       https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html
    .. [5] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
       autoencoders. ICLR.
       https://arxiv.org/abs/1509.00519
    .. [6] Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component
       analysis. Journal of the Royal Statistical Society B 61(3), 611-622.
       https://doi.org/10.1111/1467-9868.00196

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae import VAETransformer
    >>> X = load_digits().data / 16
    >>> vae = VAETransformer(2, likelihood="bernoulli", max_epochs=2, random_state=0)
    >>> codes = vae.fit_transform(X)
    >>> codes.shape
    (1797, 2)
    >>> vae.reconstruct(X[:5]).shape
    (5, 64)
    >>> vae.sample(3, random_state=0, mean=True).shape
    (3, 64)

    A network of one's own:

    >>> from torch import nn
    >>> def encoder(n_features):
    ...     return nn.Sequential(nn.Linear(n_features, 32), nn.GELU(), nn.LayerNorm(32))
    >>> vae = VAETransformer(2, encoder=encoder, max_epochs=2, random_state=0).fit(X)
    """

    _problems = row_problems

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "likelihood": [StrOptions(set(LIKELIHOODS)), list, tuple],
        "scale": [
            StrOptions({"shared", "per-feature"}),
            Interval(Real, 0, None, closed="neither"),
            "array-like",
        ],
        "variational": ["boolean"],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "n_importance": [Interval(Integral, 1, None, closed="left")],
        "denoising": [Interval(Real, 0, None, closed="left")],
        "corruption": [StrOptions(set(CORRUPTIONS))],
        "center": ["boolean"],
        "architecture": [StrOptions({"dense", "conv"})],
        "image_shape": ["array-like", None],
        "channels": ["array-like", Interval(Integral, 1, None, closed="left")],
        "linear_path": ["boolean"],
        **{
            name: [StrOptions({"auto"}), *BaseVAE._parameter_constraints[name]]
            for name in ("max_epochs", "batch_size", "dropout", "early_stopping")
        },
        "batch_norm": [StrOptions({"auto"}), "boolean"],
        "encoder": [callable, None],
        "decoder": [callable, None],
    }

    def __init__(
        self,
        n_components=10,
        *,
        likelihood="gaussian",
        scale="shared",
        variational=True,
        kl_weight=1.0,
        n_importance=1,
        denoising=0.0,
        corruption="masking",
        center=True,
        architecture="dense",
        image_shape=None,
        channels=(16, 32),
        embedding_columns=None,
        hidden_layer_sizes=(500,),
        activation="relu",
        batch_norm="auto",
        linear_path=True,
        dropout="auto",
        encoder=None,
        decoder=None,
        lr=1e-2,
        max_epochs="auto",
        batch_size="auto",
        kl_warmup=0.1,
        early_stopping="auto",
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
        self.scale = scale
        self.variational = variational
        self.kl_weight = kl_weight
        self.n_importance = n_importance
        self.denoising = denoising
        self.corruption = corruption
        self.center = center
        self.architecture = architecture
        self.image_shape = image_shape
        self.channels = channels
        self.embedding_columns = embedding_columns
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.batch_norm = batch_norm
        self.linear_path = linear_path
        self.dropout = dropout
        self.encoder = encoder
        self.decoder = decoder
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

    # --- what is checked and built -----------------------------------------------

    def _check_X(self, X, *, reset, scored=True):
        if contains_words(X):
            raise ValueError(
                f"{type(self).__name__} takes numbers, but got texts. Encode them with "
                "CountVectorizer, or with OneHotEncoder if they are labels."
            )
        if (n_dims := getattr(X, "ndim", 2)) > 2:
            raise ValueError(
                f"Found array with dim {n_dims}, but {type(self).__name__} takes rows "
                "of values. Pass X.reshape(len(X), -1)."
            )
        X_given = X
        is_text = self._is_multinomial()
        X = check_input(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite=True if is_text else "allow-nan",
        )
        if sp.issparse(X) or is_text:
            X = canonical_csr(sp.csr_array(X))
        if reset:
            self._resolved = resolved_likelihood(self, X_given, X)
        likelihood = self._likelihood()
        if scored and set(kinds_of(likelihood)) <= COUNTS:
            check_non_negative(X, f"X in {type(self).__name__}")
        check_values(self, X, likelihood, scored=scored)
        return X

    def _likelihood(self):
        """The likelihood by name, or names and numbers of columns as a fit has them."""
        if hasattr(self, "net_"):
            return self.net_.config["likelihood"]
        return getattr(self, "_resolved", self.likelihood)

    def _is_multinomial(self):
        return kinds_of(self._likelihood()) == ["multinomial"]

    def _config(self, data):
        config = {**super()._config(data), **checked_config(self, data.X.shape[1])}
        if hasattr(self, "net_"):  # training continues with its layers
            automatic = self.net_.config
        else:
            n_samples = data.X.shape[0]
            pays = self.variational or self.lr >= HIGH_RATE or n_samples <= MANY_ROWS
            automatic = {
                "dropout": 0.2 * min(FEW_ROWS / n_samples, 1) * has_linear_path(config),
                "batch_norm": pays and not self._is_multinomial(),
            }
        if self.dropout == "auto":
            config["dropout"] = float(automatic["dropout"])
        batch_norm = self.batch_norm
        if batch_norm == "auto":
            batch_norm = automatic["batch_norm"]
        return {**config, "batch_norm": bool(batch_norm)}

    @classmethod
    def _build_module(cls, config, generator):
        return build_autoencoder(config, generator)

    def _start(self, module, data, is_new):
        if not is_new:
            return
        mean, std, number = map(torch.from_numpy, feature_moments(data.X))
        if (number == 0).any():
            missing = np.flatnonzero(number == 0).tolist()
            raise ValueError(
                f"{type(self).__name__} cannot learn features without any value, such "
                f"as those of the columns {missing}. Leave them out."
            )
        affine, output = module.encoder.preprocess, module.decoder.output
        with torch.no_grad():
            output.take_unit(mean, std)
            if isinstance(affine, Affine):
                if affine.unit is not None:
                    affine.unit.copy_(output.seen_unit)
                if self.center:
                    affine.offset.copy_(mean)
            if self.center:
                module.decoder.origin.copy_(output.at_mean(mean, number))
            if getattr(module.encoder.body, "skip", False):
                learnt = isinstance(self.scale, str)
                start_at_pca(module, data.X, None if learnt else 1.0)
        if output.counts:
            self.mean_length_ = output.mean_length(mean)

    def _training_options(self, data):
        options = super()._training_options(data)
        n_samples, n_features = data.X.shape
        times = max(n_samples / MANY_ROWS, 1)
        if self.max_epochs == "auto":
            options["max_epochs"] = max(round(50 / times**0.5), 10)
        if self.batch_size == "auto":
            options["batch_size"] = min(round(64 * times), 512)
        if self.early_stopping == "auto":
            options["early_stopping"] = 10 <= n_samples < 2 * n_features and (
                has_linear_path(self._config(data))
            )
        corrupt = None
        if self.denoising:
            corrupt = partial(CORRUPTIONS[self.corruption], level=self.denoising)
        elif self._is_multinomial():
            hidden = HIDDEN if data.embeddings.shape[1] else 0.0
            corrupt = partial(thin_counts, hidden=hidden)
        return {
            **options,
            "kl_weight": self.kl_weight,
            "n_importance": self.n_importance,
            "corrupt": corrupt,
            "dense": self.denoising > 0,
            # Networks would learn few rows by heart.
            "reach": REACH if n_samples > MANY_ROWS else 0.0,
        }

    def _params_to_save(self):
        params = super()._params_to_save()
        # Columns by numbers: they may have been chosen by code.
        return {**params, "likelihood": self.net_.config["likelihood"]}

    # --- what is read off the fitted model ---------------------------------------

    def _set_fitted_attributes(self, module, sample):
        vars(self).pop("_resolved", None)  # the net has it
        if module.decoder.output.scaled:
            scale = module.decoder.output.scale.cpu().numpy()
            self.scale_ = scale if scale.ndim else float(scale)
        mean, std = sample.posterior.mean, sample.posterior.stddev
        mean, std = mean.cpu().numpy(), std.cpu().numpy()
        self.latent_mean_ = mean.mean(axis=0)
        within = np.diag((std**2).mean(axis=0))
        self.latent_covariance_ = within + np.cov(mean.T, bias=True)

    def _health(self, sample, baseline):
        health = super()._health(sample, baseline)
        if not self.net_.config["variational"]:
            health["active_units"] = int((np.ptp(sample.codes, axis=0) > 0).sum())
        with np.errstate(over="ignore"):  # infinite is what it then is
            bound = sample.reconstruction - self.kl_weight * sample.kl.sum(axis=1)
        return {
            **health,
            "bound": float(bound.mean()),
            "bound_without_codes": bound_without_codes(sample.inference, sample.data),
        }

    @property
    def components_(self):
        """Rows that the latent units add to the decoder's output.

        ndarray of shape (n_components, n_features). Only of a linear decoder, without
        hidden layers, where the output is a mean (Gaussian) or logits (the others).
        """
        check_is_fitted(self, "net_")
        decoder = self.net_.module_.decoder
        body, output = decoder.body, decoder.output
        if not isinstance(body, MLP) or len(body.layers):
            raise AttributeError(
                f"{type(self).__name__} has no components_: its decoder is not linear. "
                "Fit it with hidden_layer_sizes=(), or use inverse_transform."
            )
        weight = body.output.weight.detach()[: self._n_features_out]
        if body.skip:
            weight = weight / body.n_in
        if output.output_unit is not None:
            weight = weight * output.output_unit
        return weight.cpu().numpy().copy()

    # --- scores ------------------------------------------------------------------

    def score(self, X, y=None, *, covariates=None, embeddings=None):
        """Mean of `score_samples` over the rows of X, in nats; larger is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Not used.
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.

        Returns
        -------
        score : float
            A bound of the mean log-likelihood; with ``variational=False`` no bound.
        """
        beside = {"covariates": covariates, "embeddings": embeddings}
        return float(self.score_samples(X, **beside).mean())

    # --- rows out of codes -------------------------------------------------------

    def reconstruct(
        self,
        X,
        *,
        covariates=None,
        embeddings=None,
        sample=False,
        random_state=None,
    ):
        """Encode and decode X: the mean of p(x | z) at a code of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`. To decode with others than encoded with, call `transform`
            and `inverse_transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.
        sample : bool, default=False
            Whether to draw each row's code from its posterior, instead of taking the
            posterior mean.
        random_state : int, RandomState instance or None, default=None
            Of these draws.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Of words ("multinomial") and categories their probabilities.
        """
        beside = {"covariates": covariates, "embeddings": embeddings}
        codes, std = self.posterior(X, **beside)
        if sample:
            noise = check_random_state(random_state).standard_normal(codes.shape)
            codes = (codes + std * noise).astype(codes.dtype, copy=False)
        return self.inverse_transform(codes, covariates=covariates)

    def impute(
        self,
        X,
        *,
        covariates=None,
        embeddings=None,
        sample=False,
        n_draws=128,
        random_state=None,
    ):
        """Fill the missing values of X, which are NaN, by what is observed of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, dense if values are missing.
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.
        sample : bool, default=False
            Whether to draw the missing values of a row, together, from their
            distribution given the observed ones, instead of taking its mean. Several
            calls make a multiple imputation.
        n_draws : int, default=128
            Draws of each row's code from its posterior, weighed by how well they
            explain what is observed [1]_: of them the mean is taken, or one of them
            drawn. More come closer to the distribution that the model stands for.
        random_state : int, RandomState instance or None, default=None
            Of draws, with `sample`.

        Returns
        -------
        X_imputed : ndarray of shape (n_samples, n_features)
            X with what was observed as it is, and the rest filled.

        References
        ----------
        .. [1] Mattei, P.-A. and Frellsen, J. (2019). MIWAE: deep generative modelling
           and imputation of incomplete data sets. ICML.
           https://arxiv.org/abs/1812.02633

        Examples
        --------
        >>> import numpy as np
        >>> from skvae import VAETransformer
        >>> t = np.random.default_rng(0).standard_normal((500, 1))
        >>> X = t * [1, 2, 3]
        >>> X[::5, 2] = np.nan
        >>> linear = {"hidden_layer_sizes": (), "lr": 0.03}
        >>> vae = VAETransformer(1, random_state=0, **linear).fit(X)
        >>> bool(abs(vae.impute(X)[::5, 2] - 3 * t[::5, 0]).mean() < 0.2)
        True
        """
        data = self._validate(X, covariates, embeddings)
        if not data.has_gaps:
            return data.X.toarray() if sp.issparse(data.X) else data.X.copy()
        rng = check_random_state(random_state) if sample else None
        filled = self._inference().expected_rows(data, n_draws, rng)
        if sample:
            filled = self._draw(filled, rng)
        return np.where(np.isnan(data.X), filled, data.X).astype(data.X.dtype)

    def sample(
        self,
        n_samples=1,
        random_state=None,
        *,
        covariates=None,
        from_="prior",
        mean=False,
    ):
        """Draw new rows: codes z, then x from p(x | z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Of codes and rows. An int gives the same rows in each call.
        covariates : array-like, default=None
            As in `transform`: of each new row, or one for all.
        from_ : {"prior", "posterior"}, default="prior"
            "prior" draws codes from the standard normal prior. "posterior" draws them
            from the normal distribution that has the mean and covariance of the codes
            of the training data, `latent_mean_` and `latent_covariance_`, where the
            decoder has been trained; the only choice with `variational=False`.
        mean : bool, default=False
            Whether to return the means of p(x | z) instead of draws: of images, grey
            values without noise.

        Returns
        -------
        X : array of shape (n_samples, n_features)
            A CSR array of counts with `likelihood="multinomial"`, unless `mean`.
        """
        check_is_fitted(self, "net_")
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = check_random_state(random_state)
        if from_ == "posterior":
            # Through the square root of the covariance, which may be singular.
            values, vectors = np.linalg.eigh(self.latent_covariance_)
            root = vectors * np.sqrt(values.clip(min=0))
            noise = rng.standard_normal((n_samples, len(values)))
            codes = self.latent_mean_ + noise @ root.T
        elif from_ != "prior":
            raise ValueError(f"from_={from_!r}, but it is 'prior' or 'posterior'.")
        elif self.net_.config["variational"]:
            codes = rng.standard_normal((n_samples, self._n_features_out))
        else:
            raise ValueError(
                f"{type(self).__name__} was fitted with variational=False and has no "
                "prior to draw codes from. Use from_='posterior'."
            )
        means = self.inverse_transform(codes, covariates=covariates)
        return means if mean else self._draw(means, rng)

    def interpolate(self, x0, x1, n_steps=10, *, covariates=None, embeddings=None):
        """Rows on the way from one row to another, along a line between their codes.

        Parameters
        ----------
        x0, x1 : array-like of shape (n_features,) or (1, n_features)
            Where the way begins and ends.
        n_steps : int, default=10
            Number of rows, both ends included.
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all these rows alike.
        embeddings : array-like of shape (2, n_embedding_features), default=None
            Those of x0 and x1, after a fit with embeddings.

        Returns
        -------
        X : ndarray of shape (n_steps, n_features)
            Means of p(x | z); the first and last are the reconstructions of x0 and x1.
        """
        check_scalar(n_steps, "n_steps", Integral, min_val=2)
        check_is_fitted(self, "net_")
        if embeddings is not None or self.net_.config["n_embedding_features"]:
            embeddings = check_embeddings(self, embeddings, 2, reset=False)
        of_rows = [None, None] if embeddings is None else np.vsplit(embeddings, 2)
        start, end = (
            self.transform(self._single_row(x), covariates=covariates, embeddings=e)
            for x, e in zip((x0, x1), of_rows)
        )
        share = np.linspace(0, 1, n_steps, dtype=start.dtype)[:, None]
        path = (1 - share) * start + share * end
        return self.inverse_transform(path, covariates=covariates)

    @staticmethod
    def _single_row(x):
        if isinstance(x, pd.Series):
            x = x.to_frame().T
        elif not isinstance(x, pd.DataFrame):
            x = x if sp.issparse(x) else np.asarray(x)
            x = x.reshape(1, -1) if x.ndim == 1 else x
        if x.ndim != 2 or x.shape[0] != 1:
            raise ValueError(
                f"interpolate takes two single rows, but got one of shape {x.shape}."
            )
        return x

    def _draw(self, mean, rng):
        # A copy of what is learnt beside the decoder alone, in the precision of means.
        output = copy.deepcopy(self.net_.module_.decoder.output).requires_grad_(False)
        return (
            output.cpu().double().draw(mean, rng, getattr(self, "mean_length_", None))
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        kinds = set(kinds_of(self._likelihood()))
        tags.input_tags.positive_only = kinds <= COUNTS
        tags.input_tags.allow_nan = "multinomial" not in kinds
        return tags
