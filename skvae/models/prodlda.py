"""Topics as a product of experts."""

from numbers import Real

import numpy as np
import torch

from skvae.models.proportions import BaseProportionsModel
from skvae.nn.topics import AnnealedSoftmax, ExpertsDecoder
from skvae.persistence import register
from skvae.training.data import document_frequencies
from skvae.utils.validation import Interval

# How far from the purest document to a topic alone its words are looked up.
PURER = 0.25


@register
class ProdLDATopicModel(BaseProportionsModel):
    """Products of experts: topics multiply where those of GSM and LDA add up.

    A document's topic proportions are the softmax of its scaled latent code z, its
    words are drawn from the softmax of the topics' weights, mixed in these proportions
    [1]_. A word that all of a document's topics favour is then more probable than under
    any of them alone. The prior starts as the normal approximation of a symmetric
    Dirichlet prior, and is learnt from there.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics.
    concentration : float, default=1.5
        Of the Dirichlet prior that proportions start from, once training has cooled
        down: they begin as under one of 1/16, and reach it after a quarter of training.
        1 is the one of the paper. The less, the fewer topics a document has: these are
        clearer, and predict words less well.
    init : {"clusters", "random"} or array-like of shape (n_components, n_features), \
default="clusters"
        How topics are initialized. "clusters" clusters the documents passed to `fit` by
        the codes of a briefly trained `NVDMTopicModel` and, if given, by their
        embeddings, as `ClusterTopicModel` does. Each topic starts at the words of a
        cluster, whose documents are held to it as strongly as three of their tokens
        would. "random" starts from random weights. An array gives the word weights of
        each topic, for example `components_` of an earlier fit, NMF or LDA, with the
        same words in the same columns as X.
        With "clusters", `partial_fit` starts from random weights because it sees only
        part of the documents. With `warm_start`, later fits continue from the current
        topics.
    covariate_effects : {"words", "topics", "both"}, default="words"
        What covariates passed to `fit` change: how probable words are (called content
        covariates in structural topic models), how much documents have of each topic
        (prevalence covariates, [3]_), or both. With "topics", documents without
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
    dropout : float in [0, 1), default=0.1
        Share of the hidden units that are dropped in training.
    lr : float, default=1.5e-2
        Largest learning rate of Adam. The rate rises to it over the first tenth of
        training, then falls along a cosine.
    max_epochs : int, default=80
        Number of passes over the data, and the horizon of learning rate and KL
        warm-up.
    batch_size : int, default=512
        Rows in a training step. Larger batches make faster epochs; raise `lr` with
        their square root.
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
        Word probabilities of each topic: of a document with the proportions
        `topic_proportions_`. Rows sum to one. The weights that are mixed are of
        arbitrary scale for each word and are not shown.
    topic_proportions_ : ndarray of shape (n_components, n_components)
        For each topic, the proportions of the document that has most of it, of up to
        4,096 training documents, a quarter of the way to the topic alone. The whole way
        may lead far beyond what training has seen, to rare words.
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
    GSMTopicModel : Topics that are distributions over words.
    skvae.inspection.top_words : The topics in words.

    Notes
    -----
    As in the paper, batch norm without a learnt scale standardises the mixed weights of
    each word, with a learnt offset: to unit variance as there, but for words of few
    documents, whose variance is mostly noise and is shrunk. Inference uses running
    statistics, so that a document's result does not depend on those beside it. With
    `partial_fit`, a word's documents are the most that a call has had. Beyond the
    paper, the prior's mean and variance are learnt, the posterior means are
    standardised without an offset, which a learnt prior mean makes up for, and in
    training the encoder sees a random part of each document's tokens. Dropout acts on
    the encoder alone. Proportions are sharp at first, which gives topics a theme each;
    without it they are arbitrary where there are many, though they predict words as
    well.

    References
    ----------
    .. [1] Srivastava, A. and Sutton, C. (2017). Autoencoding variational inference for
       topic models. ICLR.
       https://arxiv.org/abs/1703.01488
    .. [2] Card, D., Tan, C. and Smith, N. A. (2018). Neural models for documents with
       metadata. ACL.
       https://arxiv.org/abs/1705.09296
    .. [3] Roberts, M. E., Stewart, B. M. and Airoldi, E. M. (2016). A model of text
       for experimentation in the social sciences. Journal of the American Statistical
       Association, 111, 988-1003.
       https://doi.org/10.1080/01621459.2016.1141684

    Examples
    --------
    >>> from skvae import ProdLDATopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = ProdLDATopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> proportions = model.transform(X)
    >>> proportions.shape, bool((abs(proportions.sum(axis=1) - 1) < 1e-9).all())
    ((200, 3), True)
    """

    _parameter_constraints: dict = {
        **BaseProportionsModel._parameter_constraints,
        "concentration": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        n_components=10,
        *,
        concentration=1.5,
        init="clusters",
        covariate_effects="words",
        embedding_columns=None,
        hidden_layer_sizes=(256,),
        activation="relu",
        dropout=0.1,
        lr=1.5e-2,
        max_epochs=80,
        batch_size=512,
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
        self.concentration = concentration
        self.init = init
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

    def _config(self, data):
        return {**super()._config(data), "concentration": float(self.concentration)}

    @staticmethod
    def _build_decoder(config, generator):
        n_components = config["n_components"]
        decoder = ExpertsDecoder(
            config["n_features"], n_components, generator, config["n_word_covariates"]
        )
        # Laplace's approximation in the basis of the softmax, but for the scale of the
        # proportions; for one topic, whose share is always 1, any prior will do.
        variance = 1 - 1 / n_components if n_components > 1 else 1.0
        return decoder, AnnealedSoftmax(config["concentration"]), variance**0.5

    def _start(self, module, data, is_new):
        super()._start(module, data, is_new)
        decoder = module.decoder
        spread = torch.from_numpy(decoder.spread_of(document_frequencies(data.X)))
        with torch.no_grad():  # documents of a later call may add to it
            if is_new:
                decoder.spread.zero_()
            decoder.spread.clamp_(min=spread.to(decoder.spread))

    def _set_fitted_attributes(self, module, sample):
        super()._set_fitted_attributes(module, sample)
        purest = sample.codes[sample.codes.argmax(axis=0)]
        alone = np.eye(len(purest))
        self.topic_proportions_ = purest + PURER * (alone - purest)
        proportions = torch.from_numpy(self.topic_proportions_)
        proportions = proportions.to(module.decoder.topics)
        self.components_ = module.decoder(proportions).mean.cpu().numpy()
