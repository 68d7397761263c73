"""What the benchmarks of speed share: clocks, the machine, options and tables."""

import argparse
import json
import os
import platform
import time
import warnings
from importlib.metadata import version

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback


def describe():
    """The machine and the versions, in a line."""
    names = "torch", "skorch", "scikit-learn", "numpy", "scipy"
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python "
        f"{platform.python_version()}, {versions}"
    )


class Clock:
    """CPU and wall seconds since it was made."""

    def __init__(self):
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def read(self):
        return time.process_time() - self.cpu, time.perf_counter() - self.wall


class EpochTimes(Callback):
    """Takes the time of each epoch of any fit; `rows` has (CPU, wall) seconds."""

    rows = []

    def on_epoch_begin(self, net, **kwargs):
        self.clock_ = Clock()

    def on_epoch_end(self, net, **kwargs):
        self.rows.append(self.clock_.read())


def medians_in_turn(functions, n_rounds):
    """Median CPU and wall seconds of functions that are called in turn.

    Returns one pair for each function. The first round, which warms up, is not counted.
    """
    rounds = []
    for _ in range(n_rounds + 1):
        row = []
        for function in functions:
            clock = Clock()
            function()
            row.append(clock.read())
        rounds.append(row)
    return np.median(rounds[1:], axis=0)


def plain_table(frame):
    """A frame in markdown, with three significant digits."""

    def cell(value):
        if isinstance(value, str):
            return value
        if np.isnan(value):
            return ""
        if float(value).is_integer() or abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.3g}"

    lines = ["| " + " | ".join(str(c).replace("_", " ") for c in frame) + " |"]
    lines.append("|---" * frame.shape[1] + "|")
    for row in frame.itertuples(index=False):
        lines.append("| " + " | ".join(cell(value) for value in row) + " |")
    return "\n".join(lines)


def parser_of(description, sections, corpora):
    """A parser of the options that all scripts with sections on corpora have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, one seed")
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--corpora", nargs="+", choices=corpora)
    parser.add_argument("--n-seeds", type=int)
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    return parser


def print_sections(sections, args):
    """Print the table of each section that was asked for, and keep the figures."""
    args.n_seeds = args.n_seeds or (1 if args.quick else 3)
    args.corpora = args.corpora or (
        ["few"] if args.quick else ["20ng", "by-date", "docstrings"]
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(describe())
    results = {"machine": describe()}
    for name in args.only:
        table = sections[name](args)
        results[name] = table.to_dict("records")
        print(f"\n{name}\n\n{plain_table(table)}", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)
