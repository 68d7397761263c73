"""What the Displays share: matplotlib, axes, titles, legends, colors."""

import numpy as np

from skvae.utils.text import one_line

# Okabe and Ito's palette, which people with all kinds of color vision can tell apart.
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
# For texts from data: matplotlib must not read dollar signs as a formula.
PLAIN = {"parse_math": False}
# A format for axes, not for Python's `format`.
PERCENT = "{x:.0%}"


class Display:
    """Base class of the pictures.

    `from_estimator` computes what the constructor takes; `plot` draws it.
    """

    def __new__(cls, *args, **options):
        if args and hasattr(args[0], "fit"):
            raise TypeError(
                f"{cls.__name__} takes data, not a model. Call its from_estimator."
            )
        return super().__new__(cls)


def pyplot():
    """Return matplotlib.pyplot, imported when the first plot is drawn."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = "skvae.plotting needs matplotlib: pip install 'skvae[plot]'"
        raise ImportError(message) from error
    return plt


def grid_of_axes(ax, n_panels, n_columns, panel_size, margins=(0, 0)):
    """Return a figure and axes for some panels, of shape (n_rows, n_columns).

    Without `ax` the figure is a new one, of so many inches for each panel and around
    all of them; else the grid takes the place of `ax`, as in scikit-learn's
    PartialDependenceDisplay. Axes that no panel needs are invisible.
    """
    n_rows = -(-n_panels // n_columns)
    if ax is None:
        size = np.multiply(panel_size, (n_columns, n_rows)) + margins
        figure = pyplot().figure(figsize=size, layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns)
    else:
        figure = ax.figure
        if ax not in getattr(figure, "axes", ()):
            raise ValueError("ax is in no figure any more. Pass new axes.")
        if ax.get_subplotspec() is not None:
            grid = ax.get_subplotspec().subgridspec(n_rows, n_columns)
        else:
            sides = zip(("left", "bottom", "right", "top"), ax.get_position().extents)
            grid = figure.add_gridspec(n_rows, n_columns, **dict(sides))
        ax.remove()
    axes = grid.subplots(squeeze=False)
    for unused in axes.flat[n_panels:]:
        unused.set_visible(False)
    return figure, axes


def one_axes(ax, figsize):
    """Return a figure and one axes in it, by default new ones."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=figsize, layout="constrained")
    return ax.figure, ax


def legible(value, length=40):
    """What comes from data as the text of a picture; goes with `PLAIN`."""
    return one_line(value, length)


def longest(names):
    """Number of letters of the longest name."""
    return max(map(len, names), default=0)


def color_of(number):
    """Color of a class, topic or family by its number; they repeat."""
    return PALETTE[number % len(PALETTE)]


def name_ticks(axis, names, places=None, **look):
    """Put names from data at places on an axis, by default 0, 1, and so on."""
    places = np.arange(len(names)) if places is None else places
    axis.set_ticks(places, names, **PLAIN, **look)


def percent_ticks(axis):
    """Label shares in percent, with the digits that the steps need."""
    ticker = pyplot().matplotlib.ticker
    axis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(ticker.PercentFormatter(1))


def draw_band(ax, where, value, low, high, color, **look):
    """Draw a line and a band around it."""
    ax.plot(where, value, color=color, **look)
    ax.fill_between(where, low, high, color=color, alpha=0.2)


def draw_bars(ax, value, low, high, names, color):
    """Draw named points below each other, with a bar from `low` to `high` for each."""
    places = np.arange(len(names))
    bars = [value - low, high - value]
    ax.errorbar(value, places, xerr=bars, fmt="o", color=color, ms=4)
    name_ticks(ax.yaxis, names, fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", linewidth=0.3)


def set_bold_title(ax, title, fontsize=9.5):
    """Set the title of a panel, which may come from data."""
    ax.set_title(title, loc="left", fontsize=fontsize, fontweight="bold", **PLAIN)


def draw_legend(ax, handles, names, **look):
    """Draw a legend with names from data."""
    # matplotlib leaves out what has no name or one with an underscore before it.
    legend = ax.legend(handles, list(map(str, range(len(names)))), **look)
    for text, name in zip(legend.get_texts(), names):
        text.set(text=legible(name), **PLAIN)
    return legend


def draw_legend_beside(ax, handles, names):
    """Draw a legend to the right of axes, within the figure."""
    place = dict(loc="center left", bbox_to_anchor=(1, 0.5))
    legend = draw_legend(ax, handles, names, frameon=False, fontsize=8, **place)
    for mark in legend.legend_handles:  # as large as legible
        mark.set(sizes=[25], alpha=1)
    if root_of(ax.figure).get_layout_engine() is None:  # nothing else makes room
        box = ax.get_position()
        taken = legend.get_window_extent().width / ax.figure.bbox.width
        width = max(box.width - taken, box.width / 3)
        ax.set_position([box.x0, box.y0, width, box.height])


def root_of(figure):
    """Return the figure that holds a SubFigure, or the figure itself."""
    while figure.figure is not figure:
        figure = figure.figure
    return figure


def clear_frame(ax):
    """Leave of the frame what carries a scale."""
    ax.spines[["top", "right"]].set_visible(False)


def frame_without_scale(ax):
    """Leave only a light frame, around places that have no unit."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")
