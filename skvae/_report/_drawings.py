"""The map, curves and shaded tables of a report, as coordinates for its SVG."""

import unicodedata

import numpy as np
from scipy.cluster.hierarchy import leaves_list

from skvae.inspection import embedding_map, topic_hierarchy
from skvae.inspection.prevalence import axis_of_groups, share_interval
from skvae.utils.labels import place_labels
from skvae.utils.text import one_line

# Cells of a shaded table, at most: each takes some 25 bytes.
_MAX_CELLS = 40_000


def maps(fitted, topics, n_documents):
    """The map in two sizes, for wide pages and for narrow ones; none of few points."""
    if len(topics) < 2:
        return []
    n_documents = min(n_documents, 10)
    points = embedding_map(fitted, fitted.X, n_words=8, n_documents=n_documents)
    plane = points[["x", "y"]].to_numpy()
    low, high = plane.min(axis=0), plane.max(axis=0)
    unit = (plane - low) / np.where(high > low, high - low, 1)
    kinds = points["kind"].to_numpy()
    of_number = {topic["number"]: topic for topic in topics}
    of_row = _places_of_documents(topics)
    marks = [
        _mark(kind, label, of_number[number], of_row)
        for kind, label, number in zip(kinds, points["label"], points["topic"])
    ]
    return [
        _drawn_map(unit, kinds, marks, name, width, height, n_first)
        for name, width, height, n_first in [
            ("wide", 1040, 680, 3),
            ("narrow", 370, 520, 1),
        ]
    ]


def _places_of_documents(topics):
    """Ids and titles of the documents that the page has, by their rows."""
    of_row = {}
    for topic in topics:
        for document in topic["documents"]:
            place = f"d-{topic['number']}-{document['row']}"
            of_row.setdefault(document["row"], (place, document.get("title")))
    return of_row


def _mark(kind, label, topic, of_row):
    """What a mark says and leads to, with the topic that it is closest to."""
    to = f"topic-{topic['number']}"
    mark = {"kind": kind, "topic": topic["number"], "to": to}
    if kind == "topic":
        mark["name"], mark["first"] = topic["name"], topic["first"]
        mark["tip"] = f"{topic['title']} ({' '.join(topic['first'])})"
    elif kind == "word":
        mark["tip"] = mark["label"] = one_line(label, 40)
    else:
        mark["to"], title = of_row[label]
        mark["tip"] = f"document {label}" + (f": {title}" if title else "")
    return mark


def _drawn_map(unit, kinds, marks, name, width, height, n_first):
    margin, radius = 24, 10
    xy = margin + unit * (width - 2 * margin, height - 2 * margin)
    xy[:, 1] = height - xy[:, 1]  # SVG's axis points down
    labels = [
        one_line(mark["name"] or " ".join(mark["first"][:n_first]), 40)
        if mark["kind"] == "topic"
        else mark.get("label")
        for mark in marks
    ]
    labelled = np.flatnonzero(kinds != "document")  # topics come first
    fonts = np.where(kinds == "topic", 13, 11)
    sizes = [
        (_text_width(labels[i], fonts[i], bold=kinds[i] == "topic") + 3, fonts[i] + 1)
        for i in labelled
    ]
    centres = place_labels(
        xy[labelled],
        np.array(sizes),
        np.array([0, 0, width, height]),
        gap=np.where(kinds[labelled] == "topic", radius, 4),
        obstacles=np.hstack([xy - radius, xy + radius])[kinds == "topic"],
    )
    words = [
        (kinds[i], *centre, labels[i])
        for i, centre in zip(labelled, centres.round(1))
        if np.isfinite(centre).all()
    ]
    # Topics are drawn last, over all else.
    drawn = [(mark, *place) for mark, place in zip(marks, xy.round(1).tolist())]
    return {
        "name": name,
        "width": width,
        "height": height,
        "radius": radius,
        "marks": drawn[::-1],
        "labels": words[::-1],
    }


def _text_width(text, size, bold):
    """Width of a text in a sans-serif font, rather more than less."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * ((0.7 if bold else 0.58) * len(text) + 0.5 * wide)


def shades(values, rows, columns, ticks, *, darkness):
    """A table of numbers as cells in eight shades, each a path of unit squares.

    NaN has no shade. `darkness` makes parts of the darkest one of numbers. Too large
    tables are None.
    """
    if len(rows) * len(columns) > _MAX_CELLS:
        return None
    values = np.asarray(values, dtype=float)
    levels = np.rint(8 * np.nan_to_num(darkness(values))).astype(int)
    paths = [
        "".join(f"M{j} {i}h1v1h-1z" for i, j in np.argwhere(levels == level))
        for level in range(1, 9)
    ]
    return {
        "rows": rows,
        "columns": columns,
        "ticks": ticks,
        "paths": [(level / 8, path) for level, path in enumerate(paths, 1) if path],
        "values": [
            [None if np.isnan(v) else round(v, 4) for v in row]
            for row in values.tolist()
        ],
    }


def similarity(fitted, topics):
    """Overlaps of the words of topics, in the order of the tree; None of one topic."""
    if len(topics) < 2:
        return None
    order = leaves_list(topic_hierarchy(fitted)).tolist()
    overlaps = fitted.word_overlaps[np.ix_(order, order)]
    np.fill_diagonal(overlaps, np.nan)

    def darkness(values):
        low, high = np.nanmin(values), np.nanmax(values)
        return np.maximum((values - low) / max(high - low, 1e-9), 1 / 8)

    return shades(overlaps, order, order, order, darkness=darkness)


def shares_by_group(found, topics):
    """Shares of all topics, as `topic_prevalence` found them, by period or group."""
    table = found.pivot(index="group", columns="topic", values="share")
    table = table[found["topic"].unique()].to_numpy().T
    groups = [one_line(group, 40) for group in found["group"].unique()]
    rows = [topic["number"] for topic in topics]
    every = 1
    if axis_of_groups(found["group"]) != "groups":
        every = -(-len(groups) // 12)
    ticks = [group if i % every == 0 else "" for i, group in enumerate(groups)]

    def darkness(values):  # by roots: few large shares leave no others white
        return np.sqrt(values / np.nanmax(values))

    return shades(table[rows], rows, groups, ticks, darkness=darkness)


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
    """Shares of each topic as `topic_prevalence` found them, by number of topic.

    Of periods and numbers a chart, in percent, with a band of 95 %; of groups rows of
    name, share and the ends of that interval, and the largest of these.
    """
    kind = axis_of_groups(found["group"])
    low, high = share_interval(found)
    found = found.assign(low=low, high=high)
    ticks = None
    if kind == "time":
        periods = found["group"].unique()
        ticks = [
            (i, str(periods[i])) for i in range(0, len(periods), -(-len(periods) // 4))
        ]
    drawn = []
    for _, rows in found.groupby("topic", sort=False):
        top = rows["high"].max()
        if kind == "groups":
            columns = ["group", "share", "low", "high"]
            drawn.append({"top": top, "rows": rows[columns].to_dict("records")})
            continue
        # Periods by their numbers, those without documents too.
        rows = rows.set_index("group") if ticks is None else rows.reset_index(drop=True)
        drawn.append(
            _chart(
                [100 * rows["share"]],
                band=(100 * rows["low"], 100 * rows["high"]),
                y_range=(0, 100 * top),
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
