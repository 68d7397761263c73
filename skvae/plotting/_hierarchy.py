"""Topics that are alike, as a tree."""

from numbers import Integral

import numpy as np
from scipy.cluster.hierarchy import dendrogram, fcluster
from sklearn.utils import check_scalar

from skvae.fitted.words import topic_captions
from skvae.inspection import topic_hierarchy
from skvae.plotting._style import PALETTE, PLAIN, clear_frame, legible, one_axes

# Of groups: what joins them is grey.
COLORS = PALETTE[:-1]


class TopicHierarchyDisplay:
    """Topics as leaves of a tree, whose branches join where topics are alike.

    Make it with `from_estimator`.

    Parameters
    ----------
    hierarchy : ndarray of shape (n_topics - 1, 4)
        As `skvae.inspection.topic_hierarchy` returns it.
    captions : array-like of str of shape (n_topics,)
        What each topic is called in the picture.

    Attributes
    ----------
    groups_ : ndarray of int of shape (n_topics,)
        Group of each topic, from 1 on, if `plot` was asked for groups.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.inspection.topic_hierarchy : The tree as an array.
    skvae.TopicGroups : A model of merged topics.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.plotting import TopicHierarchyDisplay
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = LatentDirichletAllocation(5, random_state=0).fit(X)
    >>> display = TopicHierarchyDisplay.from_estimator(model, n_groups=3)
    >>> display.groups_.shape
    (5,)
    """

    def __init__(self, hierarchy, captions):
        self.hierarchy = hierarchy
        self.captions = captions

    @classmethod
    def from_estimator(
        cls, model, *, method="average", n_words=5, feature_names=None, **plot_options
    ):
        """Draw which topics of a fitted model are alike.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model of two topics or more, or a fitted Pipeline that ends
            in one.
        method : str, default="average"
            As in `skvae.inspection.topic_hierarchy`.
        n_words : int, default=5
            Number of top words that name a topic, if feature names are known.
        feature_names : array-like of shape (n_features,), default=None
            As in `skvae.inspection.top_words`.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : TopicHierarchyDisplay
            With the picture drawn.
        """
        hierarchy = topic_hierarchy(model, method=method)
        captions = topic_captions(model, feature_names, n_words)
        return cls(hierarchy, captions).plot(**plot_options)

    def plot(self, ax=None, *, n_groups=None):
        """Draw the tree.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default into a new figure.
        n_groups : int, default=None
            Number of groups to tell apart by colour, at most: those that are left when
            the most similar topics have been merged.

        Returns
        -------
        self : TopicHierarchyDisplay
            The display, with its axes and figure.
        """
        n_topics = len(self.captions)
        self.groups_ = np.ones(n_topics, dtype=int)
        if n_groups is not None:
            check_scalar(n_groups, "n_groups", Integral, min_val=1, max_val=n_topics)
            self.groups_ = fcluster(self.hierarchy, n_groups, criterion="maxclust")
        members = [[topic] for topic in range(n_topics)]
        for first, second in self.hierarchy[:, :2].astype(int):
            members.append(members[first] + members[second])

        def color(node):
            groups = set(self.groups_[members[node]])
            if n_groups is None or len(groups) > 1:
                return "0.6"
            return COLORS[(groups.pop() - 1) % len(COLORS)]

        captions = [legible(caption, 120) for caption in self.captions]
        width = max(8.5, 3.5 + 0.075 * max(map(len, captions)))
        size = (width, 0.8 + 0.25 * n_topics)
        self.figure_, self.ax_ = one_axes(ax, size)
        tree = dendrogram(
            self.hierarchy, orientation="left", ax=self.ax_, link_color_func=color
        )
        leaves = tree["leaves"]
        self.ax_.set_yticklabels(
            [captions[leaf] for leaf in leaves], fontsize=9, **PLAIN
        )
        for label, leaf in zip(self.ax_.get_yticklabels(), leaves):
            if n_groups is not None:
                label.set_color(color(leaf))
        self.ax_.set_xlabel("Hellinger distance of the topics' words")
        clear_frame(self.ax_)
        self.ax_.spines["left"].set_visible(False)
        return self
