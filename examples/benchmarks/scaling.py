"""
How time and memory grow
========================

Fits topic models to made-up counts of growing size, each in a process of its own, and
prints tables: time of an epoch and of `transform`, and peak memory against what has to
be held (the counts, the weights, their gradients and Adam's two moments). The last one
has counts on disk, also where memory is limited to less than they take.

    python examples/benchmarks/scaling.py --quick
    python examples/benchmarks/scaling.py --json scaling.json
    python examples/benchmarks/scaling.py --only large

A document has 100 words, each drawn from a stretch of the vocabulary of its own; the
stretches grow geometrically, so that frequencies fall about as those of natural texts.
"""

import argparse
import atexit
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe, plain_table
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

MIB = 2**20
WORDS = 100  # different ones in a document
DEFAULTS = dict(
    model="GSM",
    n_docs=20_000,
    n_words=10_000,
    n_components=50,
    batch_size=512,
    threads=1,
    n_epochs=3,
    source="memory",
    limit_mib=0,  # none
)
QUICK = dict(n_docs=2_000, n_words=2_000, n_components=20, n_epochs=2)
# What varies in each table, the rest being DEFAULTS; then the same for --quick.
TABLES = {
    "documents": (
        [dict(n_docs=n) for n in (10_000, 30_000, 100_000, 300_000, 1_000_000)],
        [dict(n_docs=n) for n in (1_000, 2_000)],
    ),
    "vocabulary": (
        [
            dict(n_words=n, model=model, batch_size=batch_size)
            for model, batch_size in (
                ("GSM", "auto"),
                ("GSM", 2048),
                ("NVDM", 512),
                ("ProdLDA", 512),
            )
            for n in (1_000, 3_000, 10_000, 30_000, 100_000)
        ],
        [dict(n_words=n) for n in (1_000, 5_000)],
    ),
    "components": (
        [dict(n_components=n) for n in (10, 50, 200, 500)],
        [dict(n_components=n) for n in (10, 50)],
    ),
    "batch size": (
        [dict(batch_size=n) for n in (64, 128, 256, 512, 1024, 2048, 4096)],
        [dict(batch_size=n) for n in (64, 256)],
    ),
    "threads": (
        [dict(threads=n, batch_size=b) for b in (512, 2048) for n in (1, 2)],
        [dict(threads=n) for n in (1, 2)],
    ),
    "large": (
        [dict(n_docs=1_000_000, n_words=50_000, n_epochs=1)],
        [dict(n_docs=4_000, n_words=20_000, n_epochs=1)],
    ),
    "disk": (
        [
            dict(n_docs=1_000_000, source=source, limit_mib=limit_mib, n_epochs=2)
            for limit_mib in (0, 1_000)
            for source in ("memory", "disk")
        ],
        [dict(source="disk", limit_mib=4096)],
    ),
}


def made_up_counts(n_docs, n_words, seed=0, n_at_once=10_000):
    """CSR array of counts, made in place a part at a time."""
    rng = np.random.default_rng(seed)
    # Borders of the stretches, all different.
    borders = np.geomspace(WORDS, n_words, WORDS + 1) - WORDS
    borders = np.floor(borders * n_words / (n_words - WORDS)).astype(np.int64)
    borders = np.maximum(borders, np.arange(WORDS + 1))
    data = np.ones(n_docs * WORDS, dtype=np.float32)
    indices = np.empty(n_docs * WORDS, dtype=np.int32)
    for start in range(0, n_docs, n_at_once):
        n = min(n_at_once, n_docs - start)
        part = slice(start * WORDS, (start + n) * WORDS)
        place = rng.random((n, WORDS), dtype=np.float32) * np.diff(borders)
        place = np.minimum(place.astype(np.int32), np.diff(borders) - 1)
        indices[part] = (borders[:-1] + place).ravel()
        data[part] += rng.poisson(0.3, n * WORDS)
    ends = np.arange(n_docs + 1, dtype=np.int32) * WORDS
    return sparse.csr_array((data, indices, ends), shape=(n_docs, n_words))


def made_up_shards(n_docs, n_words, n_at_once=10_000):
    """The like on disk, in a folder that is removed when the program ends."""
    from skvae.shards import write_shards

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    chunks = (
        made_up_counts(min(n_at_once, n_docs - start), n_words, seed=start)
        for start in range(0, n_docs, n_at_once)
    )
    return write_shards(chunks, Path(folder, "counts"))


def peak():
    """Largest memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # elsewhere a parent's memory may count
        (line,) = (x for x in status.read_text().splitlines() if "VmHWM" in x)
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(
    model,
    n_docs,
    n_words,
    n_components,
    batch_size,
    threads,
    n_epochs,
    source,
    limit_mib,
):
    """Fit and transform in this process; return the figures.

    Pages of files that are in memory count in the peak, and not in the limit.
    """
    import torch
    from machine import EpochTimes

    import skvae

    torch.set_num_threads(threads)
    warnings.simplefilter("ignore", ConvergenceWarning)  # of so few epochs
    cls = getattr(skvae, f"{model}TopicModel")
    tiny = made_up_counts(100, 2 * WORDS)
    cls(2, max_epochs=1).fit(tiny).transform(tiny)  # loads what is loaded late
    if limit_mib:
        resource.setrlimit(resource.RLIMIT_DATA, [limit_mib * MIB] * 2)
    X = (made_up_shards if source == "disk" else made_up_counts)(n_docs, n_words)
    before = peak()
    times = EpochTimes()
    estimator = cls(
        n_components,
        batch_size=batch_size,
        max_epochs=max(n_epochs, 10),
        random_state=0,
        callbacks=[times],
    )
    for _ in range(n_epochs):
        estimator.partial_fit(X)
    fitted = peak()
    start = time.process_time()
    estimator.transform(X)
    transform_time = time.process_time() - start
    counts = n_docs * WORDS * (4 + 4) + 4 * (n_docs + 1)  # values, columns, ends
    weights = 4 * sum(w.nbytes for w in estimator.net_.module_.parameters())
    # The first epoch pays for what later ones find in place.
    epochs = pd.DataFrame(EpochTimes.rows[-n_epochs:], columns=["cpu", "wall"])
    cpu, wall = epochs.iloc[min(1, n_epochs - 1) :].median()
    return {
        "epoch_cpu_s": cpu,
        "epoch_wall_s": wall,
        "transform_docs_per_cpu_s": n_docs / transform_time,
        "counts_mib": counts / MIB,
        "weights_mib": weights / MIB,
        "fit_beyond_counts_mib": (fitted - before) / MIB,
        "transform_beyond_fit_mib": (peak() - fitted) / MIB,
        "peak_mib": peak() / MIB,
        # What the program itself takes, before there are any counts to speak of.
        "beyond_counts_and_weights_mib": (peak() - counts - weights) / MIB,
    }


def in_a_process(params):
    command = [sys.executable, __file__, "--measure", json.dumps(params)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout)


def within(params):
    """Figures of a case, none of them where memory does not suffice."""
    try:
        return measure(**params)
    except MemoryError:
        return {}


def main(argv=None):
    parser = argparse.ArgumentParser(description="Measure how time and memory grow.")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.measure:
        print(json.dumps(within(json.loads(args.measure))))
        return

    print(describe())
    results = {"machine": describe()}
    for name in args.only:
        base = {**DEFAULTS, **(QUICK if args.quick else {})}
        cases = [{**base, **case} for case in TABLES[name][args.quick]]
        rows = [{**case, **in_a_process(case)} for case in cases]
        results[name] = rows
        table = pd.DataFrame(rows)
        varied = [key for key in base if table[key].nunique() > 1] or ["n_docs"]
        fixed = {key: cases[0][key] for key in base if key not in varied}
        print(f"\n{name}: {fixed}\n")
        figures = [key for key in table if key not in base]
        print(plain_table(table[varied + figures]), flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
