"""Topics that several fits agree on."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import FittedTopics
from skvae.models.gsm import GSMTopicModel
from skvae.models.meta import MetaTopicModel, mix_words, seeded_clone
from skvae.utils.counts import average_jaccard, top_columns
from skvae.utils.validation import (
    HasMethods,
    Interval,
    check_parameters,
    draft_of,
    invalid_parameter,
)

__all__ = ["ConsensusTopicModel"]

# Words of each topic that `recurrence_` compares, or all if there are fewer.
N_WORDS = 10


class ConsensusTopicModel(MetaTopicModel):
    """Topics that several fits of a topic model agree on.

    Fits of a topic model that differ in their random state alone find other topics, in
    part. Here several are made, the members, and their topics merged by their words
    into as many groups as there are to be topics: what comes out depends less on
    chance, and `recurrence_` tells of each topic how well the members agree on it.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics.
    estimator : topic model, default=None
        What the members are clones of: a model with topic proportions, of skvae, LDA,
        NMF, or a Pipeline that ends in one. Its number of topics may be another. None
        is `GSMTopicModel` with `n_components` topics.
    n_members : int, default=5
        Number of fits, at least 2.
    random_state : int, RandomState instance or None, default=None
        Of it the members have theirs, and the estimators within them.
    n_jobs : int, default=None
        Number of fits at a time, in as many processes. None is 1, or what a
        `joblib.parallel_config` context says; -1 is all cores.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Word probabilities: means of the members' topics, each weighed by its share of
        the documents. Rows sum to one; the topic with the largest share comes first.
    recurrence_ : ndarray of shape (n_components,)
        Similarity of each topic's top words to those of the closest topic of a member,
        mean over members: from 0 to 1, `skvae.metrics.topic_similarity`.
    topics_ : list of list of int
        Numbers of the members' topics that each topic is made of, one member after the
        other: with members of 20 topics, 43 is the fourth of the third member.
    word_probabilities_ : ndarray of shape (n_components, n_features)
        Those of the words that documents of a topic consist of: other ones only if
        members are `ClusterTopicModel`, whose components are what is specific.
    estimators_ : list of estimators
        The members.
    estimator_ : estimator
        The member that agrees best with the topics.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are strings.

    See Also
    --------
    skvae.inspection.recurring_topics : Which topics of one fit others have too.
    TopicGroups : Topics of a single fit, merged.

    Notes
    -----
    Topics are merged by Ward's method on the square roots of their word probabilities,
    whose distances are Hellinger's. A document's proportion of a topic is the mean over
    members of what each gives to the topics in its group. That ensembles of topic
    models are more stable than their members, and agree with labels better, is a result
    of [1]_, whose way to put them together differs.

    There is no bound, and no `score`: search with document completion as the scorer.

    References
    ----------
    .. [1] Hoyle, A., Goel, P., Sarkar, R. and Resnik, P. (2022). Are neural topic
       models broken? Findings of EMNLP.
       https://arxiv.org/abs/2210.16162

    Examples
    --------
    >>> from skvae import ConsensusTopicModel, GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> member = GSMTopicModel(3, max_epochs=10)
    >>> model = ConsensusTopicModel(3, estimator=member, random_state=0).fit(X)
    >>> model.transform(X).shape, model.components_.shape, model.recurrence_.shape
    ((200, 3), (3, 50), (3,))
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "estimator": [HasMethods(["fit", "transform"]), None],
        "n_members": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_components=10,
        *,
        estimator=None,
        n_members=5,
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.estimator = estimator
        self.n_members = n_members
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X, y=None, *, covariates=None, embeddings=None):
        """Fit the members to X, and merge their topics.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.
        y : ignored
            Not used.
        covariates, embeddings : array-like, default=None
            What the members are to know of each document beside X, as in their `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the input is unusable, if the members have no topic
            proportions, or fewer topics in all than there are to be.
        """
        check_parameters(self)
        draft = draft_of(self)
        draft._fit(X, covariates, embeddings)
        self.__dict__ = draft.__dict__
        return self

    def _fit(self, X, covariates, embeddings):
        from sklearn.cluster import AgglomerativeClustering  # late, since it takes long

        rng = check_random_state(self.random_state)
        seeds = rng.randint(2**31 - 1, size=self.n_members).tolist()
        estimator = self.estimator
        if estimator is None:
            estimator = GSMTopicModel(self.n_components)
        X, side_data = self._check_data(
            estimator, X, covariates, embeddings, reset=True
        )
        members = Parallel(self.n_jobs)(
            delayed(_fitted)(seeded_clone(estimator, seed), X, side_data)
            for seed in seeds
        )

        shares = _proportions(members, X, side_data).mean(axis=0)
        fitted = [FittedTopics(member) for member in members]
        of_members = [topics.word_probabilities for topics in fitted]
        words = np.vstack(of_members)
        if len(words) < self.n_components:
            must = f"be at most {len(words)}, the number of topics of all members"
            raise invalid_parameter(self, "n_components", must)
        merged = AgglomerativeClustering(self.n_components).fit_predict(np.sqrt(words))
        largest = np.argsort(-np.bincount(merged, weights=shares), kind="stable")
        self.estimators_ = members
        self.topics_ = [np.flatnonzero(merged == k).tolist() for k in largest]
        self.components_ = mix_words(words, shares, self.topics_)
        of_documents = np.vstack([topics.words_of_documents for topics in fitted])
        self.word_probabilities_ = mix_words(of_documents, shares, self.topics_)
        agreement = self._agreement(of_members)
        self.recurrence_ = agreement.mean(axis=0)
        self.estimator_ = members[agreement.mean(axis=1).argmax()]

    def _agreement(self, of_members):
        """Of each topic with the closest one of each member, by the members' words."""
        n_words = min(N_WORDS, self.components_.shape[1])
        own = top_columns(self.components_, n_words)
        return np.array(
            [
                average_jaccard(own, top_columns(words, n_words)).max(axis=1)
                for words in of_members
            ]
        )

    def transform(self, X, *, covariates=None, embeddings=None):
        """Topic proportions of documents: means over the members.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates, embeddings : array-like, default=None
            As in `fit`.

        Returns
        -------
        proportions : ndarray of shape (n_samples, n_components)
            Rows sum to one.
        """
        check_is_fitted(self)
        X, side_data = self._check_data(self.estimator_, X, covariates, embeddings)
        proportions = _proportions(self.estimators_, X, side_data)
        return np.column_stack([proportions[:, of].sum(axis=1) for of in self.topics_])

    def _posterior_draws(self, X, n_draws, *, covariates=None, embeddings=None):
        """Draws of the members' posteriors, one member after the other.

        They are draws of the equal mixture of these posteriors: their variance is that
        within members, on average, plus that between the means of members. A member
        that has no posterior, such as LDA, is a point.
        """
        X, side_data = self._check_data(self.estimator_, X, covariates, embeddings)
        draws, start = [], 0
        for member in self.estimators_:
            shares = FittedTopics(member, X, **side_data).posterior_draws(n_draws)
            numbers = start + np.arange(shares.shape[2])
            start += shares.shape[2]
            belongs = [np.isin(numbers, of) for of in self.topics_]
            draws.append(shares @ np.transpose(belongs).astype(float))
        return np.concatenate(draws)


def _fitted(estimator, X, side_data):
    return estimator.fit(X, **side_data)


def _proportions(members, X, side_data):
    """Proportions of all topics of the members, one after the other; sums are one."""
    found = [FittedTopics(member, X, **side_data).proportions for member in members]
    return np.hstack(found) / len(members)
