"""Topics from clusters of documents."""

from numbers import Integral

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from skvae.models.health import nothing_learned, warn_of_problems
from skvae.models.meta import MetaTopicModel
from skvae.models.nvdm import NVDMTopicModel
from skvae.models.seed_words import specific_words
from skvae.models.side_data import check_embeddings, split_embeddings
from skvae.persistence import register
from skvae.training.data import row_sums
from skvae.utils.validation import (
    HasMethods,
    Interval,
    check_parameters,
    draft_of,
    invalid_parameter,
)

__all__ = ["ClusterTopicModel"]

# Number of codes that count as evidence for proportions. If all did, documents would
# have one topic each, and words would be predicted worse: codes share their errors.
DIMENSIONS = 10
# Principal components of embeddings, if there are fewer codes: more sort short texts
# better, but long texts worse if the embeddings are poor.
MIN_COMPONENTS = 30
# Documents that normal distributions are fitted to; the others join them.
N_SAMPLE = 3000
# What `find_topics` trains on at most, at least and in all.
MAX_DOCUMENTS, MIN_EPOCHS, MAX_EPOCHS, N_ROWS = 50_000, 3, 40, 60_000
# Least variance of codes of unit length, as of GaussianMixture.
LEAST_VARIANCE = 1e-6
# Tokens of all documents that may smooth a topic's. More might predict documents of
# one topic better, but not mixtures of topics. The last number hides the topic.
SMOOTHING = [4.0**power for power in range(6)] + [4.0**30]
# Weight in the components of what all of a cluster's documents have, for the words
# that are not specific: they keep an order.
REST = 1e-3


@register
class ClusterTopicModel(MetaTopicModel):
    """Topics as clusters of documents to which a model gives similar codes.

    The model is fitted to the word counts, and a clusterer to its codes, each scaled to
    unit length. Topics are the words specific to each cluster: they are estimated, by
    expectation maximization, as the part of its words that the words of all documents
    do not explain [1]_; each word counts once per document. With embeddings, documents
    are clustered by the principal components of these as well: as many components as
    code dimensions, but at least 30.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics. Ignored if `clusterer` is given.
    embedding_columns : slice, array-like or callable, default=None
        Columns of X that hold embeddings rather than counts, if `embeddings` are not
        passed separately: for example ``slice(-512, None)`` after a FeatureUnion;
        numbers, names, a mask, or a function of X that returns them.
    estimator : transformer, default=None
        Maps counts to codes, dense rows of numbers: one of skvae's models, or any
        other. None is `NVDMTopicModel` with as many dimensions as topics.
    clusterer : clusterer, default=None
        Has `fit_predict`, with labels from 0 on, or -1 for documents of no cluster.
        None is `GaussianMixture` with one covariance for all components. It starts from
        k-means, is fitted to up to 3,000 documents, and then assigns all of them.
    random_state : int, RandomState instance or None, default=None
        Seed of the default estimator and clusterer; those that you pass use their own.

    Attributes
    ----------
    components_ : ndarray of shape (n_topics, n_features)
        Probabilities of the words that are specific to each topic; rows sum to one.
        Those of all of its documents' words are `word_probabilities_`.
    word_probabilities_ : ndarray of shape (n_topics, n_features)
        Word probabilities of the clusters' documents, smoothed by `smoothing_` tokens
        of the words of all documents.
    smoothing_ : float
        Power of 4, up to 1,024, that predicts documents best from the others in their
        clusters [2]_.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training document, -1 for none. Documents without words take no
        part in clustering.
    cluster_centers_ : ndarray of shape (n_topics, n_codes)
        Mean of the documents' codes of unit length; after a fit with embeddings, of
        principal components of unit length too, which follow them.
    covariance_ : ndarray of shape (n_codes, n_codes)
        Covariance of codes of unit length within clusters, by Ledoit and Wolf.
    shares_ : ndarray of shape (n_topics,)
        Share of the documents that each cluster has, of those in any.
    projection_ : PCA or None
        Of the embeddings, if there were any.
    health_ : dict
        "perplexity": of each training document by the others in its cluster;
        "unigram_perplexity": by word frequencies alone. Clusters of few short texts may
        look better than they are: their documents were chosen for shared words.
    estimator_ : estimator
        The fitted model of the counts.
    clusterer_ : estimator
        The fitted clusterer.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are strings.

    See Also
    --------
    GSMTopicModel : Topics and proportions in one probabilistic model.
    skvae.metrics.label_alignment : How topics agree with labels.

    Notes
    -----
    NVDM's dimensions are not topics, but similar documents have similar codes.
    Assignments are sharper than the proportions of a topic model: most documents have
    one topic. For documents about several, or to predict words, use `GSMTopicModel` or
    `NVDMTopicModel`.

    References
    ----------
    .. [1] Hiemstra, D., Robertson, S. and Zaragoza, H. (2004). Parsimonious language
       models for information retrieval. SIGIR.
    .. [2] Zhai, C. and Lafferty, J. (2002). Two-stage language models for information
       retrieval. SIGIR.

    Examples
    --------
    >>> from skvae import ClusterTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = ClusterTopicModel(3, random_state=0).fit(X)
    >>> model.transform(X).shape, model.labels_.shape, model.components_.shape
    ((200, 3), (200,), (3, 50))
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "embedding_columns": [slice, "array-like", callable, None],
        "estimator": [HasMethods(["fit", "transform"]), None],
        "clusterer": [HasMethods(["fit_predict"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=10,
        *,
        embedding_columns=None,
        estimator=None,
        clusterer=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.embedding_columns = embedding_columns
        self.estimator = estimator
        self.clusterer = clusterer
        self.random_state = random_state

    def fit(self, X, y=None, *, covariates=None, embeddings=None):
        """Fit the model to X, cluster its codes, and find the words of the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        y : ignored
            Not used.
        covariates : array-like, default=None
            Covariates of the documents, for the estimator.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            A vector for each document, such as a sentence encoder returns. Documents
            are clustered by these too; the estimator does not see them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the input is unusable, or if no document is in a cluster.

        Warns
        -----
        ConvergenceWarning
            If documents say no more about others in their cluster than word frequencies
            do, see `health_`.
        """
        check_parameters(self)
        draft = draft_of(self)
        draft._fit(X, covariates, embeddings)
        warn_of_problems(draft)
        self.__dict__ = draft.__dict__
        return self

    def _fit(self, X, covariates, embeddings):
        if getattr(self.estimator, "embedding_columns", None) is not None:
            must = "have no embedding_columns: set those of ClusterTopicModel"
            raise invalid_parameter(self, "estimator", must)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        estimator, clusterer = self._parts(seed)
        X, covariates, embeddings = self._check_data(
            estimator, X, covariates, embeddings, reset=True
        )
        if (n_samples := np.count_nonzero(row_sums(X))) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two documents with words, but found "
                f"n_samples={n_samples} of them. Do the words of the vectorizer "
                "occur in the texts?"
            )
        if self.estimator is None:
            # Without its warnings: `_problems` has those of clusters.
            estimator = estimator._trained(
                X, covariates.get("covariates"), None, resume=False
            )
        else:
            estimator.fit(X, **covariates)
        codes = estimator.transform(X, **covariates)
        self.estimator_ = estimator
        _, tokens = self._cluster(clusterer, X, codes, embeddings)
        self._smooth(X, tokens)

    def _cluster(self, clusterer, X, codes, embeddings):
        """Cluster documents; return their codes and embeddings, and topics' tokens."""
        from sklearn.covariance import ledoit_wolf  # late, since it takes long

        self.projection_ = None
        if embeddings is not None:
            self.projection_ = projection_of(embeddings, codes.shape[1])
        has_words = row_sums(X) > 0
        codes = self._directions(codes, has_words, embeddings)
        labels = np.full(len(codes), -1)
        with config_context(array_api_dispatch=False):  # codes are NumPy's
            if self.clusterer is None:
                found = self._normal_clusters(clusterer, codes[has_words])
            else:
                found = np.asarray(clusterer.fit_predict(codes[has_words]))
        if found.shape != (has_words.sum(),) or found.dtype.kind not in "iu":
            raise ValueError(
                f"{type(clusterer).__name__} returned labels of the type {found.dtype} "
                f"and the shape {found.shape}. A clusterer of {type(self).__name__} "
                f"must return an integer for each of {has_words.sum()} documents."
            )
        labels[has_words] = found
        assigned = labels >= 0
        topics, numbers = np.unique(labels[assigned], return_inverse=True)
        if len(topics) == 0:
            raise ValueError(
                f"{type(self).__name__} has no topics: {type(clusterer).__name__} "
                "found no cluster. Give it other parameters."
            )
        members = labels == topics[:, None]
        centers = np.array([codes[of_topic].mean(axis=0) for of_topic in members])
        residuals = codes[assigned] - centers[numbers]
        if len(residuals) == 1:  # ledoit_wolf warns of a single row
            residuals = np.vstack([residuals, residuals])
        within, _ = ledoit_wolf(residuals, assume_centered=True)

        tokens, documents = _word_counts(X, members)
        self.clusterer_ = clusterer
        self.labels_ = np.full(len(labels), -1)
        self.labels_[assigned] = numbers
        self.cluster_centers_ = centers
        self.covariance_ = within + LEAST_VARIANCE * np.eye(len(within))
        self.shares_ = np.bincount(numbers) / len(numbers)
        own = specific_words(documents, documents.sum(axis=0))
        self.components_ = (1 - REST) * own + REST * normalize(documents, norm="l1")
        return codes, tokens

    def _smooth(self, X, tokens):
        """Set word probabilities, and `health_` by documents that are left out."""
        unit = min(1.0, _mean_count(X))  # weights may be shares of a document's words
        overall = tokens.sum(axis=0) + unit
        overall /= overall.sum()
        smoothing = unit * np.array(SMOOTHING)
        *scores, unigram_score = _left_out_scores(
            X, self.labels_, tokens, overall, smoothing
        )
        best = np.argmax(scores)
        self.smoothing_ = float(smoothing[best])
        self.word_probabilities_ = normalize(
            tokens + self.smoothing_ * overall, norm="l1"
        )
        self.health_ = {
            "perplexity": float(np.exp(-scores[best])),
            "unigram_perplexity": float(np.exp(-unigram_score)),
        }

    def _problems(self):
        n_topics = len(self.components_)
        if self.clusterer is None and n_topics < self.n_components:
            yield (
                f"found {n_topics} topics, not n_components={self.n_components}: "
                "too few documents differ. Use more documents, or fewer topics."
            )
        found = self.health_["perplexity"], self.health_["unigram_perplexity"]
        if n_topics > 1 and nothing_learned(*found):
            yield (
                "found no themes: documents predict the words of others in their "
                "cluster no better than word frequencies do, with a perplexity of "
                f"{found[0]:.4g} against {found[1]:.4g}. Use more or longer documents, "
                "fewer topics, or sentence embeddings."
            )

    def _normal_clusters(self, clusterer, codes):
        """Return labels by a mixture of normal distributions that starts at k-means."""
        from sklearn.cluster import KMeans

        seed = clusterer.random_state
        rng = np.random.RandomState(seed)
        sample = codes[rng.permutation(len(codes))[:N_SAMPLE]]
        # Without differences that are rounding, which k-means would warn of.
        sample = sample.round(6)
        n_clusters = min(self.n_components, len(np.unique(sample, axis=0)))
        start = KMeans(n_clusters, n_init=10, random_state=seed).fit(sample)
        clusterer.set_params(n_components=n_clusters, means_init=start.cluster_centers_)
        return clusterer.fit(sample).predict(codes)

    def fit_predict(self, X, y=None, *, covariates=None, embeddings=None):
        """`fit` to X, and give its `labels_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Not used.
        covariates, embeddings : array-like, default=None
            As in `fit`.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 is a document of no cluster.
        """
        return self.fit(X, covariates=covariates, embeddings=embeddings).labels_

    def _parts(self, seed):
        """Unfitted estimator and clusterer."""
        estimator, clusterer = self.estimator, self.clusterer
        if estimator is None:
            estimator = NVDMTopicModel(self.n_components, random_state=seed)
        if clusterer is None:
            from sklearn.mixture import GaussianMixture

            clusterer = GaussianMixture(
                self.n_components,
                covariance_type="tied",
                max_iter=1000,
                random_state=seed,
            )
        return clone(estimator), clone(clusterer)

    def _check_data(self, estimator, X, covariates=None, embeddings=None, reset=False):
        """Return counts, covariates as keywords of the estimator, and embeddings."""
        columns = self.embedding_columns
        X, embeddings = split_embeddings(self, X, embeddings, columns, reset=reset)
        X, covariates = super()._check_data(estimator, X, covariates, reset=reset)
        if embeddings is not None or (not reset and self._n_embedding_features):
            embeddings = check_embeddings(self, embeddings, X.shape[0], reset=reset)
        return X, covariates, embeddings

    @property
    def _n_embedding_features(self):
        return 0 if self.projection_ is None else self.projection_.n_features_in_

    def _directions(self, codes, has_words, embeddings):
        """Codes, and principal components of embeddings, both of unit length.

        Codes of documents without words are zeros: they mean nothing.
        """
        codes = check_array(codes, dtype=np.float64, input_name="the codes")
        codes = normalize(codes) * has_words[:, np.newaxis]
        if self.projection_ is None:
            return codes
        with config_context(array_api_dispatch=False, transform_output="default"):
            components = self.projection_.transform(np.asarray(embeddings, np.float64))
        # What differs from the mean by rounding has no direction.
        rounding = np.finfo(np.float32).eps * np.linalg.norm(self.projection_.mean_)
        components[np.linalg.norm(components, axis=1) <= rounding] = 0
        components /= self.projection_.explained_variance_.sum() ** 0.5 or 1.0
        return np.hstack([codes, normalize(components)])

    def _probabilities(self, codes):
        # Distances in units of the covariance are those between rows times this.
        unit = np.linalg.cholesky(np.linalg.inv(self.covariance_))
        distances = euclidean_distances(
            codes @ unit, self.cluster_centers_ @ unit, squared=True
        )
        evidence = np.log(self.shares_) - distances / 2
        n_codes = codes.shape[1]
        if self.projection_ is not None:
            n_codes -= self.projection_.n_components_
        return softmax(evidence * min(1, DIMENSIONS / n_codes), axis=1)

    def transform(self, X, *, covariates=None, embeddings=None):
        """Probabilities of the topics of each document.

        Whatever the clusterer, clusters are taken for normal distributions around the
        centers, with one covariance. Of more than 10 codes, evidence is scaled down to
        that of 10.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates, embeddings : array-like, default=None
            As in `fit`.

        Returns
        -------
        proportions : ndarray of shape (n_samples, n_topics)
            Rows sum to one. A document without words or embedding has `shares_`.
        """
        check_is_fitted(self)
        return self._proportions(
            *self._check_data(self.estimator_, X, covariates, embeddings)
        )

    def _proportions(self, X, covariates, embeddings):
        codes = self.estimator_.transform(X, **covariates)
        has_words = row_sums(X) > 0
        proportions = self._probabilities(
            self._directions(codes, has_words, embeddings)
        )
        if self.projection_ is None:  # nothing is known of documents without words
            proportions[~has_words] = self.shares_
        return proportions

    def predict(self, X, *, covariates=None, embeddings=None):
        """Topic of each document: the most probable one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates, embeddings : array-like, default=None
            As in `fit`.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            From 0 on; -1 for a document without words or embedding.
        """
        check_is_fitted(self)
        data = self._check_data(self.estimator_, X, covariates, embeddings)
        labels = self._proportions(*data).argmax(axis=1)
        if self.projection_ is None:
            labels[row_sums(data[0]) == 0] = -1
        return labels

    def score(self, X, y=None):
        """Log-likelihood per token of the mixture of unigram models of the topics.

        A document is drawn from one topic, by the `shares_` of all documents, and its
        words from `word_probabilities_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        y : ignored
            Not used.

        Returns
        -------
        score : float
            In nats per token; larger is better. It is exact where `score` of the other
            topic models is a bound.

        Raises
        ------
        ValueError
            If X has no counts, a negative one, or another width than in `fit`.
        """
        check_is_fitted(self)
        columns = self.embedding_columns
        X, _ = split_embeddings(self, X, None, columns, reset=False)
        X, _ = super()._check_data(self.estimator_, X)
        n_tokens = row_sums(X).sum()
        if n_tokens == 0:
            raise ValueError(f"{type(self).__name__} cannot score X: it has no counts.")
        logs = np.log(self.word_probabilities_).T
        total = 0.0
        for rows in gen_batches(X.shape[0], 2**12):
            by_topic = X[rows] @ logs + np.log(self.shares_)
            total += logsumexp(by_topic, axis=1).sum()
        return float(total / n_tokens)

    def perplexity(self, X):
        """``exp(-score(X))``, of which smaller is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        perplexity : float
            Guessing uniformly gets n_features.
        """
        return float(np.exp(-self.score(X)))


def projection_of(embeddings, n_codes):
    """Fit the principal components of embeddings that documents are clustered by."""
    from sklearn.decomposition import PCA  # late, as clusterers

    n_components = min(max(n_codes, MIN_COMPONENTS), *np.shape(embeddings))
    embeddings = np.asarray(embeddings, np.float64)
    # Equal embeddings have no variance to explain.
    with config_context(array_api_dispatch=False), np.errstate(invalid="ignore"):
        # Exact both, the first one for many documents.
        tall = len(embeddings) >= embeddings.shape[1]
        solver = "covariance_eigh" if tall else "full"
        projection = PCA(n_components, svd_solver=solver).fit(embeddings)
    # In the order that files keep: products of another order differ in bits.
    projection.components_ = np.ascontiguousarray(projection.components_)
    return projection


def find_topics(n_components, data, seed, device):
    """Topics that a topic model may start from, by clusters of some documents.

    They are those of a `ClusterTopicModel` whose estimator is trained for few epochs.

    Parameters
    ----------
    n_components : int
    data : Data
    seed : int
    device : str

    Returns
    -------
    topics : ndarray of shape (n_topics, n_features)
        Word probabilities. There may be fewer than `n_components`.
    memberships : ndarray of shape (n_samples, n_components)
        Probabilities of the topic of each document, or zeros.
    Or None if there are too few documents, or if training fails.
    """
    n_samples = data.X.shape[0]
    rows = np.arange(0, n_samples, -(-n_samples // MAX_DOCUMENTS))
    rows = rows[row_sums(data.X[rows]) > 0]
    if len(rows) < 2 * n_components or n_components == 1:
        return None
    part = data.take(rows)
    n_epochs = int(np.clip(N_ROWS // len(rows), MIN_EPOCHS, MAX_EPOCHS))
    estimator = NVDMTopicModel(
        n_components, max_epochs=n_epochs, device=device, random_state=seed
    )
    try:
        estimator = estimator._trained(part.X, None, None, resume=False)
    except ValueError:  # of counts that only some models can be trained on
        return None
    model = ClusterTopicModel(n_components, random_state=seed)
    embeddings = part.embeddings if part.embeddings.shape[1] else None
    codes = estimator.transform(part.X.astype(np.float64))  # whatever the type of X
    codes, _ = model._cluster(model._parts(seed)[1], part.X, codes, embeddings)
    memberships = np.zeros((n_samples, n_components), np.float32)
    memberships[rows, : len(model.components_)] = model._probabilities(codes)
    return model.components_, memberships


def _left_out_scores(X, labels, tokens, overall, smoothing):
    """Log-likelihood per token of documents, by the others in their cluster.

    Returns
    -------
    scores : ndarray of shape (n_smoothing,)
        In nats, for each number of tokens in `smoothing`. The last one is that of the
        words of all documents, `overall`.
    """
    scores, n_tokens, sizes = np.zeros(len(smoothing)), 0.0, tokens.sum(axis=1)
    for rows in gen_batches(X.shape[0], 2**12):
        part = X[rows][labels[rows] >= 0].tocoo()
        documents, words, counts = part.row, part.col, part.data.astype(np.float64)
        topics = labels[rows][labels[rows] >= 0][documents]
        lengths = np.bincount(documents, counts, part.shape[0])[documents]
        others = np.maximum(tokens[topics, words] - counts, 0)
        n_others = np.maximum(sizes[topics] - lengths, 0)
        n_tokens += counts.sum()
        for number, n in enumerate(smoothing):
            p = (others + n * overall[words]) / (n_others + n)
            scores[number] += counts @ np.log(p)
    return scores / n_tokens


def _mean_count(X):
    """Mean of the counts that are not zero."""
    parts = [X[rows].data for rows in gen_batches(X.shape[0], 2**12)]
    return sum(part.sum() for part in parts) / sum(np.count_nonzero(p) for p in parts)


def _word_counts(X, members):
    """Tokens of each word, and documents with it, of documents of each cluster."""
    tokens = np.zeros((len(members), X.shape[1]))
    documents = np.zeros_like(tokens)
    for rows in gen_batches(X.shape[0], 2**12):
        part = X[rows]
        of_part = members[:, rows].astype(np.float64)
        tokens += of_part @ part
        part = part.copy()
        part.data = np.ones(part.nnz)
        documents += of_part @ part
    return tokens, documents
