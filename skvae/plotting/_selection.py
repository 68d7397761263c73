"""Which model, and how many components, to take."""

import re

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import last_step
from skvae.plotting._style import (
    MARKERS,
    PALETTE,
    PLAIN,
    Display,
    clear_frame,
    draw_legend,
    grid_of_axes,
    legible,
)

# A model's name and its number of components, as in "GSM 20".
_NAME = re.compile(r"(?P<family>.*?)[\s:=,(/._-]*(?P<number>\d+)", re.DOTALL)
# Metrics of `compare_models` to show, where the table has them, and their titles.
_COMPARED = {
    "perplexity": "perplexity",
    "npmi": "coherence (npmi)",
    "npmi_test": "coherence, held-out texts",
    "diversity": "diversity",
    "stability": "stability over seeds",
    "nmi": "agreement with labels (nmi)",
}
_SMALLER = {"perplexity"}  # is better
N_COLUMNS = 3


class ModelSelectionDisplay(Display):
    """Figures of models by their number of components, or of a few models as bars.

    Make it with `from_estimator`, of a search, or with `from_comparison`, of a table of
    `compare_models`.

    Parameters
    ----------
    results : DataFrame
        A row for each figure, with the columns "metric", "family" (a name for models
        that differ in their number of components alone), "n_components", "value" and
        "std" (NaN if unknown). Without any number of components, each family has a bar.
    choices : dict of str to int
        The number of components chosen, by family.
    baselines : dict of str to float, default=None
        Values of a metric to draw as a line, by metric.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
        A panel for each metric.
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.model_selection.compare_models : Makes such a table.
    sklearn.model_selection.GridSearchCV : Another source of what is drawn.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skvae import NVDMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.plotting import ModelSelectionDisplay
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = NVDMTopicModel(max_epochs=2, random_state=0)
    >>> search = GridSearchCV(model, {"n_components": [2, 4]}, cv=2).fit(X)
    >>> display = ModelSelectionDisplay.from_estimator(search)
    >>> display.results[["metric", "n_components"]].to_numpy().tolist()
    [['perplexity', 2], ['perplexity', 4]]
    """

    def __init__(self, results, choices, *, baselines=None):
        self.results = results
        self.choices = choices
        self.baselines = baselines

    @classmethod
    def from_estimator(cls, search, *, parameter=None, **plot_options):
        """Draw the scores of a search over the number of components.

        Parameters
        ----------
        search : fitted GridSearchCV, HalvingGridSearchCV or the like
            With several scorers, each has a panel. The score of skvae's topic models
            themselves, the bound per token, is shown as perplexity. Of a halving search
            the last iteration is shown.
        parameter : str, default=None
            Parameter that is drawn, such as "topics__n_components"; by default the only
            one of the search of this name. Of others, the best values are taken.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : ModelSelectionDisplay
            With the picture drawn.

        Raises
        ------
        TypeError
            If it is no search.
        ValueError
            If there is no such parameter, or more than one.
        """
        if not hasattr(search, "cv_results_"):
            if hasattr(search, "estimator"):
                check_is_fitted(search, "cv_results_")
            raise TypeError(
                f"{type(search).__name__} is no search. Pass a fitted GridSearchCV, or "
                "call from_comparison with what compare_models returns."
            )
        results = pd.DataFrame(search.cv_results_)
        tried = [k.removeprefix("param_") for k in results if k.startswith("param_")]
        found = [key for key in tried if key.rpartition("__")[2] == "n_components"]
        if parameter is not None:
            found = [key for key in tried if key == parameter]
        if len(found) != 1:
            raise ValueError(
                f"The search went over {tried}. Pass parameter=, the one of them that "
                "is the number of components."
            )
        numbers = pd.to_numeric(results[f"param_{found[0]}"], errors="coerce")
        if numbers.isna().all():
            raise ValueError(f"The search tried no number as {found[0]!r}.")
        results["n_components"] = numbers  # none of candidates that have no such one
        if "iter" in results:  # of halving: with the most resources
            results = results[results["iter"] == results["iter"].max()]

        metrics = [
            key.removeprefix("mean_test_")
            for key in results
            if key.startswith("mean_test_")
        ]
        by = search.refit if isinstance(search.refit, str) else metrics[0]
        # The chosen candidate stands for its number, the best one for others.
        results = results.sort_values(f"rank_test_{by}")
        chosen = getattr(search, "best_index_", results.index[0])
        results = pd.concat([results.loc[[chosen]], results.drop(index=chosen)])
        results = results.dropna(subset=["n_components"])
        results = results.drop_duplicates("n_components").astype({"n_components": int})
        choices = {}
        if chosen in results.index:
            choices[""] = int(results.loc[chosen, "n_components"])

        searched = last_step(search.estimator)
        in_nats = search.scoring is None and hasattr(searched, "_bound_per_token")
        rows = []
        for metric in metrics:
            splits = [
                key
                for key in results
                if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", key)
            ]
            for _, candidate in results.sort_values("n_components").iterrows():
                values = candidate[splits].to_numpy(dtype=float)
                values = np.exp(-values) if in_nats else values
                name = "perplexity" if in_nats else metric
                rows.append(
                    (name, "", candidate["n_components"], values.mean(), values.std())
                )
        return cls(_frame(rows), choices).plot(**plot_options)

    @classmethod
    def from_comparison(cls, table, **plot_options):
        """Draw a table of models, as bars or by their number of components.

        Perplexity, coherence, diversity, and of tables that have them coherence in
        held-out texts, stability over seeds and agreement with labels have a panel
        each. Standard deviations over seeds are drawn where the table has them, and the
        perplexity of word frequencies alone as a dotted line.

        Parameters
        ----------
        table : DataFrame
            What `skvae.model_selection.compare_models` returns. If all models have
            names that end in their number of components, and some have several, as
            "GSM 10", "GSM 20", "LDA 10" and "LDA 20", those of a family are joined by a
            line, and the one with the least perplexity is marked. Else each model has
            a bar, and that of the best one is dark.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : ModelSelectionDisplay
            With the picture drawn.

        Raises
        ------
        ValueError
            If there is no model in the table.

        Examples
        --------
        >>> from sklearn.decomposition import NMF
        >>> from skvae.datasets import make_topic_corpus
        >>> from skvae.model_selection import compare_models
        >>> from skvae.plotting import ModelSelectionDisplay
        >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
        >>> models = {f"NMF {k}": NMF(k, init="nndsvda") for k in (2, 3)}
        >>> table = compare_models(models, X)
        >>> ModelSelectionDisplay.from_comparison(table).choices
        {'NMF': 3}
        """
        models = [name for name in table.index if name != "unigram"]
        if not models:
            raise ValueError(
                "The table has no model. Pass what compare_models returns."
            )
        parts = [_NAME.fullmatch(str(name)) for name in models]
        families = [match and match["family"] for match in parts]
        by_number = all(parts) and len(set(families)) < len(models)
        metrics = [
            m for m in _COMPARED if m in table and table.loc[models, m].notna().any()
        ]
        rows = [
            (
                metric,
                match["family"] if by_number else str(name),
                int(match["number"]) if by_number else np.nan,
                table.loc[name, metric],
                table.loc[name].get(f"{metric}_std", np.nan),
            )
            for metric in metrics
            for name, match in zip(models, parts)
        ]
        results = _frame(rows)
        best = results[results["metric"] == "perplexity"]
        best = best.dropna(subset=["value", "n_components"])
        best = best.loc[best.groupby("family", sort=False)["value"].idxmin()]
        choices = dict(zip(best["family"], best["n_components"].tolist()))
        baselines = None
        if "unigram" in table.index:
            baselines = {"perplexity": table.loc["unigram", "perplexity"]}
        return cls(results, choices, baselines=baselines).plot(**plot_options)

    def plot(self, ax=None):
        """Draw a panel for each metric.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place the panels take; by default they get a new figure.

        Returns
        -------
        self : ModelSelectionDisplay
            The display, with its axes and figure.
        """
        metrics = self.results["metric"].unique()
        families = self.results["family"].unique()
        as_bars = self.results["n_components"].isna().all()
        n_columns = 2 if len(metrics) == 4 else min(N_COLUMNS, len(metrics))
        n_rows = -(-len(metrics) // n_columns)
        figsize = (0.6 + 3.4 * n_columns, 3.2 * n_rows)
        if as_bars:
            room = 0.3 + 0.07 * max(len(legible(name)) for name in families)
            figsize = (room + 2.6 * n_columns, (0.7 + 0.3 * len(families)) * n_rows)
        self.figure_, self.axes_ = grid_of_axes(ax, n_rows, n_columns, figsize)
        for ax in self.axes_.flat[len(metrics) :]:
            ax.set_visible(False)
        for ax, metric in zip(self.axes_.flat, metrics):
            title = legible(_COMPARED.get(metric, metric))
            ax.set_title(title, loc="left", fontsize=10, fontweight="bold", **PLAIN)
            ax.tick_params(labelsize=9)
            clear_frame(ax)
        self._draw_bars() if as_bars else self._draw_lines()
        return self

    def _draw_lines(self):
        metrics, families = (self.results[key].unique() for key in ("metric", "family"))
        handles = {}
        for ax, metric in zip(self.axes_.flat, metrics):
            shown = self.results[self.results["metric"] == metric]
            for i, family in enumerate(families):
                line = shown[shown["family"] == family].sort_values("n_components")
                color = PALETTE[i % len(PALETTE)]
                handles[family] = ax.errorbar(
                    line["n_components"],
                    line["value"],
                    yerr=None if line["std"].isna().all() else line["std"],
                    color=color,
                    marker=MARKERS[i % len(MARKERS)],
                    markersize=5,
                    capsize=2,
                    label=family,
                )
                chosen = line[line["n_components"] == self.choices.get(family)]
                ax.plot(
                    chosen["n_components"],
                    chosen["value"],
                    marker="o",
                    markersize=13,
                    markerfacecolor="none",
                    markeredgecolor=color,
                    markeredgewidth=1.5,
                    linestyle="none",
                )
            baseline = (self.baselines or {}).get(metric)
            if baseline is not None:
                line = ax.axhline(baseline, color="0.5", linestyle=":", label="unigram")
                handles["unigram"] = line
            ax.set_xlabel("number of components", fontsize=9)
            ax.set_xticks(np.unique(shown["n_components"]))
            ax.margins(x=0.1)
        if len(families) > 1 or self.baselines:
            draw_legend(
                self.axes_[0, 0],
                list(handles.values()),
                list(handles),
                frameon=False,
                fontsize=8,
            )

    def _draw_bars(self):
        for i, (ax, metric) in enumerate(
            zip(self.axes_.flat, self.results["metric"].unique())
        ):
            shown = self.results[self.results["metric"] == metric]
            values, places = shown["value"].to_numpy(float), np.arange(len(shown))
            best = np.nanmin(values) if metric in _SMALLER else np.nanmax(values)
            bars = ax.barh(
                places,
                np.nan_to_num(values),
                xerr=None if shown["std"].isna().all() else shown["std"],
                color=np.where(values == best, PALETTE[0], "#9CC3DE"),
                error_kw=dict(ecolor="0.3", elinewidth=1, capsize=2),
                height=0.7,
            )
            numbers = ["none" if np.isnan(v) else f"{v:.3g}" for v in values]
            numbers = [
                f"{v:,.0f}" if abs(v) >= 100 else n for v, n in zip(values, numbers)
            ]
            ax.bar_label(
                bars,
                numbers,
                padding=3,
                fontsize=8,
                color="0.3",
                bbox=dict(fc="white", ec="none", pad=0.5),  # over the dotted line
            )
            baseline = (self.baselines or {}).get(metric)
            if baseline is not None:
                ax.axvline(baseline, color="0.5", linestyle=":")
                ax.set_xlabel("dotted: word frequencies alone", fontsize=8, loc="left")
            if metric in _SMALLER:
                title = f"{ax.get_title(loc='left')}, smaller is better"
                ax.set_title(title, loc="left", fontsize=10, fontweight="bold", **PLAIN)
            names = shown["family"].map(legible) if i % self.axes_.shape[1] == 0 else []
            ax.set_yticks(places[: len(names)], names, **PLAIN)
            ax.invert_yaxis()
            ax.axvline(0, color="0.2", linewidth=0.8)
            ax.margins(x=0.25)
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
            ax.set_xticks([])
            ax.spines["bottom"].set_visible(False)


def _frame(rows):
    return pd.DataFrame(
        rows, columns=["metric", "family", "n_components", "value", "std"]
    )
