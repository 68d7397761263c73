"""Gaussian softmax topics: documents as mixtures of topics."""

import warnings
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_array

from skvae.models.proportions import BaseProportionsModel
from skvae.models.seed_words import SeedWords, feature_names
from skvae.models.topics import numbered_topics
from skvae.nn.objective import topic_overlap, topic_prior_loss
from skvae.nn.topics import TOPIC_CONSTRUCTIONS, TopicMixtureDecoder
from skvae.persistence import register
from skvae.training.callbacks import TopicAngles, TopicIncoherence
from skvae.utils.validation import Interval, StrOptions

# Rows in a step: at least so many, usually, and twice as many where there are many
# words, in so many steps an epoch.
MIN_BATCH, BATCH, MANY_WORDS, MIN_STEPS = 32, 512, 20_000, 8
# Nats for a radian of the mean angle between topics' vectors, less its variance, which
# the paper's model pays.
ANGLES = 0.1


@register
class GSMTopicModel(BaseProportionsModel):
    """Gaussian softmax topic model: documents are mixtures of topics.

    A document's topic proportions are the softmax of a linear map of its latent code z,
    which has a diagonal normal prior with learnt mean and variance. A topic's word
    probabilities are the softmax of the products of its embedding with those of the
    words, plus a background that all topics share. An encoder network infers the
    posterior of z from the word counts [1]_.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics.
    init : {"clusters", "random"} or array-like of shape (n_components, n_features), \
default="clusters"
        How topics are initialized. "clusters" clusters the documents passed to `fit` by
        the codes of a briefly trained `NVDMTopicModel` and, if given, by their
        embeddings, as `ClusterTopicModel` does. Each topic starts at the words of a
        cluster, whose documents are held to it as strongly as three of their tokens
        would. "random" starts from random weights. An array gives the word weights of
        each topic, for example `components_` of an earlier fit, NMF or LDA, with the
        same words in the same columns as X. Seed words take precedence for their
        topics.
        With "clusters", `partial_fit` starts from random weights because it sees only
        part of the documents. With `warm_start`, later fits continue from the current
        topics.
    recipe : {"skvae", "paper"} or list of str, default="skvae"
        What the model has beyond the paper's [1]_: all that skvae adds; nothing; or
        what is named of "clipping" (of gradients), "joint_updates" (of encoder and
        decoder, in place of one in every other epoch), "kl_warmup", "learnt_prior" (in
        place of N(0, I)), "lr_schedule" (in place of a constant `lr`), "scaled_counts"
        (for the encoder, in place of counts), "init" (in place of random topics),
        "standardised_means" (of the posteriors), "thinning" (of the tokens that the
        encoder sees), "topic_coherence", "topic_separation" (in place of the paper's
        reward of angles between topics' vectors), "topic_word_prior" and
        "word_frequencies" (a background of topics).
        Parameters with the name of what is left out do not count.
    topic_construction : {"softmax", "stick-breaking", "recurrent"}, default="softmax"
        How the code z becomes topic proportions: the softmax of W z + b (GSM); a stick
        broken at sigmoid(W z + b), topic by topic (GSB); or at sigmoid(W z), with rows
        of W that a recurrent network makes one after the other (RSB) [1]_. Sticks start
        broken into equal pieces.
    topic_separation : float, default=0.01
        Weight of a penalty on topics that share their most probable words: nats per
        token for each unit of cosine similarity that a topic has to all others
        together. 0 is the plain bound; more gives topics that differ more and predict
        words a little less well.
    topic_word_prior : float, default=0.1
        Concentration of a symmetric Dirichlet prior of each topic's word probabilities,
        as of `LatentDirichletAllocation`: that many tokens of every word in every
        topic, which matter the less, the more documents there are. It keeps words that
        are seen in few documents from ruling topics. 0 is the plain bound.
        `partial_fit` takes the documents of a call for all: divide by the number of
        calls that make up the corpus.
    topic_coherence : float, default=0.1
        Weight of a reward for topics whose most probable words occur together in the
        documents of the fit: nats per token for each unit of their NPMI, see
        `skvae.metrics.npmi_coherence`. 0 is the plain bound.
    seed_words : dict of str to list of str, or list of list of str, default=None
        Words of topics that there are to be, by the topics' names or without. These
        topics come first; they begin with what documents with their words are about,
        and are held near it. Of a word that X has not a warning tells.
    seed_weight : float, default=1.0
        How much seed words count: a token of one as `seed_weight` times 2 tokens of a
        document that are known to be of its topic, and what documents with seed words
        are about as `seed_weight` times a quarter of the tokens that a topic has on
        average. At 0 topics begin there, and then go their own ways.
    feature_names : array-like of shape (n_features,), default=None
        The words of the columns of X, if X has no names itself, for `seed_words` and
        `word_embeddings` that go by words: get_feature_names_out() of the vectorizer.
        `skvae.inspection` then knows them too, of models that are loaded as well.
    embedding_size : int, default=100
        Size of word and topic embeddings. Ignored if `word_embeddings` are given.
    word_embeddings : array-like, mapping or gensim KeyedVectors, default=None
        Pretrained vectors of the words: an array of shape (n_features, size) in the
        order of the columns of X; or, if these have names, the vectors by words. A
        DataFrame with words as its index is one of vectors by words.
        Words without a vector then start from zeros, and `n_matched_words_` tells how
        many have one. By default they are learnt from scratch. Training that goes on
        does not look at them again.
    train_word_embeddings : bool, default=True
        Whether training changes the word embeddings.
    covariate_effects : {"words", "topics", "both"}, default="words"
        What covariates passed to `fit` change: how probable words are (called content
        covariates in structural topic models), how much documents have of each topic
        (prevalence covariates, [6]_), or both. With "topics", documents without
        covariates are transformed as if they had average ones.
    embedding_columns : slice, array-like or callable, default=None
        Columns of X that are not data but embeddings for the encoder alone, where
        `embeddings` are not passed beside X, as those that a FeatureUnion puts behind
        word counts: ``slice(-512, None)``; numbers, names or a mask; or a function of X
        that returns them, as `sklearn.compose.make_column_selector` makes.
    hidden_layer_sizes : int or tuple of int, default=(256,)
        Widths of the encoder's hidden layers.
    activation : {"elu", "gelu", "relu", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers.
    dropout : float in [0, 1), default=0.0
        Share of the hidden units that are dropped in training.
    lr : float, default=1.5e-2
        Largest learning rate of Adam. The rate rises to it over the first tenth of
        training, then falls along a cosine.
    max_epochs : int, default=30
        Number of passes over the data, and the horizon of learning rate and KL
        warm-up.
    batch_size : int or "auto", default="auto"
        Rows in a training step. Larger batches make faster epochs; raise `lr` with
        their square root. "auto" is 512, or half of the rows if they are fewer than
        1,024, but at least 32. If there are more than 20,000 words, over whose weights
        each step goes, and at least 8,192 rows, it is 1,024, and `lr` counts as 1.4
        times as large.
    kl_warmup : float in [0, 1], default=0.5
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
        0 prints nothing, 1 shows a progress bar on standard error, 2 prints a line for
        each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines weights, order of rows and noise. An int gives the same model on
        the same machine with the same number of threads. torch's global generator is
        never used.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Word probabilities of each topic; rows sum to one.
    word_embeddings_ : ndarray of shape (n_features, embedding_size)
        Vectors of the words, in the scale of `word_embeddings` if these were given.
    topic_embeddings_ : ndarray of shape (n_components, embedding_size)
        Vectors of the topics; the logits of a topic's words are their products with
        those of the words, plus the background.
    topic_names_ : ndarray of str of shape (n_components,)
        Names of the topics, if `seed_words` names some: then those of the output.
    n_matched_words_ : int
        Number of words that have a vector in `word_embeddings`, if these go by words.
    covariate_values_ : ndarray of shape (n_covariates,)
        Values of the labels that `fit` was given as `covariates`, sorted.
    covariate_mean_, covariate_scale_ : ndarrays of shape (n_covariates,)
        What numbers that `fit` was given as `covariates` are standardised by.
    covariate_average_ : ndarray of shape (n_covariates,)
        Average covariates, encoded, with ``covariate_effects="topics"``.
    covariate_names_ : ndarray of shape (n_covariates,)
        Names of their columns, if they came in a DataFrame.
    covariate_components_ : ndarray of shape (n_covariates, n_features)
        Nats that each covariate adds to the log-probability of a word, before all are
        normalised, after a fit with `covariates` [2]_.
    embedding_names_ : ndarray of shape (n_embedding_features,)
        Names of the columns of `embeddings`, if they came in a DataFrame.
    mean_length_ : float
        Mean number of tokens of the documents that training began with, for `sample`.
    n_iter_ : int
        Number of epochs trained so far.
    history_ : DataFrame of shape (`n_iter_`, 3 or 4)
        Means over the rows for each epoch, in nats: "loss" (what training minimises),
        "reconstruction" (log-likelihood), "kl", and "validation_loss" with early
        stopping.
    health_ : dict
        How training went:

        - "best_epoch": the epoch whose weights are kept.
        - "active_units": number of latent units with a KL term of more than 0.01 nats,
          on up to 4,096 training documents; "kl_per_unit": that term.
        - "dead_topics": topics that no document has more of than an equal
          share.
        - "duplicate_topics": pairs of topics that share 8 of their 10 top words.
        - "perplexity": by the bound, of up to 4,096 training documents;
          "unigram_perplexity": theirs by word frequencies alone.
    net_ : skorch.NeuralNet
        The trained net; its module is ``net_.module_``.
    n_features_in_ : int
        Number of features seen in `fit`, without columns of embeddings.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are strings.

    See Also
    --------
    NVDMTopicModel : More flexible, without topic proportions.
    skvae.inspection.top_words : The topics in words.

    Notes
    -----
    Beyond the paper, topics start from clusters of documents, the prior's mean and
    variance are learnt, the posterior means are standardised over each batch, which
    keeps units from collapsing, in training the encoder sees a random part of each
    document's tokens, topics share a background, their words have a prior [4]_, they
    pay for their overlap and are paid for coherence
    [3]_. Seed words are observed topics of tokens [5]_, and make informed priors of
    topics' words: around those that are specific to documents with the seeds.
    With ``recipe="paper"`` there is nothing of this but seed words, where they are
    given; the angles between topics' vectors are rewarded as in the paper.

    References
    ----------
    .. [1] Miao, Y., Grefenstette, E. and Blunsom, P. (2017). Discovering discrete
       latent topics with neural variational inference. ICML.
       https://arxiv.org/abs/1706.00359
    .. [2] Card, D., Tan, C. and Smith, N. A. (2018). Neural models for documents with
       metadata. ACL.
       https://arxiv.org/abs/1705.09296
    .. [3] Li, R., Gonzalez-Pizarro, F., Xing, L., Murray, G. and Carenini, G. (2023).
       Diversity-aware coherence loss for improving neural topic models. ACL.
       https://aclanthology.org/2023.acl-short.145/
    .. [4] MacKay, D. J. C. (1998). Choice of basis for Laplace approximation. Machine
       Learning, 33, 77-86.
       https://doi.org/10.1023/A:1007558615313
    .. [5] Andrzejewski, D. and Zhu, X. (2009). Latent Dirichlet allocation with
       topic-in-set knowledge. NAACL workshop on semi-supervised learning.
    .. [6] Roberts, M. E., Stewart, B. M. and Airoldi, E. M. (2016). A model of text
       for experimentation in the social sciences. Journal of the American Statistical
       Association, 111, 988-1003.
       https://doi.org/10.1080/01621459.2016.1141684

    Examples
    --------
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> proportions = model.transform(X)
    >>> bool((abs(proportions.sum(axis=1) - 1) < 1e-9).all())
    True
    >>> model.components_.shape
    (3, 50)
    """

    _parameter_constraints: dict = {
        **BaseProportionsModel._parameter_constraints,
        "batch_size": [
            StrOptions({"auto"}),
            *BaseProportionsModel._parameter_constraints["batch_size"],
        ],
        "recipe": [StrOptions({"skvae", "paper"}), list, tuple],
        "topic_construction": [StrOptions(set(TOPIC_CONSTRUCTIONS))],
        "topic_separation": [Interval(Real, 0, None, closed="left")],
        "topic_word_prior": [Interval(Real, 0, None, closed="left")],
        "topic_coherence": [Interval(Real, 0, None, closed="left")],
        "seed_words": [dict, list, tuple, None],
        "seed_weight": [Interval(Real, 0, None, closed="left")],
        "feature_names": ["array-like", None],
        "embedding_size": [Interval(Integral, 1, None, closed="left")],
        "word_embeddings": ["array-like", None],
        "train_word_embeddings": ["boolean"],
    }

    _additions = tuple(
        sorted(
            {
                *BaseProportionsModel._additions,
                "topic_coherence",
                "topic_separation",
                "topic_word_prior",
            }
        )
    )

    def __init__(
        self,
        n_components=10,
        *,
        init="clusters",
        recipe="skvae",
        topic_construction="softmax",
        topic_separation=0.01,
        topic_word_prior=0.1,
        topic_coherence=0.1,
        seed_words=None,
        seed_weight=1.0,
        feature_names=None,
        embedding_size=100,
        word_embeddings=None,
        train_word_embeddings=True,
        covariate_effects="words",
        embedding_columns=None,
        hidden_layer_sizes=(256,),
        activation="relu",
        dropout=0.0,
        lr=1.5e-2,
        max_epochs=30,
        batch_size="auto",
        kl_warmup=0.5,
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
        self.init = init
        self.recipe = recipe
        self.topic_construction = topic_construction
        self.topic_separation = topic_separation
        self.topic_word_prior = topic_word_prior
        self.topic_coherence = topic_coherence
        self.seed_words = seed_words
        self.seed_weight = seed_weight
        self.feature_names = feature_names
        self.embedding_size = embedding_size
        self.word_embeddings = word_embeddings
        self.train_word_embeddings = train_word_embeddings
        self.covariate_effects = covariate_effects
        self.embedding_columns = embedding_columns
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

    def _training_options(self, data):
        options, added = super()._training_options(data), self._added()
        n_samples, n_features = data.X.shape
        if self.batch_size == "auto":
            twice = n_features > MANY_WORDS and n_samples >= MIN_STEPS * 2 * BATCH
            half = max(MIN_BATCH, -(-n_samples // 2))  # one step an epoch is too few
            options["batch_size"] = min(BATCH * (1 + twice), half)
            options["lr"] *= (1 + twice) ** 0.5
        if "topic_separation" in added:
            penalties = [(self.topic_separation, topic_overlap)]
        else:
            angles = TopicAngles()
            penalties = [(ANGLES, angles)]
            options["callbacks"].insert(0, angles)
        if "topic_word_prior" in added:
            penalties.append((self.topic_word_prior / n_samples, topic_prior_loss))
        if "topic_coherence" in added and self.topic_coherence:
            incoherence = TopicIncoherence()
            penalties.append((self.topic_coherence, incoherence))
            options["callbacks"].insert(0, incoherence)
        if self.feature_names is not None:
            feature_names(self, n_features)  # which checks them
        if self.seed_words is not None:
            seeds = SeedWords(self, data.X)
            penalties += seeds.penalties
            options["callbacks"].insert(0, seeds)
        return {**options, "penalties": penalties}

    def _config(self, data):
        size = self.embedding_size
        if self.word_embeddings is not None:
            size = self._pretrained(data.X.shape[1])[0].shape[1]
        return {
            **super()._config(data),
            "topic_construction": self.topic_construction,
            "embedding_size": int(size),
            "train_word_embeddings": bool(self.train_word_embeddings),
        }

    @staticmethod
    def _build_decoder(config, generator):
        n_components = config["n_components"]
        decoder = TopicMixtureDecoder(
            config["n_features"],
            n_components,
            config["embedding_size"],
            config["train_word_embeddings"],
            generator,
            config["n_word_covariates"],
            "word_frequencies" in config["recipe"],
        )
        construction = config["topic_construction"]
        if n_components == 1:  # a stick in one piece is not broken
            construction = "softmax"
        link = TOPIC_CONSTRUCTIONS[construction](n_components, generator)
        return decoder, link, 1.0

    def _start(self, module, data, is_new):
        if is_new and self.word_embeddings is not None:
            self._start_word_embeddings(module, data)
        super()._start(module, data, is_new)

    def _start_word_embeddings(self, module, data):
        n_words = data.X.shape[1]
        vectors, n_matched = self._pretrained(n_words)
        with torch.no_grad():
            module.decoder.start_from(torch.from_numpy(vectors))
        if n_matched is not None:
            self.n_matched_words_ = n_matched
            if 2 * n_matched < n_words:
                warnings.warn(
                    f"word_embeddings of {type(self).__name__} has {n_matched} of the "
                    f"{n_words} words of X; the others start from zeros."
                )

    def _arranged(self, net, topics, memberships):
        """Seeded topics come first, and have clusters like them in their places."""
        callbacks = [callback for _, callback in net.callbacks_]
        seeds = [cb for cb in callbacks if isinstance(cb, SeedWords)]
        if not seeds:
            return topics, memberships
        themes = seeds[0].themes
        _, alike = linear_sum_assignment(-np.sqrt(themes) @ np.sqrt(topics).T)
        others = np.delete(np.arange(len(topics)), alike)
        arranged = np.zeros_like(memberships)  # seed words tell the first topics' own
        arranged[:, len(themes) : len(themes) + len(others)] = memberships[:, others]
        return np.vstack([themes, topics[others]]), arranged

    def _set_fitted_attributes(self, module, sample):
        super()._set_fitted_attributes(module, sample)
        decoder = module.decoder
        self.components_ = decoder.topics().cpu().numpy()
        scale = decoder.scale.cpu().numpy()
        self.word_embeddings_ = decoder.word_embeddings.cpu().numpy() * scale
        self.topic_embeddings_ = decoder.topic_embeddings.cpu().numpy() / scale
        self.__dict__.pop("topic_names_", None)
        if isinstance(self.seed_words, Mapping):
            names = numbered_topics(len(self.components_))
            names[: len(self.seed_words)] = list(self.seed_words)
            self.topic_names_ = names

    def _params_to_save(self):
        vectors, words = None, self.feature_names
        if self.word_embeddings is not None:
            vectors, _ = self._pretrained(self.n_features_in_)
        if words is not None:
            words = np.asarray(words, dtype=object)
        return {
            **super()._params_to_save(),
            "word_embeddings": vectors,
            "feature_names": words,
        }

    def _pretrained(self, n_features):
        """Return `word_embeddings` as a checked array, and how many words have some.

        The latter is None if the vectors do not come by words.
        """
        vectors, n_matched = self.word_embeddings, None
        if isinstance(vectors, pd.DataFrame):
            if all(isinstance(word, str) for word in vectors.index):
                vectors = dict(zip(vectors.index, vectors.to_numpy()))
        if isinstance(vectors, Mapping) or hasattr(vectors, "key_to_index"):
            vectors, n_matched = self._vectors_by_word(vectors)
        vectors = check_array(
            vectors,
            dtype=np.float64,
            order="C",
            copy=True,
            input_name="word_embeddings",
        )
        if len(vectors) != n_features:
            raise ValueError(
                f"word_embeddings has {len(vectors)} rows, but X has {n_features} "
                "features. Give one vector for each column of X, in its order."
            )
        return vectors, n_matched

    def _vectors_by_word(self, vectors):
        """Return vectors of the features, zeros if there are none, and for how many."""
        name = type(self).__name__
        words = feature_names(self, self.n_features_in_)
        if words is None:
            raise ValueError(
                f"{name} was given word_embeddings by words, but X has no feature "
                "names. Pass feature_names=vectorizer.get_feature_names_out()."
            )
        found = {w: np.ravel(vectors[w]) for w in words if w in vectors}
        if not found:
            first = ", ".join(map(repr, words[:3]))
            raise ValueError(
                f"word_embeddings of {name} has none of the {len(words)} words of X, "
                f"such as {first}. Do they differ in case or accents?"
            )
        sizes = {len(vector) for vector in found.values()}
        if len(sizes) > 1:
            raise ValueError(
                f"word_embeddings of {name} has vectors of the sizes {sorted(sizes)}. "
                "Give all words vectors of one size."
            )
        zeros = np.zeros(sizes.pop())
        return np.array([found.get(word, zeros) for word in words]), len(found)
