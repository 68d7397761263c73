"""
Missing values filled
=====================

Prints a table: a share of the values of four tables of scikit-learn, standardised, goes
missing completely at random, and is filled by the column's mean, by nearest neighbours,
by chained regressions (`IterativeImputer`), and by `VAETransformer.impute` at its
defaults. Root mean squared errors over the missing values, in standard deviations of
the columns, means and standard deviations over draws of what is missing, and the CPU
seconds of one thread.

    python examples/benchmarks/missing_values.py
    python examples/benchmarks/missing_values.py --tables wine --rate 0.4 --n-seeds 2
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
import torch
from machine import describe
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skvae import VAETransformer

TABLES = {
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "digits": load_digits,
    "diabetes": load_diabetes,
}


def filled_by_vae(X, seed):
    return VAETransformer(random_state=seed).fit(X).impute(X)


METHODS = {
    "mean": lambda X, seed: SimpleImputer().fit_transform(X),
    "KNNImputer": lambda X, seed: KNNImputer().fit_transform(X),
    "IterativeImputer": lambda X, seed: IterativeImputer(
        random_state=seed, n_nearest_features=20
    ).fit_transform(X),
    "VAETransformer": filled_by_vae,
}


def figures(X, rate, n_seeds):
    """Error and seconds of each method, a row for each draw of what is missing."""
    rows = []
    for seed in range(n_seeds):
        missing = np.random.default_rng(seed).random(X.shape) < rate
        gaps = np.where(missing, np.nan, X)
        for method, fill in METHODS.items():
            start = time.process_time()
            error = (fill(gaps, seed) - X)[missing]
            seconds = time.process_time() - start
            rows.append((method, np.sqrt(np.mean(error**2)), seconds))
    return pd.DataFrame(rows, columns=["method", "error", "seconds"])


def main(argv=None):
    parser = argparse.ArgumentParser(description="Missing values filled.")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--rate", type=float, default=0.2, help="share of missing ones")
    parser.add_argument("--n-seeds", type=int, default=5)
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    print(f"{args.rate:.0%} missing, {args.n_seeds} draws; {describe()}\n")
    print(f"| | {' | '.join(METHODS)} |\n{'|---' * (len(METHODS) + 1)}|")
    for name in args.tables:
        X = StandardScaler().fit_transform(TABLES[name]().data)
        X = X[:, X.std(axis=0) > 0]
        with threadpool_limits(1):
            found = figures(X, args.rate, args.n_seeds).groupby("method", sort=False)
        cells = [
            f"{row['error']['mean']:.3f} ± {row['error']['std']:.3f} "
            f"({row['seconds']['mean']:.1f} s)"
            for _, row in found.agg(["mean", "std"]).iterrows()
        ]
        n_samples, n_features = X.shape
        shape = f"{name}, {n_samples:,} x {n_features}"
        print(f"| {shape} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
