"""Maps: words, topics and documents; latent codes."""

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import type_of_target

from skvae.fitted.model import last_step, topic_model_input
from skvae.fitted.space import to_plane
from skvae.inspection import embedding_map
from skvae.plotting._style import (
    MARKERS,
    PALETTE,
    PLAIN,
    draw_legend,
    legible,
    one_axes,
)
from skvae.utils.labels import place_labels

# Of a kind of point: colour of its marks and of its labels, marker, size.
_LOOKS = {
    "document": (PALETTE[0], "#00507D", "o", 9),
    "word": (PALETTE[2], "#00654A", "o", 9),
    "topic": (PALETTE[1], "#A84A00", "D", 46),
}


class EmbeddingMapDisplay:
    """Words, topics and documents on one map.

    Make it with `from_estimator`. Words are green dots, topics red diamonds with their
    numbers, documents blue dots. Labels that there is no room for are left out; a
    larger figure shows more.

    Parameters
    ----------
    points : DataFrame
        What `skvae.inspection.embedding_map` returns.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    texts_ : list of matplotlib Text
        The labels.

    See Also
    --------
    skvae.inspection.embedding_map : The points as a table.
    LatentSpaceDisplay : Codes of rows, coloured by label.

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

    def __init__(self, points):
        self.points = points

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
        points = embedding_map(
            model,
            X,
            n_words=n_words,
            n_documents=n_documents,
            transformer=transformer,
            feature_names=feature_names,
            covariates=covariates,
            embeddings=embeddings,
        )
        return cls(points).plot(**plot_options)

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
        self.figure_, self.ax_ = one_axes(ax, (10, 7.5))
        kinds = dict(list(self.points.groupby("kind")))
        for kind, (color, _, marker, size) in _LOOKS.items():
            if kind not in kinds:
                continue
            self.ax_.scatter(
                kinds[kind]["x"],
                kinds[kind]["y"],
                s=size,
                c=color,
                marker=marker,
                alpha=0.5 if kind == "document" else 1,
                linewidths=0.8 if kind == "topic" else 0,
                edgecolors="white",
                label=f"{kind}s",
                zorder=3 if kind == "topic" else 2,
            )
        self.ax_.set(xticks=[], yticks=[])
        self.ax_.margins(0.06)
        self.ax_.spines[:].set_color("0.8")
        self.ax_.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=3,
            frameon=False,
            fontsize=fontsize + 1,
            handletextpad=0.1,
            borderpad=0.2,
            reverse=True,
        )
        self.texts_ = []
        for kind in ["topic", "word", "document"][: 3 if label_documents else 2]:
            color = _LOOKS[kind][1]
            for point in kinds.get(kind, self.points[:0]).itertuples():
                self.texts_.append(
                    self.ax_.text(
                        point.x,
                        point.y,
                        legible(point.topic if kind == "topic" else point.label),
                        color=color,
                        fontsize=fontsize + 3 if kind == "topic" else fontsize,
                        fontweight="bold" if kind == "topic" else "normal",
                        fontstyle="italic" if kind == "document" else "normal",
                        ha="center",
                        va="center",
                        zorder=5 if kind == "topic" else 4,
                        **PLAIN,
                    )
                )
        self.texts_ = arrange(self.ax_, self.texts_, kinds["topic"][["x", "y"]])
        return self


def arrange(ax, texts, marks=()):
    """Move texts beside their points so that none covers another or a mark.

    The first ones have the choice; those without room are removed. Returns the rest.
    """
    figure = ax.figure
    while figure.figure is not figure:  # of a SubFigure
        figure = figure.figure
    figure.draw_without_rendering()  # the layout settles where the axes are
    renderer = figure.canvas.get_renderer()
    point = figure.dpi / 72  # in pixels
    to_pixels = ax.transData.transform
    boxes = [text.get_window_extent(renderer) for text in texts]
    sizes = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2)
    sizes += [2 * point, 0]  # blanks between words
    anchors = to_pixels([text.get_position() for text in texts] or np.empty((0, 2)))
    marks = to_pixels(np.reshape(np.asarray(marks, dtype=float), (-1, 2)))
    centres = place_labels(
        anchors,
        sizes,
        np.array(ax.bbox.extents),
        gap=2.5 * point,
        obstacles=np.hstack([marks - 5 * point, marks + 5 * point]),
    )
    placed = []
    for text, centre in zip(texts, centres):
        if np.isnan(centre).any():
            text.remove()
        else:
            text.set_position(ax.transData.inverted().transform(centre))
            placed.append(text)
    return placed


class LatentSpaceDisplay:
    """Codes of the rows of a matrix in two dimensions, coloured by label.

    Make it with `from_estimator`.

    Parameters
    ----------
    codes : array of shape (n_samples, 2)
        Where the rows lie.
    y : array of shape (n_samples,), default=None
        Classes of the rows, or numbers.
    axis_names : pair of str, default=None
        What the dimensions are, if they are anything.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ManifoldDisplay : What the places decode to.
    EmbeddingMapDisplay : Topics, words and documents.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import LatentSpaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> vae = VAETransformer(2, max_epochs=2, random_state=0).fit(X)
    >>> display = LatentSpaceDisplay.from_estimator(vae, X, y)
    >>> display.ax_.get_xlabel()
    'vaetransformer0'
    """

    def __init__(self, codes, y=None, *, axis_names=None):
        self.codes = codes
        self.y = y
        self.axis_names = axis_names

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        y=None,
        *,
        dimensions=None,
        transformer=None,
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
        y : array-like of shape (n_samples,), default=None
            Classes of the rows, as names or numbers, or a number that varies over them.
        dimensions : pair of int, default=None
            Two of the dimensions of the codes to show.
        transformer : transformer with `fit_transform`, default=None
            Takes codes of more than two dimensions to two, if no `dimensions` are
            given. None is t-SNE with ``random_state=0``.
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
        if covariates is None and embeddings is None:
            codes = model.transform(X)
        else:
            rows, given = topic_model_input(
                model, X, covariates=covariates, embeddings=embeddings
            )
            codes = last_step(model).transform(rows, **given)
        codes, names = np.asarray(codes), None
        if dimensions is None and codes.shape[1] == 2:
            dimensions = (0, 1)
        if dimensions is not None:
            codes = codes[:, list(dimensions)]
            last = last_step(model)
            if hasattr(last, "get_feature_names_out"):
                names = last.get_feature_names_out()[list(dimensions)]
        else:
            codes = to_plane(codes, transformer)
        if y is not None:
            y = np.asarray(y)
            if y.shape != (len(codes),):
                raise ValueError(
                    f"y has shape {y.shape}, but X has {len(codes)} rows. Pass one "
                    "label for each."
                )
        return cls(codes, y, axis_names=names).plot(**plot_options)

    def plot(self, ax=None, *, size=None, cmap="viridis"):
        """Draw the codes.

        Labels stand in the middle of their rows, or in a legend if there are more than
        12. Rows that lie far from all others are out of sight.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.
        size : float, default=None
            Area of the marks, in square points.
        cmap : str or matplotlib Colormap, default="viridis"
            For a `y` that varies.

        Returns
        -------
        self : LatentSpaceDisplay
            The display, with its axes and figure.
        """
        self.figure_, self.ax_ = one_axes(ax, (6.4, 5.6))
        if size is None:
            size = float(np.clip(20_000 / len(self.codes), 3, 25))
        x, y = np.asarray(self.codes).T
        look = dict(s=size, alpha=0.6, linewidths=0)
        if self.y is None:
            self.ax_.scatter(x, y, color=PALETTE[0], **look)
        elif type_of_target(self.y).startswith("continuous"):
            marks = self.ax_.scatter(x, y, c=self.y, cmap=cmap, **look)
            bar = self.figure_.colorbar(marks, ax=self.ax_, shrink=0.7)
            bar.solids.set_alpha(1)
        else:
            self._draw_classes(x, y, look)
        low, high = np.quantile(self.codes, [0.002, 0.998], axis=0)
        margin = 0.08 * (high - low) + 1e-12
        self.ax_.set_xlim(low[0] - margin[0], high[0] + margin[0])
        self.ax_.set_ylim(low[1] - margin[1], high[1] + margin[1])
        if self.axis_names is None:
            self.ax_.set(xticks=[], yticks=[])
            self.ax_.spines[:].set_color("0.8")
        else:
            self.ax_.set_xlabel(legible(self.axis_names[0]), **PLAIN)
            self.ax_.set_ylabel(legible(self.axis_names[1]), **PLAIN)
            self.ax_.spines[["top", "right"]].set_visible(False)
        return self

    def _draw_classes(self, x, y, look):
        classes = sorted(pd.unique(self.y), key=lambda c: (str(type(c)), c))
        handles = []
        for i, label in enumerate(classes):
            color = PALETTE[i % len(PALETTE)]
            mine = self.y == label
            marker = MARKERS[i // len(PALETTE) % len(MARKERS)]
            marks = self.ax_.scatter(
                x[mine], y[mine], color=color, marker=marker, label=str(label), **look
            )
            handles.append(marks)
            if len(classes) <= 12:
                self.ax_.annotate(
                    legible(label),
                    (np.median(x[mine]), np.median(y[mine])),
                    fontweight="bold",
                    fontsize=10,
                    ha="center",
                    va="center",
                    **PLAIN,
                    bbox=dict(boxstyle="round", fc="white", ec=color, lw=1.5),
                )
        if len(classes) > 12:
            draw_legend(
                self.ax_,
                handles,
                classes,
                loc="center left",
                bbox_to_anchor=(1, 0.5),
                frameon=False,
                fontsize=8,
                markerscale=2,
            )
