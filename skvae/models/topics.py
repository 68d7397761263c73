"""What topic models share: counts, perplexity, components, health."""

from abc import abstractmethod
from functools import partial

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import xlogy
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from skvae.models.base import BaseVAE
from skvae.models.health import ACTIVE, topic_problems
from skvae.nn.autoencoder import (
    Counts,
    GaussianEncoder,
    GaussianPrior,
    ScaledCounts,
    VariationalAutoencoder,
)
from skvae.nn.layers import MLP
from skvae.nn.likelihoods import draw_counts
from skvae.training.callbacks import Alternation
from skvae.training.data import Data, column_sums, mean_per_token, row_sums
from skvae.utils.hints import ATTRIBUTES
from skvae.utils.validation import (
    canonical_csr,
    check_input,
    contains_words,
    invalid_parameter,
)

# What skvae adds to the models of the papers, by the names that `recipe` may hold,
# sorted. A parameter of the same name has no effect without the addition.
ADDITIONS = (
    "clipping",
    "joint_updates",
    "kl_warmup",
    "learnt_prior",
    "lr_schedule",
    "scaled_counts",
    "standardised_means",
    "thinning",
    "word_frequencies",
)
# Share of documents, anew in each epoch, whose counts the encoder does not see if it
# sees embeddings, so that these suffice for documents without known words.
HIDDEN = 0.1


def thin_counts(rows, rng, lowest=0.3, hidden=0.0):
    """Keep a random part of each document's tokens.

    Every document draws its own rate of keeping from U(lowest, 1). An encoder trained
    on thinned documents learns to infer a document's topics from a part of it. Nothing
    is kept of a share `hidden` of the documents.
    Fractional counts x are thinned in proportion, as if made of ceil(x) equal tokens.
    """
    rate = np.repeat(rng.uniform(lowest, 1.0, rows.shape[0]), np.diff(rows.indptr))
    if hidden:
        heard = rng.random(rows.shape[0]) >= hidden
        rate *= np.repeat(heard, np.diff(rows.indptr))
    # Beyond what a binomial draw can count, thinning has no noise. NaN stays NaN.
    few = np.fmin(np.ceil(rows.data), 2**31 - 1)
    kept = (rng.random(len(few), dtype=np.float32) < rate).astype(np.float64)
    many = np.flatnonzero(few > 1)  # binomial draws are dear, and most counts are 1
    kept[many] = rng.binomial(few[many].astype(np.int64), rate[many]) / few[many]
    return type(rows)((rows.data * kept, rows.indices, rows.indptr), shape=rows.shape)


def duplicate_topics(components):
    """Pairs of topics that share four fifths of their 10 top words or more.

    Of fewer than 30 words, the top third counts: any topics share much of the rest. So
    they do of words below a topic's mean, which are none of its top words.
    """
    n_words = min(10, components.shape[1] // 3)
    if n_words < 2:
        return []
    top = np.argpartition(-components, n_words - 1, axis=1)[:, :n_words]
    has = np.zeros(components.shape, dtype=np.float32)
    np.put_along_axis(has, top, 1, axis=1)
    has[components < components.mean(axis=1, keepdims=True)] = 0
    lengths = has.sum(axis=1)
    alike = has @ has.T >= 0.8 * np.maximum.outer(lengths, lengths)
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu(alike, k=1))]


def numbered_topics(n_topics):
    """Return the names of topics that nobody named: "topic 0", "topic 1", and so on."""
    return np.array([f"topic {k}" for k in range(n_topics)], dtype=object)


class TopicModelMixin(ClassNamePrefixFeaturesOutMixin):
    """What all topic models share, those made of other models too: counts and names."""

    def __getattr__(self, name):
        if name in ATTRIBUTES:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}. "
                f"Use {ATTRIBUTES[name]}."
            )
        return self.__getattribute__(name)  # which raises the original error

    def _check_X(self, X, *, reset, scored=True):
        """Return counts of documents as CSR array, or raise ValueError."""
        if contains_words(X):
            raise ValueError(
                f"{type(self).__name__} takes token counts, but got raw texts. Put a "
                "CountVectorizer before it in a Pipeline."
            )
        X = check_input(
            self,
            X,
            reset=reset,
            # Integers stay what they are: a copy would double the memory.
            dtype=[np.float64, np.float32, np.int64, np.int32],
            ensure_non_negative=True,
        )
        # The same documents give the same draws in training whatever their container.
        return canonical_csr(sp.csr_array(X))

    def get_feature_names_out(self, input_features=None):
        """Names of the topics: those that they were given, else "topic 0" and so on.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Only checked, against the names that the model was fitted with.

        Returns
        -------
        names : ndarray of str of shape (n_topics,)
            One for each column of `transform`.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If `input_features` are not those of the fit.
        """
        if getattr(self, "embedding_columns", None) is not None:
            input_features = None  # names of words and of embeddings
        columns = super().get_feature_names_out(input_features)
        if hasattr(self, "topic_names_"):
            return self.topic_names_.copy()
        return numbered_topics(len(columns))


class BaseTopicModel(TopicModelMixin, BaseVAE):
    """What topic models share: counts, perplexity, components.

    With a parameter `recipe`, they may do without some of the `_additions`.
    """

    _additions = ADDITIONS
    _problems = topic_problems

    @property
    def _covariate_effects(self):
        return getattr(self, "covariate_effects", "words")

    def _added(self):
        """Return the names of what the model has beyond the paper's, sorted.

        Raises
        ------
        InvalidParameterError
            If `recipe` holds other names.
        """
        recipe, known = getattr(self, "recipe", "skvae"), self._additions
        if isinstance(recipe, str):
            return known if recipe == "skvae" else ()
        if any(name not in known for name in recipe):
            must = f"be 'skvae', 'paper', or a list of {', '.join(known)}"
            raise invalid_parameter(self, "recipe", must)
        return tuple(sorted(set(recipe)))

    def _config(self, data):
        config, effects = super()._config(data), self._covariate_effects
        n_covariates = config["n_covariates"]
        return {
            **config,
            "recipe": self._added(),
            "n_word_covariates": 0 if effects == "topics" else n_covariates,
            "n_topic_covariates": 0 if effects == "words" else n_covariates,
        }

    def _training_options(self, data):
        options, added = super()._training_options(data), self._added()
        shifted = data.covariates.shape[1] and self._covariate_effects != "words"
        options["fading"] = bool(shifted)
        # An encoder of parts of documents relies too much on their covariates.
        if "thinning" in added and not shifted:
            hidden = HIDDEN if data.embeddings.shape[1] else 0.0
            options["corrupt"] = partial(thin_counts, hidden=hidden)
        if "clipping" in added:
            # Documents of thousands of equal tokens would otherwise undo an epoch's
            # work.
            options["clip_norm"] = 30.0
        if "kl_warmup" not in added:
            options["kl_warmup"] = 0.0
        if "lr_schedule" not in added:
            options["constant_lr"] = True
        if "joint_updates" not in added:
            options["callbacks"].insert(0, Alternation())
        return options

    def _baseline(self, data, rows):
        """Return the frequencies of the words."""
        name, frequency = type(self).__name__, column_sums(data.X, rows)
        if data.X.nnz == 0:
            raise ValueError(
                f"{name} found no counts in X: all zeros. Do the words of the "
                "vectorizer occur in these texts?"
            )
        if not frequency.any():
            raise ValueError(
                f"{name} holds out all documents with counts for early stopping. Lower "
                f"`validation_fraction` (now {self.validation_fraction})."
            )
        return frequency / frequency.sum()

    def _health(self, sample, baseline):
        counts = sample.data.X
        tokens = column_sums(counts, np.arange(counts.shape[0]))
        bound = sample.reconstruction.sum() - sample.kl.sum()
        unigram = xlogy(tokens, baseline).sum()
        with np.errstate(all="ignore"):  # infinite, or NaN without tokens
            perplexities = np.exp(-np.array([bound, unigram]) / tokens.sum())
        # Whole counts may be fitted as badly as this, and get a warning.
        if np.isinf(perplexities[0]) and tokens.sum() < counts.nnz:
            raise ValueError(
                f"{type(self).__name__} ended with an infinite training perplexity: "
                f"{tokens.sum() / counts.shape[0]:.2g} tokens a document. Pass "
                "whole counts of words, not tiny fractions."
            )
        return {
            **super()._health(sample, baseline),
            "dead_topics": self._dead_topics(sample),
            "duplicate_topics": duplicate_topics(self.components_),
            "perplexity": float(perplexities[0]),
            "unigram_perplexity": float(perplexities[1]),
        }

    def _dead_topics(self, sample):
        return np.flatnonzero(sample.kl.mean(axis=0) <= ACTIVE).tolist()

    def score(self, X, y=None, *, covariates=None, embeddings=None):
        """Evidence lower bound per token, over all documents of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        y : ignored
            Not used.
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.

        Returns
        -------
        score : float
            In nats per token; larger is better. ``perplexity(X) == exp(-score(X))``.

        Raises
        ------
        ValueError
            If X has no counts, a negative one, or another width than in `fit`.
        """
        return self._bound_per_token(self._validate(X, covariates, embeddings))

    def perplexity(
        self,
        X,
        *,
        covariates=None,
        embeddings=None,
        bound="elbo",
        n_draws=None,
        average="token",
    ):
        """Upper bound of the perplexity of X; by default ``exp(-score(X))``.

        Both bounds include the prior: it is not the perplexity of the words alone at
        the codes inferred from them. Bounds of different families do not compare, see
        `skvae.metrics.document_completion_perplexity` for that.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        covariates : array-like, default=None
            As in `transform`.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            As in `transform`.
        bound : {"elbo", "importance"}, default="elbo"
            Which bound of a document's log-likelihood, see `score_samples`. Compare
            models by the same bound, with the same number of draws.
        n_draws : int, default=None
            Draws of the posterior, see `score_samples`.
        average : {"token", "document"}, default="token"
            "token" is exp(-sum of B_d / sum of N_d), "document" is
            exp(-mean of B_d / N_d), with B_d the bound in nats and N_d the number of
            tokens of document d. The latter leaves out documents without tokens; it is
            the one that Miao et al. (2016, 2017) report.

        Returns
        -------
        perplexity : float
            Guessing uniformly gets n_features, and
            `skvae.metrics.unigram_perplexity` is the baseline to beat.

        Raises
        ------
        ValueError
            If X has no counts, a negative one, or another width than in `fit`, if its
            counts are so small that the perplexity is infinite, or if an option is none
            of those above.
        """
        data = self._validate(X, covariates, embeddings)
        per_token = self._bound_per_token(data, bound, n_draws, average)
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(-per_token))
        if not np.isfinite(perplexity):
            raise ValueError(
                f"{type(self).__name__} finds an infinite perplexity of X: its bound "
                f"is {per_token:.3g} nats per token. Pass whole counts of words."
            )
        return perplexity

    def _bound_per_token(self, data, bound="elbo", n_draws=None, average="token"):
        if data.X.nnz == 0:
            raise ValueError(f"{type(self).__name__} cannot score X: it has no counts.")
        bounds = self._inference().bounds(data, bound, n_draws)
        with np.errstate(over="ignore"):
            mean = float(mean_per_token(bounds, row_sums(data.X), average))
        if not np.isfinite(mean):
            raise ValueError(
                f"{type(self).__name__} cannot score X: its counts are next to nothing."
            )
        return mean

    def _posterior_draws(self, X, n_draws, *, covariates=None, embeddings=None):
        """Codes drawn from q(z | x) of each document; (n_draws, n_samples, n_topics).

        The draws are the same in each call, and do not depend on the other documents.
        """
        data = self._validate(X, covariates, embeddings, scored=False)
        return self._inference().posterior_draws(data, n_draws)

    def components_given(self, covariates=None):
        """Word probabilities of each topic at given covariates.

        The words of a dimension of NVDM are those of a document with a code of 1 for it
        and 0 for the others. A document of several topics is no mixture of these: its
        words are raised and lowered after its topics are mixed.

        Parameters
        ----------
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all topics alike. By default none matters, as in `components_`: labels
            raise and lower nothing, numbers are at their means.

        Returns
        -------
        probabilities : ndarray of shape (n_components, n_features)
            Rows sum to one.

        Raises
        ------
        ValueError
            If the model was fitted without covariates, or with others.
        """
        check_is_fitted(self, "net_")
        if covariates is not None and hasattr(self, "covariate_average_"):
            raise ValueError(
                f"{type(self).__name__} was fitted with covariate_effects='topics': "
                "its words do not depend on covariates. Leave them out."
            )
        # ProdLDA looks words up in its purest documents.
        codes = getattr(self, "topic_proportions_", np.eye(self._n_features_out))
        if covariates is None:
            return self._inference().means(Data(codes))
        return self.inverse_transform(codes, covariates=covariates)

    def sample(self, n_samples=1, random_state=None, *, covariates=None):
        """Draw new documents: topics from the prior, then words from the topics.

        Parameters
        ----------
        n_samples : int, default=1
            Number of documents.
        random_state : int, RandomState instance or None, default=None
            Of topics and words. An int gives the same documents in each call.
        covariates : array-like, default=None
            As in `transform`: of each new document, or one for all.

        Returns
        -------
        X : CSR array of shape (n_samples, n_features)
            Counts. Numbers of tokens are Poisson with the mean of the training
            documents, `mean_length_`.
        """
        return super().sample(n_samples, random_state, covariates=covariates)

    def _draw(self, mean, rng):
        return draw_counts(mean, self.mean_length_, rng)

    @classmethod
    def _build_module(cls, config, generator):
        added = config["recipe"]
        preprocess = ScaledCounts() if "scaled_counts" in added else Counts()
        n_side = config["n_covariates"] + config["n_embedding_features"]
        n_in = config["n_features"] + preprocess.n_extra_features + n_side
        layers = config["hidden_layer_sizes"], config["activation"], config["dropout"]
        body = MLP(n_in, *layers, generator)
        encoder = GaussianEncoder(
            body,
            config["n_components"],
            generator,
            preprocess=preprocess,
            standardise="standardised_means" in added,
            n_embedding_features=config["n_embedding_features"],
        )
        decoder, link, prior_std = cls._build_decoder(config, generator)
        is_learnt = "learnt_prior" in added
        prior = GaussianPrior(config["n_components"], learnt=is_learnt, std=prior_std)
        n_effects = config["n_topic_covariates"]
        return VariationalAutoencoder(encoder, decoder, prior, link, n_effects)

    @staticmethod
    @abstractmethod
    def _build_decoder(config, generator):
        """Return decoder, link from latent codes to what users see, and prior std."""

    def _start(self, module, data, is_new):
        if not is_new:
            return
        tokens = column_sums(data.X, np.arange(data.X.shape[0]))
        if "word_frequencies" in self._added():
            # Words start at their overall frequency, smoothed by one token each.
            frequency = tokens + 1.0
            with np.errstate(all="ignore"):  # training reports it
                background = torch.from_numpy(np.log(frequency / frequency.sum()))
            with torch.no_grad():
                module.decoder.background.copy_(background)
        self.mean_length_ = float(tokens.sum() / data.X.shape[0])
        if data.covariates.shape[1] and self._covariate_effects == "topics":
            self.covariate_average_ = np.asarray(data.covariates.mean(axis=0)).ravel()

    def _set_fitted_attributes(self, module, sample):
        if module.decoder.covariate_components is not None:
            factors = module.decoder.covariate_components.cpu().numpy()
            if hasattr(self, "covariate_scale_"):  # of numbers in their own units
                factors = factors / self.covariate_scale_[:, None]
            self.covariate_components_ = factors

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
