"""Topics that are alike, as a tree, and beside it as a matrix."""

from numbers import Integral

import numpy as np
from scipy.cluster.hierarchy import dendrogram, fcluster
from sklearn.utils import check_scalar

from skvae.inspection import topic_hierarchy
from skvae.models.fitted import FittedTopics
from skvae.plotting import _style as style

# Colors of groups: what joins several is gray.
COLORS = style.PALETTE[:-1]


class TopicHierarchyDisplay(style.Display):
    """Topics as leaves of a tree, whose branches join where topics are alike.

    Make it with `from_estimator`. A matrix may stand beside it, of how alike any two
    topics are, in the order of the leaves.

    Parameters
    ----------
    hierarchy : ndarray of shape (n_topics - 1, 4)
        As `skvae.inspection.topic_hierarchy` returns it.
    captions : array-like of str of shape (n_topics,)
        What each topic is called in the picture.
    distances : ndarray of shape (n_topics, n_topics), default=None
        Hellinger distances of the topics' words, which the matrix shows.

    Attributes
    ----------
    groups_ : ndarray of int of shape (n_topics,)
        Group of each topic, from 1 on, if `plot` was asked for groups.
    ax_ : matplotlib Axes
        Of the tree.
    matrix_ax_ : matplotlib Axes or None
        Of the matrix, if there is one.
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.inspection.topic_hierarchy : The tree as an array.
    skvae.metrics.topic_similarity : Of topics of two fits, by their top words.
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

    def __init__(self, hierarchy, captions, distances=None):
        self.hierarchy = hierarchy
        self.captions = captions
        self.distances = distances

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
        topics = FittedTopics(model, feature_names=feature_names)
        hierarchy = topic_hierarchy(topics, method=method)
        captions = topics.captions(n_words)
        return cls(hierarchy, captions, topics.topic_distances).plot(**plot_options)

    def plot(self, ax=None, *, n_groups=None, matrix=False):
        """Draw the tree.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default into a new figure. Tree and matrix take its place.
        n_groups : int, default=None
            Number of groups to tell apart by colour, at most: those that are left when
            the most similar topics have been merged.
        matrix : bool, default=False
            Whether to draw the matrix beside the tree: the darker, the more alike.

        Returns
        -------
        self : TopicHierarchyDisplay
            The display, with its axes and figure.
        """
        n_topics = len(self.captions)
        if matrix and self.distances is None:
            raise ValueError("There is no matrix without distances=. Pass them.")
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

        captions = [style.legible(caption, 120) for caption in self.captions]
        width = max(8.5, 3.5 + 0.075 * style.longest(captions))
        side = 0.25 * n_topics
        self.matrix_ax_ = None
        if matrix:
            size = ((width + max(side, 2)) / 2, 0.8 + side)
            self.figure_, axes = style.grid_of_axes(ax, 2, 2, size)
            self.ax_, self.matrix_ax_ = axes[0]
        else:
            self.figure_, self.ax_ = style.one_axes(ax, (width, 0.8 + side))
        look = dict(orientation="left", link_color_func=color, no_labels=matrix)
        leaves = dendrogram(self.hierarchy, ax=self.ax_, **look)["leaves"]
        self.ax_.set_xlabel("Hellinger distance of the topics' words", fontsize=9)
        style.clear_frame(self.ax_)
        self.ax_.spines["left"].set_visible(False)
        if matrix:
            self._draw_matrix(leaves)
        named = self.matrix_ax_ or self.ax_  # the last one before the margin
        named.yaxis.tick_right()
        places = 10 * np.arange(n_topics) + 5  # of scipy
        captions = [captions[k] for k in leaves]
        style.name_ticks(named.yaxis, captions, places, fontsize=9)
        named.tick_params(axis="y", length=0)
        if n_groups is not None:
            for label, leaf in zip(named.get_yticklabels(), leaves):
                label.set_color(color(leaf))
        return self

    def _draw_matrix(self, leaves):
        ax, distances = self.matrix_ax_, np.array(self.distances)[leaves][:, leaves]
        np.fill_diagonal(distances, np.nan)  # would be the darkest by far
        low, high = np.nanmin(distances), np.nanmax(distances)
        end = 10 * len(leaves)
        place = dict(origin="lower", extent=(0, end, 0, end), aspect="auto")
        ax.imshow(distances, cmap="Blues_r", **place)
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        ax.set_xlabel(f"of any two: dark {low:.2f}, light {high:.2f}", fontsize=9)
