"""Which model, and how many components, to take."""

import re

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import last_step
from skvae.plotting import _style as style

# A model's name and its number of components, as in "GSM 20".
_NAME = re.compile(r"(?s)^(?P<family>.*?)[\s:=,(/._-]*(?P<number>\d+)\Z")
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


class ModelSelectionDisplay(style.Display):
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
                f"{type(search).__name__} is no search. Pass a fitted GridSearchCV."
            )
        results = pd.DataFrame(search.cv_results_)
        tried = [k.removeprefix("param_") for k in results if k.startswith("param_")]
        found = [key for key in tried if key.rpartition("__")[2] == "n_components"]
        if parameter is not None:
            found = [key for key in tried if key == parameter]
        columns = results[[f"param_{key}" for key in found]]
        numbers = columns.apply(pd.to_numeric, errors="coerce")
        if len(found) != 1 or numbers.isna().all(axis=None):
            raise ValueError(
                f"The search went over {tried}. Pass one of these as parameter=."
            )
        # NaN of candidates that have no number of components.
        results["n_components"] = numbers.squeeze(axis=1)
        if "iter" in results:  # of halving: with the most resources
            results = results[results["iter"] == results["iter"].max()]

        prefix = "mean_test_"
        metrics = [k.removeprefix(prefix) for k in results if k.startswith(prefix)]
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
        results = results.sort_values("n_components")
        panels = []
        for metric in metrics:
            scores = results.filter(regex=rf"^split\d+_test_{re.escape(metric)}$")
            scores = np.exp(-scores) if in_nats else scores
            name = "perplexity" if in_nats else metric
            mean, std = scores.mean(axis=1), scores.std(axis=1, ddof=0)
            panels.append(_panel(name, "", results["n_components"], mean, std))
        found = pd.concat(panels, ignore_index=True)
        return cls(found, choices).plot(**plot_options)

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
        models = table.drop(index="unigram", errors="ignore")
        if len(models) == 0:
            raise ValueError("The table has no model.")
        names = models.index.astype(str)
        parts = names.str.extract(_NAME)
        if parts.notna().all(axis=None) and parts["family"].duplicated().any():
            families, numbers = parts["family"].array, parts["number"].astype(int).array
        else:
            families, numbers = names, np.nan
        panels = []
        for metric in _COMPARED:
            if metric in models and models[metric].notna().any():
                mean = models[metric]
                std = models.get(f"{metric}_std", mean * np.nan)
                panels.append(_panel(metric, families, numbers, mean.array, std.array))
        results = pd.concat(panels, ignore_index=True)
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
        panels = dict(list(self.results.groupby("metric", sort=False)))
        families = self.results["family"].unique()
        as_bars = self.results["n_components"].isna().all()
        n_columns = 2 if len(panels) == 4 else min(N_COLUMNS, len(panels))
        panel_size, margins = (3.4, 3.2), (0.6, 0)
        if as_bars:
            panel_size = (2.6, 0.7 + 0.3 * len(families))
            room = 0.07 * style.longest([style.legible(name) for name in families])
            margins = (0.3 + room, 0)
        self.figure_, self.axes_ = style.grid_of_axes(
            ax, len(panels), n_columns, panel_size, margins
        )
        handles = {}
        for i, (ax, (metric, shown)) in enumerate(zip(self.axes_.flat, panels.items())):
            title = style.legible(_COMPARED.get(metric, metric))
            ax.tick_params(labelsize=9)
            style.clear_frame(ax)
            baseline = (self.baselines or {}).get(metric)
            if as_bars:
                title += ", smaller is better" * (metric in _SMALLER)
                self._draw_bars(ax, shown, baseline, smallest=metric in _SMALLER)
                names = shown["family"].map(style.legible) if i % n_columns == 0 else []
                style.name_ticks(ax.yaxis, names)
            else:
                handles |= self._draw_lines(ax, shown, baseline)
            style.set_bold_title(ax, title, fontsize=10)
        if len(handles) > 1:
            look = dict(frameon=False, fontsize=8)
            style.draw_legend(self.axes_[0, 0], handles.values(), handles, **look)
        return self

    def _draw_lines(self, ax, shown, baseline):
        """Draw a line for each family; return what the legend needs, by name."""
        handles = {}
        for i, family in enumerate(self.results["family"].unique()):
            line = shown[shown["family"] == family].sort_values("n_components")
            look = dict(data=line, color=style.color_of(i), markersize=5, capsize=2)
            look["marker"] = style.MARKERS[i % len(style.MARKERS)]
            look["yerr"] = None if line["std"].isna().all() else "std"
            handles[family] = ax.errorbar("n_components", "value", label=family, **look)
            chosen = line[line["n_components"] == self.choices.get(family)]
            ring = dict(marker="o", markersize=13, markeredgewidth=1.5)
            ring |= dict(color=style.color_of(i), fillstyle="none", linestyle="")
            ax.plot(chosen["n_components"], chosen["value"], **ring)
        if baseline is not None:
            line = ax.axhline(baseline, color="0.5", linestyle=":", label="unigram")
            handles["unigram"] = line
        ax.set_xlabel("number of components", fontsize=9)
        ax.set_xticks(np.unique(shown["n_components"]))
        ax.margins(x=0.1)
        return handles

    def _draw_bars(self, ax, shown, baseline, smallest):
        """Draw a bar for each model, a dark one for the best."""
        values = shown["value"].to_numpy(float)
        best = np.nanmin(values) if smallest else np.nanmax(values)
        bars = ax.barh(
            np.arange(len(values)),
            np.nan_to_num(values),
            xerr=None if shown["std"].isna().all() else shown["std"],
            color=np.where(values == best, style.PALETTE[0], "#9CC3DE"),
            error_kw=dict(ecolor="0.3", elinewidth=1, capsize=2),
            height=0.7,
        )
        numbers = [f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}" for v in values]
        numbers = [number.replace("nan", "none") for number in numbers]
        look = dict(fontsize=8, color="0.3", bbox=dict(fc="white", ec="none", pad=0.5))
        ax.bar_label(bars, numbers, padding=3, **look)
        if baseline is not None:
            ax.axvline(baseline, color="0.5", linestyle=":")
            ax.set_xlabel("dotted: word frequencies alone", fontsize=8, loc="left")
        ax.invert_yaxis()
        ax.axvline(0, color="0.2", linewidth=0.8)
        ax.margins(x=0.25)
        ax.tick_params(axis="y", length=0)
        ax.set_xticks([])
        ax.spines[["left", "bottom"]].set_visible(False)


def _panel(metric, family, n_components, value, std):
    """Rows of `results` of one metric."""
    columns = {"n_components": n_components, "value": value, "std": std}
    return pd.DataFrame({"metric": metric, "family": family, **columns})
