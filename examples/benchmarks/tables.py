"""Tables that the benchmarks print, and the figure that they add to them."""

import numpy as np

# By column of `compare_models`, or "bound": heading and digits.
FIGURES = {
    "perplexity": ("per token", 1),
    "doc_perplexity": ("per document", 1),
    "npmi": ("NPMI", 3),
    "npmi_test": ("NPMI held out", 3),
    "c_v": ("C_V", 3),
    "diversity": ("diversity", 2),
    "purity": ("purity", 3),
    "nmi": ("NMI", 3),
    "stability": ("stability", 2),
    "doc_stability": ("of documents", 2),
    "active_units": ("active units", 0),
    "bound": ("bound per document", 1),
    "fit_time": ("seconds", 0),
}


def bound_per_document(models, X, n_draws):
    """Perplexity of documents by the ELBO, mean over fitted models."""
    return np.mean(
        [
            model.perplexity(X, average="document", n_draws=n_draws)
            for model in models
            if model is not None  # of a fit that failed
        ]
    )


def markdown(table, figures, spread, about=FIGURES):
    """Return the figures that a table has, those of `spread` with their deviations.

    `about` has the heading and the digits of each.
    """
    figures = [figure for figure in figures if figure in table]
    lines = [
        "| | " + " | ".join(about[figure][0] for figure in figures) + " |",
        "|---" * (len(figures) + 1) + "|",
    ]
    for name, row in table.iterrows():
        cells = []
        for figure in figures:
            digits, deviation = about[figure][1], row.get(f"{figure}_std", np.nan)
            cell = "" if np.isnan(row[figure]) else f"{row[figure]:.{digits}f}"
            if figure in spread and not np.isnan(deviation):
                cell += f" ± {deviation:.{digits}f}"
            cells.append(cell)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
