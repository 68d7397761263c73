"""Topics of a fitted model that are named, merged and dropped."""

from collections.abc import Mapping

import numpy as np
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import FittedTopics, pipeline_steps
from skvae.models.meta import MetaTopicModel, mix_words

__all__ = ["TopicGroups"]


class TopicGroups(MetaTopicModel):
    """Topics of a fitted model by names of one's own, merged or left out.

    The model stays as it is and is never fitted again: proportions of merged topics add
    up, their words mix. What it makes is a topic model itself, for inspection, plots,
    reports and comparisons.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A fitted topic model with topic proportions: of skvae, LDA, NMF, or a Pipeline
        that ends in one. Clones of the groups share it.
    groups : dict of str to list of int or str, default=None
        Topics, by number or name, of each new topic, by its name. One topic alone is
        given that name. Topics of no group follow under their own names.
    drop : list of int or str, default=()
        Topics to leave out; the proportions of the others are divided by their sum.

    Attributes
    ----------
    components_ : ndarray of shape (n_topics, n_features)
        Word probabilities, those of merged topics weighed by their shares in the
        documents that `fit` was given. Rows sum to one.
    word_probabilities_ : ndarray of shape (n_topics, n_features)
        Those of the words that documents of a topic consist of: other ones only if the
        model is a `ClusterTopicModel`, whose components are what is specific.
    topic_names_ : ndarray of str of shape (n_topics,)
        Names of the groups, then of the topics of none.
    topics_ : list of list of int
        Numbers of the topics that each new topic is made of.
    estimator_ : estimator
        The model, the last step of a Pipeline.
    n_features_in_ : int
        Number of its features.

    See Also
    --------
    skvae.inspection.top_words : What topics are about.
    skvae.inspection.most_similar : Topics that are close to one.

    Examples
    --------
    >>> from skvae import GSMTopicModel, TopicGroups
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 4, random_state=0).data
    >>> model = GSMTopicModel(4, max_epochs=5, random_state=0).fit(X)
    >>> groups = TopicGroups(model, {"sport": [0, 2], "noise": [3]}).fit(X)
    >>> groups.get_feature_names_out().tolist()
    ['sport', 'noise', 'topic 1']
    >>> groups.transform(X).shape, groups.components_.shape
    ((200, 3), (3, 50))
    """

    def __init__(self, estimator, groups=None, *, drop=()):
        self.estimator = estimator
        self.groups = groups
        self.drop = drop

    def get_params(self, deep=True):
        """Parameters of the groups, without those of the fitted model.

        Whoever set the latter, as searches and seeded clones do, would change the model
        that all clones share, and not what it was fitted to.

        Parameters
        ----------
        deep : bool, default=True
            Not used.

        Returns
        -------
        params : dict
            Values by names.
        """
        return super().get_params(deep=False)

    def set_params(self, **params):
        """Set parameters of the groups, not those of the fitted model.

        Parameters
        ----------
        **params : dict
            Values by names.

        Returns
        -------
        self : object
            The groups.

        Raises
        ------
        ValueError
            If there is no such parameter; nothing is set then.
        """
        if nested := [name for name in params if "__" in name]:
            raise ValueError(
                f"Invalid parameter {nested[0]!r} for estimator {self}: the model "
                "within is fitted and stays as it is."
            )
        return super().set_params(**params)

    def fit(self, X, y=None, *, covariates=None, embeddings=None):
        """Mix the words of topics by their shares in documents; the model is not fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Documents, as the input of the model.
        y : ignored
            Not used.
        covariates, embeddings : array-like, default=None
            Of the documents, if the model was fitted with some.

        Returns
        -------
        self : object
            The groups.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TypeError
            If `groups` is no dict.
        ValueError
            If the model has no topic proportions; if it has no such topic, if one is in
            two groups or dropped too, if a group has none, if two topics would have one
            name, or if none is left.
        """
        model = FittedTopics(self.estimator, X, None, None, covariates, embeddings)
        topics = self._topics(model)
        shares = model.proportions.mean(axis=0)
        words = model.word_probabilities
        self.estimator_ = model.estimator
        self.topics_ = list(topics.values())
        self.topic_names_ = np.array(list(topics), dtype=object)
        self.n_features_in_ = words.shape[1]
        self.components_ = mix_words(words, shares, self.topics_)
        self.word_probabilities_ = mix_words(
            model.words_of_documents, shares, self.topics_
        )
        self.__dict__.pop("feature_names_in_", None)  # of another model
        if hasattr(self.estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.estimator_.feature_names_in_
        return self

    def _topics(self, model):
        """Numbers of the topics that each new one is made of, by its name."""
        name, names = type(self).__name__, model.topic_names
        given = {} if self.groups is None else self.groups
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{name} takes groups such as {{'sport': [3, 7]}}. Got {given!r}."
            )
        topics = {
            group: [model.topic_number(topic) for topic in of_group]
            for group, of_group in given.items()
        }
        dropped = [model.topic_number(topic) for topic in self.drop]
        used = sorted(sum(topics.values(), dropped))
        if twice := {k for k, after in zip(used, used[1:]) if k == after}:
            raise ValueError(
                f"{name} was given topic {min(twice)} twice. Put it into one group."
            )
        for group, of_group in topics.items():
            if not isinstance(group, str) or not of_group:
                raise ValueError(
                    f"{name} needs a name and a topic or more for each group. Got "
                    f"{group!r}: {of_group}."
                )
        others = {names[k]: [k] for k in range(len(names)) if k not in used}
        if taken := topics.keys() & others.keys():
            raise ValueError(
                f"{name} would have two topics named {min(taken)!r}. Rename one."
            )
        if not topics and not others:
            raise ValueError(f"{name} has no topic left. Drop fewer.")
        return topics | others

    def transform(self, X, *, covariates=None, embeddings=None):
        """Proportions of the groups in documents.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Documents, as the input of the model.
        covariates, embeddings : array-like, default=None
            Of the documents, if the model was fitted with some.

        Returns
        -------
        proportions : ndarray of shape (n_samples, n_topics)
            Rows sum to one. A document that only dropped topics have a part of is
            shared by all.
        """
        check_is_fitted(self)
        model = FittedTopics(self.estimator, X, None, None, covariates, embeddings)
        return self._grouped(model.proportions)

    def _posterior_draws(self, X, n_draws, *, covariates=None, embeddings=None):
        """Proportions of the groups in draws of the model's posterior."""
        model = FittedTopics(self.estimator, X, None, None, covariates, embeddings)
        return np.stack(
            [self._grouped(draw) for draw in model.posterior_draws(n_draws)]
        )

    def _grouped(self, shares):
        """Sums of proportions of the model's topics, divided by those that are kept."""
        sums = np.column_stack([shares[:, of].sum(axis=1) for of in self.topics_])
        sums[~sums.any(axis=1)] = 1.0
        return normalize(sums, norm="l1")

    def _as_steps(self):
        """Steps before the model, and these groups of what comes out of them."""
        *earlier, last = pipeline_steps(self.estimator)
        if not earlier:
            return [self]
        inner = type(self)(last, self.groups, drop=self.drop)
        inner.__dict__.update({k: v for k, v in vars(self).items() if k[-1] == "_"})
        return [*earlier, inner]

    def __sklearn_clone__(self):
        return type(self)(self.estimator, self.groups, drop=self.drop)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "components_")
