"""The neural variational document model."""

from skvae.models.topics import BaseTopicModel
from skvae.nn.topics import LogLinearDecoder
from skvae.persistence import register
from skvae.utils.validation import StrOptions


@register
class NVDMTopicModel(BaseTopicModel):
    """Neural variational document model: a log-linear topic model with latent factors.

    Each document has a code z in the latent space, with a diagonal normal prior whose
    mean and variance are learnt, and its words are drawn from softmax(W z + b). An
    encoder network infers the posterior of z from the word counts [1]_. With
    thousands of documents it predicts held-out words better than models that mix
    topics, but its components may be negative and are not distributions over words, for
    that see `GSMTopicModel`.

    Parameters
    ----------
    n_components : int, default=10
        Number of latent dimensions.
    recipe : {"skvae", "paper"} or list of str, default="skvae"
        What the model has beyond the paper's [1]_: all that skvae adds; nothing; or
        what is named of "clipping" (of gradients), "joint_updates" (of encoder and
        decoder, in place of one in every other epoch), "kl_warmup", "learnt_prior" (in
        place of N(0, I)), "lr_schedule" (in place of a constant `lr`), "scaled_counts"
        (for the encoder, in place of counts), "standardised_means" (of the posteriors),
        "thinning" (of the tokens that the encoder sees) and "word_frequencies" (where
        the decoder starts). Without "kl_warmup" the parameter of this name does not
        count.
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
    lr : float, default=1.4e-2
        Largest learning rate of Adam. The rate rises to it over the first tenth of
        training, then falls along a cosine.
    max_epochs : int, default=30
        Number of passes over the data, and the horizon of learning rate and KL
        warm-up.
    batch_size : int, default=256
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
        Decoder weights: how much a latent dimension raises the logit of a word.
    covariate_values_ : ndarray of shape (n_covariates,)
        Values of the labels that `fit` was given as `covariates`, sorted.
    covariate_mean_, covariate_scale_ : ndarrays of shape (n_covariates,)
        What numbers that `fit` was given as `covariates` are standardised by.
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
        - "dead_topics": inactive units.
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
    skvae.metrics.document_completion_perplexity : Compare with LDA and NMF.

    Notes
    -----
    Beyond the paper, the prior's mean and variance are learnt, the posterior means are
    standardised over each batch, which keeps dimensions from collapsing, and in
    training the encoder sees a random part of each document's tokens. With
    ``recipe="paper"`` there is nothing of this.

    References
    ----------
    .. [1] Miao, Y., Yu, L. and Blunsom, P. (2016). Neural variational inference for
       text processing. ICML.
       https://arxiv.org/abs/1511.06038
    .. [2] Card, D., Tan, C. and Smith, N. A. (2018). Neural models for documents with
       metadata. ACL.
       https://arxiv.org/abs/1705.09296

    Examples
    --------
    >>> from skvae import NVDMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = NVDMTopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 3)
    >>> model.perplexity(X) < 50  # 50 is what guessing uniformly gets
    True
    """

    _parameter_constraints: dict = {
        **BaseTopicModel._parameter_constraints,
        "recipe": [StrOptions({"skvae", "paper"}), list, tuple],
    }

    def __init__(
        self,
        n_components=10,
        *,
        recipe="skvae",
        embedding_columns=None,
        hidden_layer_sizes=(256,),
        activation="relu",
        dropout=0.0,
        lr=1.4e-2,
        max_epochs=30,
        batch_size=256,
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
        self.recipe = recipe
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

    @staticmethod
    def _build_decoder(config, generator):
        shape = config["n_features"], config["n_components"]
        decoder = LogLinearDecoder(*shape, generator, config["n_word_covariates"])
        return decoder, None, 1.0

    def _set_fitted_attributes(self, module, sample):
        super()._set_fitted_attributes(module, sample)
        self.components_ = module.decoder.output.weight.cpu().numpy()
