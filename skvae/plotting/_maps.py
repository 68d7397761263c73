"""Maps: words, topics and documents; latent codes."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from skvae.inspection import embedding_map
from skvae.inspection.maps import place_labels, to_plane
from skvae.models.fitted import FittedTopics
from skvae.plotting import _style as style

# How marks and labels of each kind of point look.
_MARKS = {
    "document": dict(color=style.PALETTE[0], s=9, alpha=0.5, linewidths=0),
    "word": dict(color=style.PALETTE[2], s=9, linewidths=0),
    "topic": dict(c=style.PALETTE[1], marker="D", s=46, linewidths=0.8, zorder=3),
}
_LABELS = {
    "topic": dict(color="#A84A00", fontweight="bold", zorder=5),
    "word": dict(color="#00654A", zorder=4),
    "document": dict(color="#00507D", fontstyle="italic", zorder=4),
}
_CENTERED = dict(ha="center", va="center", **style.PLAIN)

# Classes of one picture: colours and a legend have no room for more.
MAX_CLASSES = 20


class EmbeddingMapDisplay(style.Display):
    """Words, topics and documents on one map.

    Make it with `from_estimator`. Words are green dots, topics red diamonds, documents
    blue dots. Labels that there is no room for are left out; a larger figure shows
    more.

    Parameters
    ----------
    points : DataFrame
        What `skvae.inspection.embedding_map` returns.
    captions : array-like of str of shape (n_topics,), default=None
        What each topic is called in the picture; by default its number.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    texts_ : list of matplotlib Text
        The labels.

    See Also
    --------
    skvae.inspection.embedding_map : The points as a table.
    LatentSpaceDisplay : All documents, by their main topic.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.plotting import EmbeddingMapDisplay
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> display = EmbeddingMapDisplay.from_estimator(model, texts, n_words=2)
    >>> len(display.points)
    10
    """

    def __init__(self, points, captions=None):
        self.points = points
        self.captions = captions

    @classmethod
    def from_estimator(
        cls,
        model,
        X=None,
        *,
        n_words=10,
        n_documents=10,
        transformer=None,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw the map of a fitted model.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model, or a fitted Pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Documents, as the input of `model`. None shows words and topics only.
        n_words : int, default=10
            As in `skvae.inspection.embedding_map`, like the following.
        n_documents : int, default=10
            Number of documents closest to each topic.
        transformer : transformer, default=None
            Maps to the plane; by default t-SNE.
        feature_names : array-like of shape (n_features,), default=None
            As in `skvae.inspection.top_words`.
        covariates : array-like, default=None
            Of the documents, if the model was fitted with covariates.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            Of the documents, if the model was fitted with embeddings beside X.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : EmbeddingMapDisplay
            With the picture drawn.
        """
        topics = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        sizes = dict(n_words=n_words, n_documents=n_documents)
        points = embedding_map(topics, X, transformer=transformer, **sizes)
        return cls(points, _short_names(topics)).plot(**plot_options)

    def plot(self, ax=None, *, label_documents=False, fontsize=8):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure. Labels are placed for the size that it
            has now.
        label_documents : bool, default=False
            Whether documents have labels too, where words leave room.
        fontsize : float, default=8
            Of the labels, in points.

        Returns
        -------
        self : EmbeddingMapDisplay
            The display, with its axes and figure.
        """
        self.figure_, self.ax_ = style.one_axes(ax, (10, 7.5))
        kinds = dict(list(self.points.groupby("kind")))
        for kind, look in _MARKS.items():
            if kind in kinds:
                points = kinds[kind][["x", "y"]].to_numpy().T
                self.ax_.scatter(*points, edgecolors="white", label=f"{kind}s", **look)
        self.ax_.margins(0.06)
        style.frame_without_scale(self.ax_)
        place = dict(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
        look = dict(frameon=False, handletextpad=0.1, borderpad=0.2, reverse=True)
        self.ax_.legend(fontsize=fontsize + 1, **place, **look)
        captions = self.captions
        if captions is None:
            captions = range(self.points["topic"].max() + 1)
        texts = []
        for kind, look in _LABELS.items():
            if kind not in kinds or kind == "document" and not label_documents:
                continue
            look = look | _CENTERED | dict(fontsize=fontsize + (kind == "topic"))
            for point in kinds[kind].itertuples():
                name = captions[point.topic] if kind == "topic" else point.label
                name = style.legible(name)
                texts.append(self.ax_.text(point.x, point.y, name, **look))
        self.texts_ = arrange(self.ax_, texts, kinds["topic"][["x", "y"]])
        return self


def _short_names(topics, n_words=2):
    """What a map has room to call topics: their names, or numbers and first words."""
    lists = topics.top_lists(n_words)
    return [
        f"{k} {lists[k]}" if name is None else name
        for k, name in enumerate(topics.given_names)
    ]


def arrange(ax, texts, marks=(), *, on_points=False):
    """Move texts beside their points so that none covers another or a mark.

    Or onto their points, if there is room. The first ones have the choice; those
    without room are removed. Returns the rest.
    """
    figure = style.root_of(ax.figure)
    figure.draw_without_rendering()  # the layout settles where the axes are
    point = figure.dpi / 72  # in pixels
    to_pixels = ax.transData.transform
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2)
    # Blanks between words, or a frame.
    sizes += [11 * point, 8 * point] if on_points else [2 * point, 0]
    anchors = to_pixels([text.get_position() for text in texts] or np.empty((0, 2)))
    marks = to_pixels(np.reshape(np.asarray(marks, dtype=float), (-1, 2)))
    options = dict(gap=2.5 * point, on_points=on_points)
    options["obstacles"] = np.hstack([marks - 5 * point, marks + 5 * point])
    centers = place_labels(anchors, sizes, np.array(ax.bbox.extents), **options)
    placed = []
    for text, center in zip(texts, centers):
        if np.isnan(center).any():
            text.remove()
        else:
            text.set_position(ax.transData.inverted().transform(center))
            placed.append(text)
    return placed


class LatentSpaceDisplay(style.Display):
    """Codes of the rows of a matrix in two dimensions, coloured by class or number.

    Make it with `from_estimator`.

    Parameters
    ----------
    codes : array of shape (n_samples, 2)
        Where the rows lie.
    y : array of shape (n_samples,), default=None
        Classes of the rows, or numbers.
    axis_names : pair of str, default=None
        What the dimensions are, if they are anything.
    title : str, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    texts_ : list of matplotlib Text
        The labels of classes on the map.

    See Also
    --------
    EmbeddingMapDisplay : Words, topics and documents of a topic model.
    ManifoldDisplay : What the places decode to.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import LatentSpaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> vae = VAETransformer(2, max_epochs=2, random_state=0).fit(X)
    >>> display = LatentSpaceDisplay.from_estimator(vae, X, y)
    >>> display.ax_.get_xlabel()
    'dimension 0'
    """

    def __init__(self, codes, y=None, *, axis_names=None, title=None):
        self.codes = codes
        self.y = y if y is None else np.asarray(y)
        self.axis_names = axis_names
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        y=None,
        *,
        dimensions=None,
        transformer=None,
        subsample=2000,
        n_words=3,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw what a fitted model makes of X.

        Parameters
        ----------
        model : estimator
            Any fitted transformer: a VAE, a topic model, PCA, or a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or "topic", default=None
            Classes of the rows, as names or numbers, or a number that varies over them;
            "topic" is the main topic of each document.
        dimensions : pair of int, default=None
            Two of the dimensions of the codes to show.
        transformer : transformer with `fit_transform`, default=None
            Takes codes of more than two dimensions to two, if no `dimensions` are
            given. None is t-SNE with ``random_state=0``.
        subsample : int or None, default=2000
            Number of rows that go through `transformer`, drawn at random but the same
            in each call, where X has more; the title then says so. None takes all:
            t-SNE of 10,000 rows takes minutes.
        n_words : int, default=3
            Number of top words that name a topic where `y` is "topic", if feature names
            are known.
        feature_names : array-like of shape (n_features,), default=None
            As in `skvae.inspection.top_words`.
        covariates : array-like, default=None
            Of the rows, if the model was fitted with covariates.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            Of the rows, if the model was fitted with embeddings beside X.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : LatentSpaceDisplay
            With the picture drawn.
        """
        topics = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        codes = topics.steps[-1].transform(topics.counts, **topics.side_data)
        codes, names, title = np.asarray(codes), None, None
        n_all = len(codes)
        if isinstance(y, str):
            if y != "topic":
                raise ValueError(f"y={y!r}. Pass a class for each row, or 'topic'.")
            topics.check_proportions()
            y = topics.captions(n_words)[codes.argmax(axis=1)]
        elif y is not None:
            y = np.asarray(y)
            if y.shape != (n_all,):
                raise ValueError(f"y has shape {y.shape}, but X has {n_all} rows.")
        if dimensions is None and codes.shape[1] == 2:
            dimensions = (0, 1)
        if dimensions is not None:
            codes = codes[:, list(dimensions)]
            names = _names_of(topics, dimensions)
        else:
            if subsample is not None and subsample < n_all:
                rng = np.random.default_rng(0)
                drawn = np.sort(rng.choice(n_all, subsample, replace=False))
                codes, y = codes[drawn], y if y is None else y[drawn]
            codes = to_plane(codes, transformer)
            how = "t-SNE" if transformer is None else type(transformer).__name__
            shown = f"{len(codes):,} of " * (len(codes) < n_all)
            title = f"{how} of {shown}{n_all:,} rows"
        return cls(codes, y, axis_names=names, title=title).plot(**plot_options)

    def plot(self, ax=None, *, size=None, cmap="viridis"):
        """Draw the codes.

        Classes have a legend, and a label on the map where there is room for it. Of
        more than 20, the most frequent have a colour. Numbers that are not whole, or
        take more than 20 values, have a scale of colours. Rows that lie far from all
        others are out of sight.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure. Labels are placed for the size that it
            has now.
        size : float, default=None
            Area of the marks, in square points.
        cmap : str or matplotlib Colormap, default="viridis"
            For a `y` that varies.

        Returns
        -------
        self : LatentSpaceDisplay
            The display, with its axes and figure.
        """
        of_classes = self.y is not None and not _varies(self.y)
        classes = _classes(self.y) if of_classes else []
        names = [style.legible(group.name) for group in classes]
        room = 0.3 + 0.07 * style.longest(names)
        self.figure_, self.ax_ = style.one_axes(ax, (6 + room, 5.6))
        if size is None:
            size = float(np.clip(20_000 / len(self.codes), 3, 25))
        low, high = np.quantile(self.codes, [0.002, 0.998], axis=0)
        margin = 0.08 * (high - low) + 1e-12
        self.ax_.set_xlim(low[0] - margin[0], high[0] + margin[0])
        self.ax_.set_ylim(low[1] - margin[1], high[1] + margin[1])
        if self.axis_names is None:
            style.frame_without_scale(self.ax_)
        else:
            self.ax_.set_xlabel(style.legible(self.axis_names[0]), **style.PLAIN)
            self.ax_.set_ylabel(style.legible(self.axis_names[1]), **style.PLAIN)
            style.clear_frame(self.ax_)
        if self.title is not None:
            self.ax_.set_title(self.title, loc="left", fontsize=9, **style.PLAIN)
        self.texts_ = []
        look = dict(s=size, alpha=0.6, linewidths=0)
        places = np.transpose(self.codes)
        if self.y is None:
            self.ax_.scatter(*places, color=style.PALETTE[0], **look)
        elif classes:
            self._draw_classes(classes, look)
        else:
            look |= dict(c=self.y, plotnonfinite=True)
            cmap = style.pyplot().get_cmap(cmap).with_extremes(bad="0.8")
            marks = self.ax_.scatter(*places, cmap=cmap, **look)
            bar = self.figure_.colorbar(marks, ax=self.ax_, shrink=0.7)
            bar.solids.set_alpha(1)
        return self

    def _draw_classes(self, classes, look):
        codes, handles, texts = np.asarray(self.codes), [], {}
        for group in classes:
            here = codes[group.rows]
            own = look | dict(color=group.color, marker=group.marker)
            own |= dict(label=str(group.name), zorder=1 if group.is_labeled else 0.5)
            handles.append(self.ax_.scatter(*here.T, **own))
            if not group.is_labeled:
                continue
            # The row in the middle: a median may be far from all rows.
            middle = np.abs(here - np.median(here, axis=0)).sum(axis=1).argmin()
            box = dict(boxstyle="round,pad=0.25", fc="white", ec=group.color, lw=1.2)
            label = style.legible(group.name, 30)
            look_of_label = dict(fontsize=9, zorder=4, bbox=box, **_CENTERED)
            text = self.ax_.text(*here[middle], label, **look_of_label)
            texts[text] = len(group.rows)
        style.draw_legend_beside(self.ax_, handles, [group.name for group in classes])
        largest_first = sorted(texts, key=texts.get, reverse=True)
        self.texts_ = arrange(self.ax_, largest_first, on_points=True)


class _Class(NamedTuple):
    """Rows that look alike in a picture."""

    rows: np.ndarray
    name: object
    color: str
    marker: str
    is_labeled: bool = True


def _classes(y):
    """The classes of y; of many, the rare ones together."""
    codes, names = pd.factorize(y, use_na_sentinel=False)
    shown = np.arange(len(names))
    if len(names) > MAX_CLASSES:
        shown = np.argsort(-np.bincount(codes), kind="stable")[: MAX_CLASSES - 1]
    classes = []
    for i, k in enumerate(sorted(shown, key=lambda k: _in_order(names[k]))):
        color, marker = style.color_of(i), style.MARKERS[i // len(style.PALETTE)]
        classes.append(_Class(np.flatnonzero(codes == k), names[k], color, marker))
    if n_rare := len(names) - len(shown):
        rows = np.flatnonzero(~np.isin(codes, shown))
        classes.append(_Class(rows, f"{n_rare:,} others", "0.8", "o", False))
    return classes


def _names_of(topics, dimensions):
    """What to call dimensions of codes: topics by their names, if they have some."""
    last = topics.steps[-1]
    if hasattr(last, "_bound_per_token") or hasattr(last, "topic_names_"):
        return topics.topic_names[list(dimensions)]
    return [f"dimension {k}" for k in dimensions]


def _varies(y):
    """Whether y is a number that varies over rows, rather than their classes."""
    if y.dtype.kind not in "iuf":
        return False
    values = np.unique(y[np.isfinite(y)])
    return len(values) > MAX_CLASSES or bool((values % 1).any())


def _in_order(label):
    """Key that sorts labels of any kind, and numbers within names by their size."""
    if not isinstance(label, str):
        return str(type(label)), label
    parts = re.split(r"(\d{1,18})", label)
    return str(str), [int(part) if i % 2 else part for i, part in enumerate(parts)]
