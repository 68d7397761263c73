"""How topics come and go, and where they live."""

from skvae.inspection import topic_prevalence
from skvae.inspection.prevalence import axis_of_groups, share_interval
from skvae.models.fitted import FittedTopics
from skvae.plotting import _style as style

N_COLUMNS = 3


class TopicPrevalenceDisplay(style.Display):
    """Mean topic proportions over time as lines, or by group as points, with errors.

    Make it with `from_estimator`. Each topic has axes of its own; bands and bars are
    95 % intervals.

    Parameters
    ----------
    prevalence : DataFrame
        As `skvae.inspection.topic_prevalence` returns it.
    titles : dict of str to str
        What each topic is called in the picture, by its name.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.inspection.topic_prevalence : The shares as a table.
    TopicDocumentsDisplay : Shares by class as a heat map.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.plotting import TopicPrevalenceDisplay
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> dates = pd.to_datetime(["2024-03-01", "2024-03-09", "2024-05-02", "2024-05-03"])
    >>> display = TopicPrevalenceDisplay.from_estimator(model, texts, dates)
    >>> display.axes_.shape
    (1, 2)
    """

    def __init__(self, prevalence, titles):
        self.prevalence = prevalence
        self.titles = titles

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        by,
        *,
        freq="M",
        topics=6,
        n_words=4,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw how much of documents is about the topics of a fitted model.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model with topic proportions, or a fitted Pipeline that ends
            in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Documents, as the input of `model`.
        by : array-like of shape (n_samples,)
            As in `skvae.inspection.topic_prevalence`: dates or groups.
        freq : str, default="M"
            Length of the periods that dates are put into.
        topics : int, list of int or str, or None, default=6
            How many topics to show, those whose mean proportions differ most; or their
            numbers or names. None shows all.
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
        display : TopicPrevalenceDisplay
            With the picture drawn.
        """
        fitted = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        prevalence = topic_prevalence(fitted, X, by, freq=freq)
        names = fitted.topic_names
        shares = prevalence.groupby("topic", sort=False)["share"]
        chosen = fitted.chosen_topics(topics, (shares.max() - shares.min())[names])
        captions = fitted.captions(n_words)
        titles = {names[k]: captions[k] for k in chosen}
        shown = prevalence[prevalence["topic"].isin(list(titles))]
        return cls(shown, titles).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the topics.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where the grid of axes goes; by default into a new figure.

        Returns
        -------
        self : TopicPrevalenceDisplay
            The display, with its axes and figure.
        """
        groups = self.prevalence["group"]
        in_time = axis_of_groups(groups) == "time"
        in_order = axis_of_groups(groups) != "groups"
        n_columns = min(N_COLUMNS, len(self.titles))
        titles = {name: style.legible(title, 60) for name, title in self.titles.items()}
        width = max(3.6, 0.09 * style.longest(titles.values()))
        height = 2.1 if in_order else 0.8 + 0.2 * groups.nunique()
        self.figure_, self.axes_ = style.grid_of_axes(
            ax, len(titles), n_columns, (width, height), margins=(0.6, 0.5)
        )
        low, high = share_interval(self.prevalence)
        found = self.prevalence.assign(low=low, high=high)
        for ax, (k, (name, title)) in zip(self.axes_.flat, enumerate(titles.items())):
            rows = found[found["topic"] == name]
            share, low, high = rows[["share", "low", "high"]].to_numpy().T
            where = rows["group"].dt.start_time if in_time else rows["group"]
            color = style.color_of(k)
            if in_order:
                look = {"marker": "o", "markersize": 3}
                style.draw_band(ax, where, share, low, high, color, **look)
                ax.set_ylim(0, 1.05 * found["high"].max())
                axis = ax.yaxis
            else:
                names = where.map(style.legible)
                style.draw_bars(ax, share, low, high, names, color)
                ax.set_xlim(0, 1.05 * found["high"].max())
                axis = ax.xaxis
                if k % n_columns:
                    ax.tick_params(labelleft=False)
            style.percent_ticks(axis)
            style.set_bold_title(ax, title)
            ax.tick_params(labelsize=8)
            style.clear_frame(ax)
        if in_time:
            dates = style.pyplot().matplotlib.dates
            for ax in self.axes_.flat:
                locator = dates.AutoDateLocator(maxticks=6)
                ax.xaxis.set_major_locator(locator)
                ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        return self
