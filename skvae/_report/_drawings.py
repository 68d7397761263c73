"""The map and the learning curves of a report, as coordinates for its SVG."""

import unicodedata

import numpy as np

from skvae.inspection import embedding_map
from skvae.utils.labels import place_labels


def shorten(text, length):
    """Return a text in one line, cut after so many characters."""
    text = " ".join(str(text).split())
    return text if len(text) <= length else text[:length].rstrip() + " ..."


def maps(last, counts, texts, names, given):
    """The map in two sizes, for wide pages and for narrow ones; none of few points."""
    if len(last.components_) < 2:
        return []
    points = embedding_map(last, counts, feature_names=names, n_words=8, **given)
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
            str(number) if kind == "topic" else str(label)
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
        _chart(title, [history[key] for key in keys if key in history])
        for title, keys in panels.items()
    ]


def _chart(title, series, width=320, height=190):
    """Lines over epochs, with ticks at round numbers."""
    left, right, top, bottom = 52, 8, 10, 26
    epochs = series[0].index.to_numpy(dtype=float)
    values = np.concatenate([line.to_numpy() for line in series])
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if low == high:
        low, high = low - 1, high + 1
    span = max(epochs[-1] - epochs[0], 1)

    def x(epoch):
        return np.round(left + (epoch - epochs[0]) / span * (width - left - right), 1)

    def y(value):
        return np.round(
            top + (high - value) / (high - low) * (height - top - bottom), 1
        )

    return {
        "title": title,
        "width": width,
        "height": height,
        "left": left,
        "right": width - right,
        "bottom": height - bottom,
        "lines": [
            [(x(e), y(v)) for e, v in zip(epochs, line) if np.isfinite(v)]
            for line in series
        ],
        "x_ticks": [
            (x(t), f"{t:g}") for t in _round_numbers(epochs[0], epochs[-1], least=1)
        ],
        "y_ticks": [(y(t), f"{t:,g}") for t in _round_numbers(low, high)],
    }


def _round_numbers(low, high, n=4, least=0):
    """About n round numbers from low to high, `least` apart."""
    rough = max(high - low, 1e-9) / n
    step = 10.0 ** np.floor(np.log10(rough))
    step *= min((1, 2, 5, 10), key=lambda factor: abs(factor * step - rough))
    step = max(step, least)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
