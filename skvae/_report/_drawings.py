"""The map, curves and shaded tables of a report, as coordinates for its SVG."""

import unicodedata

import numpy as np
from scipy.cluster.hierarchy import leaves_list

from skvae.inspection import embedding_map, topic_hierarchy
from skvae.inspection.maps import place_labels
from skvae.inspection.prevalence import axis_of_groups, share_interval
from skvae.utils.text import one_line

# Cells of a shaded table, at most: each takes some 25 bytes.
_MAX_CELLS = 40_000


def maps(fitted, topics, n_documents):
    """The map in two sizes, for wide pages and for narrow ones; none of few points."""
    if len(topics) < 2:
        return []
    sizes = dict(n_words=8, n_documents=min(n_documents, 10))
    points = embedding_map(fitted, fitted.X, **sizes)
    of_number = {topic["number"]: topic for topic in topics}
    # Of a document that several topics list the first.
    of_row = {d["row"]: d for topic in topics[::-1] for d in topic["documents"]}
    named = zip(points["kind"], points["label"], points["topic"])
    marks = [_mark(kind, label, of_number[k], of_row) for kind, label, k in named]
    plane = points[["x", "y"]].to_numpy()
    low, high = plane.min(axis=0), plane.max(axis=0)
    unit = (plane - low) / np.where(high > low, high - low, 1)
    return [
        _drawn_map(unit, marks, "wide", 1040, 680),
        _drawn_map(unit, marks, "narrow", 370, 520),
    ]


def _mark(kind, label, topic, of_row):
    """What a mark says and leads to, with the topic that it is closest to."""
    number = topic["number"]
    mark = {"kind": kind, "topic": number, "to": f"topic-{number}"}
    if kind == "topic":
        name, first = topic["name"], topic["first"]
        mark["tip"] = f"{topic['title']} ({' '.join(first)})"
        mark["labels"] = {
            "wide": one_line(name or " ".join(first[:3]), 40),
            "narrow": one_line(name or " ".join(first[:1]), 40),
        }
    elif kind == "word":
        mark["tip"] = one_line(label, 40)
        mark["labels"] = dict.fromkeys(["wide", "narrow"], mark["tip"])
    else:
        mark["to"], title = of_row[label]["id"], of_row[label].get("title")
        mark["tip"] = f"document {label}" + (f": {title}" if title else "")
    return mark


def _drawn_map(unit, marks, name, width, height):
    margin, radius = 24, 10
    xy = margin + unit * (width - 2 * margin, height - 2 * margin)
    xy[:, 1] = height - xy[:, 1]  # SVG's axis points down
    labeled = [mark for mark in marks if mark["kind"] != "document"]  # the first ones
    labels = [mark["labels"][name] for mark in labeled]
    is_topic = np.array([mark["kind"] == "topic" for mark in labeled])
    fonts = np.where(is_topic, 13, 11)
    places, widths = xy[: len(labels)], list(map(_text_width, labels, fonts, is_topic))
    centers = place_labels(
        places,
        np.column_stack([widths, fonts]) + (3, 1),
        np.array([0, 0, width, height]),
        gap=np.where(is_topic, radius, 4),
        obstacles=np.hstack([places - radius, places + radius])[is_topic],
    )
    words = [
        (mark["kind"], *center, label)
        for mark, center, label in zip(labeled, centers.round(1), labels)
        if np.isfinite(center).all()
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


def shades(values, darkness, rows, columns, ticks):
    """A table of numbers as cells in eight shades, each a path of unit squares.

    NaN has no shade. `darkness` is a part of the darkest one for each number. Too large
    tables are None.
    """
    if values.size > _MAX_CELLS:
        return None
    levels = np.rint(8 * np.nan_to_num(darkness)).astype(int)
    paths = {}
    for level in range(1, 9):
        cells = np.argwhere(levels == level)
        paths[level / 8] = "".join(f"M{j} {i}h1v1h-1z" for i, j in cells)
    numbers = values.round(4).astype(object)
    numbers[np.isnan(values)] = None
    return {
        "rows": rows,
        "columns": columns,
        "ticks": ticks,
        "paths": [(opacity, path) for opacity, path in paths.items() if path],
        "values": numbers.tolist(),
    }


def data_of(tables):
    """What the script reads of shaded tables."""
    keys = "rows", "columns", "values"
    return {name: {key: t[key] for key in keys} for name, t in tables.items()}


def similarity(fitted, topics):
    """Overlaps of the words of topics, in the order of the tree; None of one topic."""
    if len(topics) < 2:
        return None
    order = leaves_list(topic_hierarchy(fitted)).tolist()
    overlaps = fitted.word_overlaps[np.ix_(order, order)]
    np.fill_diagonal(overlaps, np.nan)
    low, high = np.nanmin(overlaps), np.nanmax(overlaps)
    darkness = np.maximum((overlaps - low) / max(high - low, 1e-9), 1 / 8)
    return shades(overlaps, darkness, order, order, order)


def shares_by_group(found, topics):
    """Shares of all topics, as `topic_prevalence` found them, by period or group."""
    table = found.pivot(index="group", columns="topic", values="share")
    rows = [topic["number"] for topic in topics]
    shares = table[found["topic"].unique()[rows]].to_numpy(dtype=float).T
    groups = [one_line(group, 40) for group in found["group"].unique()]
    in_order = axis_of_groups(found["group"]) != "groups"
    every = -(-len(groups) // 12) if in_order else 1
    ticks = [group if i % every == 0 else "" for i, group in enumerate(groups)]
    # By roots: few large shares leave no others white.
    darkness = np.sqrt(shares / np.nanmax(shares))
    return shades(shares, darkness, rows, groups, ticks)


def curves(trained):
    """Curves of training, each as the page draws it."""
    if not hasattr(trained, "history_"):
        return []
    panels = {
        "loss": ["loss", "validation_loss"],
        "log-likelihood": ["reconstruction"],
        "KL term": ["kl"],
    }
    drawn = []
    for title, keys in panels.items():
        lines = trained.history_[[key for key in keys if key in trained.history_]]
        drawn.append({"title": title} | _chart(lines, least=1))
    return drawn


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
        every = -(-len(periods) // 4)
        ticks = [(i, str(periods[i])) for i in range(0, len(periods), every)]
    drawn = []
    for _, rows in found.groupby("topic", sort=False):
        rows = rows[["group", "share", "low", "high"]]
        top = rows["high"].max()
        if kind == "groups":
            drawn.append({"top": top, "rows": rows.to_dict("records")})
            continue
        # Periods by their numbers, those without documents too.
        rows = rows.set_index("group") if ticks is None else rows.reset_index(drop=True)
        percent = 100 * rows[["share", "low", "high"]]
        options = dict(y_range=(0, 100 * top), x_ticks=ticks)
        band = percent["low"], percent["high"]
        drawn.append(_chart(percent[["share"]], band=band, **options))
    return {"kind": kind, "topics": drawn}


def _chart(lines, *, band=(), y_range=None, x_ticks=None, least=0):
    """Columns of a table as lines over its index, with ticks at round numbers.

    Lines break where values are missing. `least` is the smallest step of ticks.
    """
    width, height = 320, 190
    left, right, top, bottom = 52, 312, 10, 164
    numbers = lines.index.to_numpy(dtype=float)
    first, last = numbers[0], numbers[-1]
    if y_range is None:
        finite = lines.where(np.isfinite(lines))
        y_range = np.nanmin(finite), np.nanmax(finite)
    low, high = y_range
    if low == high:
        low, high = low - 1, high + 1

    def x(number):
        share = (number - first) / max(last - first, 1)
        return np.round(left + share * (right - left), 1)

    def y(value):
        return np.round(top + (high - value) / (high - low) * (bottom - top), 1)

    def runs(line):
        """Points of a line, in parts without a missing value."""
        line = line.to_numpy(dtype=float)
        parts = np.ma.clump_unmasked(np.ma.masked_invalid(line))
        return [list(zip(x(numbers[part]), y(line[part]))) for part in parts]

    if x_ticks is None:
        x_ticks = [(n, f"{n:g}") for n in _round_numbers(first, last, least=least)]
    return {
        "width": width,
        "height": height,
        "left": left,
        "right": right,
        "bottom": bottom,
        "lines": [runs(line) for _, line in lines.items()],
        "areas": [low + high[::-1] for low, high in zip(*map(runs, band))],
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
