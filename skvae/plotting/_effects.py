"""How topic proportions depend on what is known about the documents."""

import numpy as np
import pandas as pd

from skvae.inspection.effects import TopicRegression, effects_of
from skvae.models.fitted import FittedTopics
from skvae.plotting import _style as style

N_COLUMNS = 3
N_POINTS = 50


class TopicEffectDisplay(style.Display):
    """Effects on topic proportions, or expected proportions over a number.

    Make it with `from_estimator`. Bars and bands are 95 % confidence intervals.

    Parameters
    ----------
    effects : DataFrame
        As `skvae.inspection.topic_effects` returns it; with `over`, the columns
        "topic", `over`, "estimate", "low" and "high".
    titles : dict of str to str
        What each topic is called in the picture, by its name.
    over : str, default=None
        The column on the horizontal axis. None draws the effects of all terms.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.inspection.topic_effects : The effects as a table.
    TopicPrevalenceDisplay : Means over time or by group.

    Examples
    --------
    >>> import pandas as pd
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.plotting import TopicEffectDisplay
    >>> corpus = make_topic_corpus(300, 50, 3, random_state=0)
    >>> model = GSMTopicModel(3, random_state=0).fit(corpus.data)
    >>> table = pd.DataFrame({"theme": corpus.target == 0})
    >>> display = TopicEffectDisplay.from_estimator(model, corpus.data, table)
    >>> display.axes_.shape
    (1, 1)
    """

    def __init__(self, effects, titles, over=None):
        self.effects = effects
        self.titles = titles
        self.over = over

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        design,
        data=None,
        *,
        over=None,
        topics=6,
        sample_weight=None,
        clusters=None,
        n_words=4,
        feature_names=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw what the topic proportions of a fitted model depend on.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted topic model with topic proportions, or a fitted Pipeline that ends
            in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Documents, as the input of `model`.
        design : DataFrame or Series of n_samples rows, or str
            As in `skvae.inspection.topic_effects`, like the next one.
        data : DataFrame of n_samples rows, default=None
            Columns of a formula.
        over : str, default=None
            Column of numbers, of `data` or of the design, to draw expected proportions
            over. Other numbers are at their means, and others at their most frequent
            value. None draws the effects of all terms but the intercept.
        topics : int, list of int or str, or None, default=6
            How many topics to show: those with the largest effects in units of their
            standard errors or, with `over`, those that change most. Or their numbers or
            names. None shows all.
        sample_weight, clusters : array-like of shape (n_samples,), default=None
            As in `skvae.inspection.topic_effects`.
        n_words : int, default=4
            Number of top words that name a topic, if feature names are known.
        feature_names : array-like of shape (n_features,), default=None
            As in `skvae.inspection.top_words`.
        covariates : array-like, default=None
            Of the documents, if the model was fitted with covariates.
        embeddings : array-like of shape (n_samples, n_embedding_features), default=None
            Of the documents, if the model was fitted with embeddings.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : TopicEffectDisplay
            With the picture drawn.
        """
        fitted = FittedTopics(model, X, None, feature_names, covariates, embeddings)
        fit = TopicRegression(fitted, design, data, sample_weight, clusters)
        names, captions = fitted.topic_names, fitted.captions(n_words)
        if over is not None:
            effects = expected_shares(fit, over, names)
            of_topic = effects.groupby("topic")["estimate"]
            sizes = of_topic.max() - of_topic.min()
        else:
            effects = effects_of(fit, fitted, n_words)
            effects = effects[effects["term"] != "intercept"]
            sizes = (effects["estimate"] / effects["std_error"]).abs()
            sizes = sizes.groupby(effects["topic"]).max()
        chosen = fitted.chosen_topics(topics, sizes[names])
        titles = {names[k]: captions[k] for k in chosen}
        return cls(effects, titles, over).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where the grid of axes goes; by default into a new figure.

        Returns
        -------
        self : TopicEffectDisplay
            The display, with its axes and figure.
        """
        titles = {name: style.legible(title, 60) for name, title in self.titles.items()}
        shown = self.effects[self.effects["topic"].isin(list(titles))]
        longest = 0.07 * style.longest(titles.values())
        if self.over is None:
            by, panels, n_columns = "term", shown["term"].unique(), N_COLUMNS + 1
            size, margins = (2.6, 0.9 + 0.24 * len(titles)), (0.3 + longest, 0.4)
        else:
            by, panels, n_columns = "topic", list(titles), N_COLUMNS
            size, margins = (max(3.6, longest), 2.2), (0.3, 0.4)
        n_columns = min(n_columns, len(panels))
        self.figure_, self.axes_ = style.grid_of_axes(
            ax, len(panels), n_columns, size, margins=margins
        )
        for k, (ax, panel) in enumerate(zip(self.axes_.flat, panels)):
            rows = shown[shown[by] == panel]
            if self.over is None:
                rows = rows.set_index("topic").loc[list(titles)]
                style.set_bold_title(ax, style.legible(panel))
                ax.axvline(0, color="0.6", linewidth=0.8)
                ends = (rows[name].to_numpy() for name in ("estimate", "low", "high"))
                style.draw_bars(ax, *ends, list(titles.values()), style.PALETTE[0])
                ax.tick_params(labelleft=k % n_columns == 0)
                ax.set_xlabel("change of the share, 95 % interval", fontsize=8)
            else:
                style.set_bold_title(ax, titles[panel])
                ends = (rows[name] for name in ("estimate", "low", "high"))
                style.draw_band(ax, rows[self.over], *ends, style.color_of(k))
                ax.set_ylim(0, 1.05 * shown["high"].max())
                ax.set_xlabel(style.legible(self.over), fontsize=8)
            style.percent_ticks(ax.xaxis if self.over is None else ax.yaxis)
            ax.tick_params(labelsize=8)
            style.clear_frame(ax)
        return self


def expected_shares(fit, over, names):
    """Table of the shares that a regression expects over the range of a column."""
    data = fit.data
    if over not in data or not pd.api.types.is_numeric_dtype(data[over]):
        known = data.columns[data.dtypes.map(pd.api.types.is_numeric_dtype)]
        raise ValueError(
            f"over={over!r} is not a column of numbers. These are {', '.join(known)}."
        )
    usual = {
        name: column.mean()
        if pd.api.types.is_float_dtype(column) or pd.api.types.is_integer_dtype(column)
        else column.mode()[0]
        for name, column in data.items()
    }
    points = np.linspace(data[over].min(), data[over].max(), N_POINTS)
    matrix = fit.encode(pd.DataFrame({**usual, over: points})).to_numpy(float)
    shares = matrix @ fit.coefficients
    variances = np.einsum("pi,kij,pj->pk", matrix, fit.covariances, matrix)
    width = fit.half_width(np.sqrt(variances))
    return pd.DataFrame(
        {
            "topic": np.tile(names, N_POINTS),
            over: points.repeat(len(names)),
            "estimate": shares.ravel(),
            "low": np.maximum(shares - width, 0).ravel(),
            "high": (shares + width).ravel(),
        }
    )
