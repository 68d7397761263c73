"""Topics from clusters of documents."""

from numbers import Integral

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from skvae.models.meta import MetaTopicModel
from skvae.models.nvdm import NVDMTopicModel
from skvae.models.seed_words import specific_words
from skvae.training.data import row_sums
from skvae.utils.validation import HasMethods, Interval, check_parameters

__all__ = ["ClusterTopicModel"]

# Of codes, that proportions take for evidence. All would make documents of one topic
# each, and worse predictions of words: dimensions of codes share their errors.
DIMENSIONS = 10
# Least variance of codes of unit length, as of GaussianMixture.
LEAST_VARIANCE = 1e-6
# Weight in the components of what all of a cluster's documents have, for the words
# that are not specific: they keep an order.
REST = 1e-3


class ClusterTopicModel(MetaTopicModel):
    """Topics that are clusters of documents, by the codes that a model gives them.

    The model is fitted to the word counts, a clusterer to its codes, each divided by
    its length. Topics are what is specific to the words of a cluster: they are
    estimated, by expectation maximisation, as the part of its documents' words that the
    words of all documents do not account for [1]_, where a word counts once for a
    document that has it. With embeddings, documents are clustered by as many principal
    components of theirs as well.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics. Ignored if `clusterer` is given.
    estimator : transformer, default=None
        Maps counts to codes, dense rows of numbers: one of skvae's models, or any
        other. None is `NVDMTopicModel` with as many dimensions as topics.
    clusterer : clusterer, default=None
        Has `fit_predict`, with labels from 0 on, or -1 for documents of no cluster.
        None is `GaussianMixture` with a covariance that all of its components share.
    random_state : int, RandomState instance or None, default=None
        Of the estimator and the clusterer that stand for None; those that are given
        have their own.

    Attributes
    ----------
    components_ : ndarray of shape (n_topics, n_features)
        Probabilities of the words that are specific to each topic; rows sum to one.
        Those of all of its documents' words are `word_probabilities_`.
    word_probabilities_ : ndarray of shape (n_topics, n_features)
        Word probabilities of the clusters' documents, smoothed by one token of the
        words of all documents.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training document, -1 for none.
    cluster_centers_ : ndarray of shape (n_topics, n_codes)
        Mean of the documents' codes of unit length; after a fit with embeddings, of
        principal components of unit length too, which follow them.
    covariance_ : ndarray of shape (n_codes, n_codes)
        Covariance of codes of unit length within clusters, by Ledoit and Wolf.
    shares_ : ndarray of shape (n_topics,)
        Share of the documents that each cluster has, of those in any.
    projection_ : PCA or None
        Of the embeddings, if there were any.
    estimator_ : estimator
        The fitted model.
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
    NVDM's dimensions are no topics, but its codes place alike documents side by side.
    Assignments are sharper than the proportions of a topic model: most documents have
    one topic. For documents of several, or to predict words, take `GSMTopicModel` or
    `NVDMTopicModel`.

    References
    ----------
    .. [1] Hiemstra, D., Robertson, S. and Zaragoza, H. (2004). Parsimonious language
       models for information retrieval. SIGIR.

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
        "estimator": [HasMethods(["fit", "transform"]), None],
        "clusterer": [HasMethods(["fit_predict"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self, n_components=10, *, estimator=None, clusterer=None, random_state=None
    ):
        self.n_components = n_components
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
        covariates, embeddings : array-like, default=None
            What the estimator is to know of each document beside X, as in its `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the input is unusable, if codes have zeros alone, or if no
            document is in a cluster.
        """
        from sklearn.covariance import ledoit_wolf  # late, since it takes long

        check_parameters(self)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        estimator, clusterer = self._parts(seed)
        X, side_data = self._check_data(
            estimator, X, covariates, embeddings, reset=True
        )
        estimator = estimator.fit(X, **side_data)
        projection = None
        if "embeddings" in side_data:
            projection = self._projection(estimator, side_data["embeddings"])
        codes = _directions(estimator, projection, X, side_data)
        with config_context(array_api_dispatch=False):  # codes are NumPy's
            labels = np.asarray(clusterer.fit_predict(codes))
        assigned = labels >= 0
        topics, numbers = np.unique(labels[assigned], return_inverse=True)
        if len(topics) == 0:
            raise ValueError(
                f"{type(self).__name__} has no topics: {type(clusterer).__name__} "
                "found no cluster. Give it other parameters."
            )
        members = labels == topics[:, None]
        centers = np.array([codes[of_topic].mean(axis=0) for of_topic in members])
        within, _ = ledoit_wolf(
            codes[assigned] - centers[numbers], assume_centered=True
        )

        tokens, documents = _word_counts(X, members)
        self.estimator_, self.clusterer_ = estimator, clusterer
        self.projection_ = projection
        self.labels_ = np.full(len(labels), -1)
        self.labels_[assigned] = numbers
        self.cluster_centers_ = centers
        self.covariance_ = within + LEAST_VARIANCE * np.eye(len(within))
        self.shares_ = np.bincount(numbers) / len(numbers)
        # A word that no document of a cluster has is as probable as in all documents.
        overall = tokens.sum(axis=0) + 1.0
        overall /= overall.sum()
        self.word_probabilities_ = normalize(tokens + overall, norm="l1")
        own = specific_words(documents, documents.sum(axis=0))
        self.components_ = (1 - REST) * own + REST * normalize(documents, norm="l1")
        return self

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
                self.n_components, covariance_type="tied", random_state=seed
            )
        return clone(estimator), clone(clusterer)

    def _projection(self, estimator, embeddings):
        """Principal components of embeddings, as many as there are codes."""
        from sklearn.decomposition import PCA  # late, as clusterers

        n_codes = len(estimator.get_feature_names_out())
        n_components = min(n_codes, *np.shape(embeddings))
        with config_context(array_api_dispatch=False):
            return PCA(n_components, svd_solver="full").fit(
                np.asarray(embeddings, np.float64)
            )

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
            Rows sum to one.
        """
        check_is_fitted(self)
        X, side_data = self._check_data(self.estimator_, X, covariates, embeddings)
        codes = _directions(self.estimator_, self.projection_, X, side_data)
        # Distances in units of the covariance are those between rows times this.
        unit = np.linalg.cholesky(np.linalg.inv(self.covariance_))
        distances = euclidean_distances(
            codes @ unit, self.cluster_centers_ @ unit, squared=True
        )
        evidence = np.log(self.shares_) - distances / 2
        return softmax(evidence * min(1, DIMENSIONS / codes.shape[1]), axis=1)

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
            From 0 on.
        """
        side_data = {"covariates": covariates, "embeddings": embeddings}
        return self.transform(X, **side_data).argmax(axis=1)

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
        X, _ = self._check_data(self.estimator_, X)
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


def _directions(estimator, projection, X, side_data):
    """What is clustered of each document: codes, and components of its embedding."""
    codes = np.asarray(estimator.transform(X, **side_data), dtype=np.float64)
    if projection is None:
        return normalize(codes)
    components = projection.transform(np.asarray(side_data["embeddings"], np.float64))
    return np.hstack([normalize(codes), normalize(components)])


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
