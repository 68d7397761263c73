"""The map and the curves of a report, as coordinates for its SVG."""

import unicodedata

import numpy as np

from skvae.fitted.space import map_of
from skvae.utils.intervals import axis_of_groups, share_interval
from skvae.utils.labels import place_labels
from skvae.utils.text import one_line


def shorten(text, length):
    """Return a text in one line without gaps, cut after so many characters."""
    return one_line(" ".join(str(text).split()), length)


def maps(last, counts, vectors, texts, names):
    """The map in two sizes, for wide pages and for narrow ones; none of few points."""
    if len(last.components_) < 2:
        return []
    points = map_of(last, names, (counts, vectors), n_words=8)
    plane = points[["x", "y"]].to_numpy()
    low, high = plane.min(axis=0), plane.max(axis=0)
    unit = (plane - low) / np.where(high > low, high - low, 1)
    drawn = []
    for name, width, height in [("wide", 1040, 680), ("narrow", 370, 520)]:
        margin = 24
        xy = margin + unit * (width - 2 * margin, height - 2 * margin)
        xy[:, 1] = height - xy[:, 1]  # SVG's axis points down
        kinds = points["kind"].to_numpy()
        labels = [
            str(number) if kind == "topic" else shorten(label, 40)
            for kind, label, number in zip(kinds, points["label"], points["topic"])
        ]
        labelled = np.flatnonzero(kinds != "document")  # topics come first
        fonts = np.where(kinds == "topic", 15, 11)
        sizes = [(_text_width(labels[i], fonts[i]) + 3, fonts[i]) for i in labelled]
        topics = xy[kinds == "topic"]
        centres = place_labels(
            xy[labelled],
            np.array(sizes),
            np.array([0, 0, width, height]),
            gap=4,
            obstacles=np.hstack([topics - 7, topics + 7]),
        )
        marks = [
            (kind, *place, _tooltip(kind, label, number, texts))
            for kind, place, label, number in zip(
                kinds, xy.round(1), points["label"], points["topic"]
            )
        ]
        words = [
            (kinds[i], *centre, labels[i])
            for i, centre in zip(labelled, centres.round(1))
            if np.isfinite(centre).all()
        ]
        # Topics are drawn last, over all else.
        drawn.append(
            {
                "name": name,
                "width": width,
                "height": height,
                "marks": marks[::-1],
                "labels": words[::-1],
            }
        )
    return drawn


def _text_width(text, size):
    """Width of a text in a sans-serif font, rather more than less."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (0.58 * len(text) + 0.5 * wide)


def _tooltip(kind, label, number, texts):
    if kind == "topic":
        return f"topic {number}"
    if kind == "word":
        return f"{label} (closest to topic {number})"
    text = "" if texts is None else f": {shorten(texts[label], 120)}"
    return f"document {label} (closest to topic {number}){text}"


def curves(last):
    """Curves of training, each as the page draws it."""
    if not hasattr(last, "history_"):
        return []
    history = last.history_
    panels = {
        "loss": ["loss", "validation_loss"],
        "log-likelihood": ["reconstruction"],
        "KL term": ["kl"],
    }
    return [
        {"title": title}
        | _chart([history[key] for key in keys if key in history], least=1)
        for title, keys in panels.items()
    ]


def prevalences(found):
    """Shares of each topic as `topic_prevalence` found them, in percent.

    Of periods and numbers a chart with a band of 95 %, of groups rows of name, share
    and the ends of that interval, as parts of the longest bar.
    """
    kind = axis_of_groups(found["group"])
    low, high = share_interval(found)
    found = found.assign(share=100 * found["share"], low=100 * low, high=100 * high)
    top = found["high"].max()
    by_topic = [rows for _, rows in found.groupby("topic", sort=False)]
    if kind == "groups":
        columns = ["group", "share", "low", "high"]
        drawn = [rows[columns].to_dict("records") for rows in by_topic]
        return {"kind": kind, "topics": drawn, "top": top}
    ticks = None
    if kind == "time":
        periods = found["group"].unique()
        ticks = [
            (i, str(periods[i])) for i in range(0, len(periods), -(-len(periods) // 4))
        ]
    drawn = []
    for rows in by_topic:
        # Periods by their numbers, those without documents too.
        rows = rows.set_index("group") if ticks is None else rows.reset_index(drop=True)
        drawn.append(
            _chart(
                [rows["share"]],
                band=(rows["low"], rows["high"]),
                y_range=(0, top),
                x_ticks=ticks,
            )
        )
    return {"kind": kind, "topics": drawn}


def _chart(lines, *, band=None, y_range=None, x_ticks=None, least=0):
    """Lines over the numbers of their index, with ticks at round numbers.

    Lines break where values are missing. `least` is the smallest step of ticks.
    """
    width, height = 320, 190
    left, right, top, bottom = 52, 8, 10, 26
    numbers = lines[0].index.to_numpy(dtype=float)
    first, last = numbers[0], numbers[-1]
    if y_range is None:
        values = np.concatenate([line.to_numpy() for line in lines])
        values = values[np.isfinite(values)]
        y_range = values.min(), values.max()
    low, high = y_range
    if low == high:
        low, high = low - 1, high + 1
    span = max(last - first, 1)

    def x(number):
        return np.round(left + (number - first) / span * (width - left - right), 1)

    def y(value):
        return np.round(
            top + (high - value) / (high - low) * (height - top - bottom), 1
        )

    def runs(line):
        """Points of a line, in parts without a missing value."""
        known = np.isfinite(line.to_numpy(dtype=float))
        parts = np.split(np.arange(len(line)), np.flatnonzero(np.diff(known)) + 1)
        return [
            list(zip(x(numbers[part]), y(line.to_numpy()[part])))
            for part in parts
            if known[part[0]]
        ]

    if x_ticks is None:
        x_ticks = [(n, f"{n:g}") for n in _round_numbers(first, last, least=least)]
    areas = []
    if band is not None:
        areas = [low + high[::-1] for low, high in zip(*map(runs, band))]
    return {
        "width": width,
        "height": height,
        "left": left,
        "right": width - right,
        "bottom": height - bottom,
        "lines": [runs(line) for line in lines],
        "areas": areas,
        "x_ticks": [(x(number), label) for number, label in x_ticks],
        "y_ticks": [(y(t), f"{t:,g}") for t in _round_numbers(low, high)],
    }


def _round_numbers(low, high, n=4, least=0):
    """About n round numbers from low to high, `least` apart."""
    rough = max(high - low, 1e-9) / n
    step = 10.0 ** np.floor(np.log10(rough))
    step *= min((1, 2, 5, 10), key=lambda factor: abs(factor * step - rough))
    step = max(step, least)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
