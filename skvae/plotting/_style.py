"""What the Displays share: matplotlib, axes, colours."""

import numpy as np

from skvae.utils.text import one_line

# Okabe and Ito's palette, which people of all kinds of colour vision tell apart.
PALETTE = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#B8A900",  # their yellow, darkened for a white page
    # Two more, for there are ten digits.
    "#8C510A",
    "#8A8A8A",
]
MARKERS = "os^Dv*PX"
# Of what comes from data: dollars make no formula of it.
PLAIN = {"parse_math": False}


class Display:
    """What pictures have in common: a word to those who pass a model to the class."""

    def __new__(cls, *args, **options):
        if args and hasattr(args[0], "fit"):
            raise TypeError(
                f"{cls.__name__} itself takes what is to be drawn, not a "
                f"{type(args[0]).__name__}. Call {cls.__name__}.from_estimator, which "
                "computes and draws it."
            )
        return super().__new__(cls)


def pyplot():
    """Return matplotlib.pyplot, imported when the first plot is drawn."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "skvae.plotting needs matplotlib. Install it with: pip install "
            "'skvae[plot]'"
        ) from error
    return plt


def grid_of_axes(ax, n_rows, n_columns, figsize):
    """Return a figure and an array of axes in it, of shape (n_rows, n_columns).

    Without `ax` the figure is a new one; else the grid takes the place of `ax`, as in
    scikit-learn's PartialDependenceDisplay.
    """
    if ax is None:
        figure = pyplot().figure(figsize=figsize, layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns)
    else:
        figure = ax.figure
        if ax not in getattr(figure, "axes", ()):
            raise ValueError("ax is in no figure any more. Pass new axes.")
        if ax.get_subplotspec() is not None:
            grid = ax.get_subplotspec().subgridspec(n_rows, n_columns)
        else:
            left, bottom, right, top = ax.get_position().extents
            grid = figure.add_gridspec(
                n_rows, n_columns, left=left, bottom=bottom, right=right, top=top
            )
        ax.remove()
    axes = np.empty((n_rows, n_columns), dtype=object)
    for place in np.ndindex(n_rows, n_columns):
        axes[place] = figure.add_subplot(grid[place])
    return figure, axes


def one_axes(ax, figsize):
    """Return a figure and one axes in it, by default new ones."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=figsize, layout="constrained")
    return ax.figure, ax


def legible(value, length=40):
    """What comes from data as the text of a picture; goes with `PLAIN`."""
    return one_line(value, length)


def draw_legend(ax, handles, names, **look):
    """Draw a legend with names from data."""
    # matplotlib leaves out what has no name or one with an underscore before it.
    legend = ax.legend(handles, [str(i) for i in range(len(names))], **look)
    for text, name in zip(legend.get_texts(), names):
        text.set(text=legible(name), **PLAIN)
    return legend


def draw_legend_beside(ax, handles, names):
    """Draw a legend to the right of axes, within the figure."""
    legend = draw_legend(
        ax,
        handles,
        names,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        fontsize=8,
    )
    for mark in legend.legend_handles:  # as large as legible
        mark.set(sizes=[25], alpha=1)
    if root_of(ax.figure).get_layout_engine() is None:  # nobody else makes room
        place = ax.get_position()
        taken = legend.get_window_extent().width / ax.figure.bbox.width
        width = max(place.width - taken, place.width / 3)
        ax.set_position([place.x0, place.y0, width, place.height])


def root_of(figure):
    """Return the figure that holds a SubFigure, or the figure itself."""
    while figure.figure is not figure:
        figure = figure.figure
    return figure


def clear_frame(ax):
    """Leave of the frame what carries a scale."""
    ax.spines[["top", "right"]].set_visible(False)
