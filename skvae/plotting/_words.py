"""Topics as words, and topics in classes of documents."""

import numpy as np
import pandas as pd

from skvae.inspection import topic_sizes
from skvae.inspection.words import rank_words, word_frequencies
from skvae.models.fitted import FittedTopics
from skvae.plotting import _style as style

# A white stroke across a bar that goes on beyond the scale.
_STROKE = dict(marker=[(-1, -2), (1, 2)], markersize=14, markeredgewidth=2.5)
_STROKE |= dict(color="white", linestyle="none")


class TopicWordsDisplay(style.Display):
    """Top words of each topic as bars.

    Make it with `from_estimator`.

    Parameters
    ----------
    words : DataFrame of shape (n_topics, n_words)
        Words to show, a row for each topic, indexed by what to call the topics.
    values : array of shape (n_topics, n_words)
        Lengths of their bars.
    shares : array of shape (n_topics,), default=None
        Shares of the topics in the documents.
    value_name : str, default="probability of the word in the topic"
        What the bars measure.
    value_format : str, default=".1%"
        Format of the number at the longest bar of a topic.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.inspection.top_words : The words as a table.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.plotting import TopicWordsDisplay
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> display = TopicWordsDisplay.from_estimator(model, texts, n_words=2)
    >>> sorted(display.words.loc["topic 0"])
    ['cat', 'dog']
    """

    def __init__(
        self,
        words,
        values,
        *,
        shares=None,
        value_name="probability of the word in the topic",
        value_format=".1%",
    ):
        self.words = words
        self.values = values
        self.shares = shares
        self.value_name = value_name
        self.value_format = value_format

    @classmethod
    def from_estimator(
        cls,
        model,
        X=None,
        *,
        n_words=8,
        topics=None,
        by="probability",
        weight=None,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw the topics of a fitted model.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model, or a fitted Pipeline that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Documents, as the input of `model`, to show the topics' shares of, the
            largest topics first.
        n_words : int, default=8
            Number of words of each topic.
        topics : list of int or str, default=None
            Numbers or names of the topics to show, in this order; by default all.
        by : {"probability", "term_score", "relevance", "frex"}, default="probability"
            As in `skvae.inspection.top_words`; "relevance" goes by the word frequencies
            of X, if that is given. Whatever the order of the words, bars show their
            probabilities, or their weights if these are signed.
        weight : float in [0, 1], default=None
            As in `skvae.inspection.top_words`.
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
        display : TopicWordsDisplay
            With the picture drawn.
        """
        fitted = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        by_documents = X is not None and by == "relevance"
        frequencies = word_frequencies(fitted) if by_documents else None
        scores = rank_words(fitted, by, weight, frequencies)
        columns = fitted.leading_columns(n_words, scores)
        if fitted.signed:
            values = fitted.components
            measure = dict(value_name="weight of the word", value_format=".2g")
        else:
            values, measure = fitted.word_probabilities, {}
        shares, order = None, np.arange(len(columns))
        if X is not None:
            shares = topic_sizes(fitted, X)["share"].to_numpy()
            order = np.argsort(-shares, kind="stable")
        if topics is not None:
            order = np.array([fitted.topic_number(k) for k in topics], dtype=int)
            if len(order) == 0:
                raise ValueError("topics is empty. Name one or more.")
        words = pd.DataFrame(fitted.words[columns], index=fitted.topic_names)
        values = np.take_along_axis(values, columns, axis=1)[order]
        shares = None if shares is None else shares[order]
        display = cls(words.iloc[order], values, shares=shares, **measure)
        return display.plot(**plot_options)

    def plot(self, ax=None, *, n_columns=5, color=style.PALETTE[0], sharex=True):
        """Draw the bars, a panel for each topic, with a number at the longest one.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place the panels take; by default they get a new figure.
        n_columns : int, default=5
            Number of panels in a row.
        color : matplotlib color
            Of the bars.
        sharex : bool, default=True
            Whether all topics have one scale, so that lengths compare. Bars that are
            far longer than the longest ones of most topics are broken, else they would
            leave nothing of the others. False gives each topic a scale of its own.

        Returns
        -------
        self : TopicWordsDisplay
            The display, with its axes and figure.
        """
        n_topics, n_words = self.words.shape
        labels = self.words.map(style.legible).to_numpy()
        width = max(2.4, 1 + 0.085 * style.longest(labels.flat))
        panel_size = (width, 0.19 * n_words + 0.35)
        self.figure_, self.axes_ = style.grid_of_axes(
            ax, n_topics, min(n_columns, n_topics), panel_size, margins=(0, 0.3)
        )
        ends = np.maximum(np.max(self.values, axis=1), 1e-12)
        if sharex:
            ends[:] = min(ends.max(), 2 * np.median(ends))
        for k, ax in enumerate(self.axes_.flat[:n_topics]):
            values, end, top = self.values[k], ends[k], np.argmax(self.values[k])
            shown = np.minimum(values, end)
            bars = ax.barh(np.arange(n_words), shown, color=color, height=0.72)
            broken = np.flatnonzero(values > end)
            ax.plot(np.full(len(broken), 0.85 * end), broken, **_STROKE)
            numbers = [""] * n_words
            numbers[top] = format(values[top], self.value_format)
            ax.bar_label(bars, numbers, padding=3, fontsize=8, color="0.3")
            style.name_ticks(ax.yaxis, labels[k], fontsize=9)
            start = np.min(self.values if sharex else values)
            ax.set_xlim(min(0, start), 1.35 * end)
            title = style.legible(self.words.index[k])
            if self.shares is not None:
                title += f"  ({self.shares[k]:.1%})"
            style.set_bold_title(ax, title)
            ax.invert_yaxis()
            ax.tick_params(length=0)
            ax.set_xticks([])
            ax.spines[:].set_visible(False)
        label = self.value_name + ", a scale for each topic" * (not sharex)
        self.axes_[-1, 0].set_xlabel(label, fontsize=9, loc="left")
        return self


class TopicDocumentsDisplay(style.Display):
    """Topics in classes of documents, as a heat map.

    Make it with `from_estimator`.

    Parameters
    ----------
    shares : DataFrame of shape (n_topics, n_classes)
        Mean topic proportions of the documents of each class; columns sum to one.
        Documents without tokens do not count.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.metrics.label_alignment : How well topics agree with classes, in figures.
    TopicPrevalenceDisplay : Mean proportions by date or group, with errors.

    Examples
    --------
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.plotting import TopicDocumentsDisplay
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> y = ["pets", "pets", "travel", "travel"]
    >>> display = TopicDocumentsDisplay.from_estimator(model, texts, y)
    >>> display.shares.round(1)
                                pets  travel
    topic 0  cat dog train bus   0.9     0.1
    topic 1  train bus cat dog   0.1     0.9
    """

    def __init__(self, shares):
        self.shares = shares

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        y,
        *,
        n_words=4,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw in which classes the topics of a fitted model occur.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model with topic proportions, or a fitted Pipeline that ends
            in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Documents, as the input of `model`.
        y : array-like of shape (n_samples,)
            Their classes, as names or numbers.
        n_words : int, default=4
            Number of top words that name a topic, if feature names are known.
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
        display : TopicDocumentsDisplay
            With the picture drawn.
        """
        fitted = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        shares = fitted.proportions
        y = np.asarray(y)
        if y.shape != (len(shares),):
            raise ValueError(f"y has shape {y.shape}, but X has {len(shares)} rows.")
        telling = fitted.n_tokens > 0
        shares = pd.DataFrame(shares[telling]).groupby(y[telling]).mean().T
        shares.index = fitted.captions(n_words)
        # Topics of the first class first, so that the map tends to a diagonal.
        by_class = np.lexsort([-shares.max(axis=1), shares.to_numpy().argmax(axis=1)])
        return cls(shares.iloc[by_class]).plot(**plot_options)

    def plot(self, ax=None, *, cmap="Blues"):
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the cells, from a share of 0 on.

        Returns
        -------
        self : TopicDocumentsDisplay
            The display, with its axes and figure.
        """
        n_topics, n_classes = self.shares.shape
        names = [style.legible(name, 120) for name in self.shares.index]
        classes = [style.legible(name) for name in self.shares.columns]
        room = max(3.2, 1 + 0.075 * style.longest(names))
        below = max(1.6, 1 + 0.05 * style.longest(classes))
        self.figure_, self.ax_ = style.one_axes(
            ax, (room + 0.42 * n_classes, below + 0.27 * n_topics)
        )
        image = self.ax_.imshow(self.shares, cmap=cmap, vmin=0, aspect="auto")
        slanted = dict(rotation=40, ha="right", rotation_mode="anchor")
        style.name_ticks(self.ax_.xaxis, classes, fontsize=9, **slanted)
        style.name_ticks(self.ax_.yaxis, names, fontsize=9)
        # White lines between the cells.
        self.ax_.set_xticks(np.arange(n_classes + 1) - 0.5, minor=True)
        self.ax_.set_yticks(np.arange(n_topics + 1) - 0.5, minor=True)
        self.ax_.grid(which="minor", color="white", linewidth=1)
        self.ax_.tick_params(which="both", length=0)
        self.ax_.spines[:].set_visible(False)
        look = dict(shrink=0.6, format=style.PERCENT)
        bar = self.figure_.colorbar(image, ax=self.ax_, **look)
        bar.set_label("mean topic proportion in the class", fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
        return self
