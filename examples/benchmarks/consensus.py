"""
Topics that several fits agree on
=================================

Prints a table for each corpus: topic models, and beside each the consensus of five fits
of it, with the figures of both: perplexity by document completion, coherence in
documents of the fit and in held-out ones, diversity, agreement with labels, and
stability: agreement of fits whose random states differ, in topics' words and in the
topics of documents. Means and standard deviations over seeds.

    python examples/benchmarks/consensus.py
    python examples/benchmarks/consensus.py --corpora few --n-seeds 2
"""

import argparse
import warnings

import topic_models
from corpora import CORPORA
from tables import FIGURES, markdown

from skvae import ConsensusTopicModel
from skvae.model_selection import compare_models

SHOWN = {
    figure: FIGURES[figure]
    for figure in [
        "perplexity",
        "npmi",
        "npmi_test",
        "diversity",
        "purity",
        "nmi",
        "stability",
        "doc_stability",
        "fit_time",
    ]
}
SPREAD = ["perplexity", "npmi", "npmi_test", "nmi"]


def models(n_components):
    """Models, and the consensus of each."""
    members, found = topic_models.models(n_components), {}
    for name in ("GSM", "clusters", "LDA, online"):
        member = found[name] = members[name]
        found[f"{name}: consensus"] = ConsensusTopicModel(
            n_components, estimator=member
        )
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description="Topic models and their consensus.")
    sets = ["20ng", "by-date", "docstrings", "few"]
    parser.add_argument("--corpora", nargs="+", default=sets, choices=sets)
    parser.add_argument("--models", nargs="+", help="names of rows; default: all")
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parser.parse_args(argv)
    warnings.filterwarnings("ignore", ".*topics repeat others")
    for name in args.corpora:
        corpus = CORPORA[name]()
        estimators = models(corpus.n_components)
        if args.models:
            estimators = {key: estimators[key] for key in args.models}
        table = compare_models(
            estimators,
            corpus.train,
            X_test=corpus.test,
            y=corpus.labels,
            n_seeds=args.n_seeds,
            n_jobs=args.n_jobs,
        ).drop(index="unigram")
        print(
            f"{name}: {corpus.n_components} topics, {args.n_seeds} seeds\n\n"
            f"{markdown(table, SHOWN, SPREAD, SHOWN)}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
