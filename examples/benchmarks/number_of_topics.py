"""
What each figure says of the number of topics
=============================================

Prints a table for each corpus and model with a row for each number of topics:
perplexity of whole held-out documents by the bound, as a search would have it, and of
halves of them given the others (completion), both per token; coherence in documents of
the fit and in held-out ones, diversity, agreement of the largest topic with labels, and
stability over seeds, of topics' words and of documents' topics. Means over seeds, of
completion with standard deviations; the best of each column is in bold.

    python examples/benchmarks/number_of_topics.py
    python examples/benchmarks/number_of_topics.py --corpora few --numbers 5 10 20
"""

import argparse
import warnings

import numpy as np
import topic_models
from corpora import CORPORA
from sklearn.exceptions import ConvergenceWarning
from tables import FIGURES, markdown

from skvae.datasets import make_topic_corpus
from skvae.model_selection import compare_models

SHOWN = {
    "bound": ("bound", 1),
    "perplexity": ("completion", 1),
    "npmi": FIGURES["npmi"],
    "npmi_test": FIGURES["npmi_test"],
    "diversity": FIGURES["diversity"],
    "nmi": FIGURES["nmi"],
    "stability": FIGURES["stability"],
    "doc_stability": FIGURES["doc_stability"],
}
SMALL_IS_GOOD = ["bound", "perplexity"]


def planted():
    """Texts drawn from 20 topics: 5,000 texts, 1,000 words."""
    corpus = CORPORA["planted"]()
    drawn = make_topic_corpus(6000, 1000, 20, random_state=0)
    corpus.labels = drawn.doc_topic[5000:].argmax(axis=1)
    return corpus


def rows(corpus, model, numbers, n_seeds, n_jobs):
    """A row for each number of topics."""
    table, fitted = compare_models(
        {f"{k}": topic_models.models(k)[model] for k in numbers},
        corpus.train,
        X_test=corpus.test,
        y=corpus.labels,
        n_seeds=n_seeds,
        n_jobs=n_jobs,
        return_estimator=True,
    )
    for name, models in fitted.items():
        bounds = [model.perplexity(corpus.test) for model in models]
        table.loc[name, "bound"] = np.mean(bounds)
        table.loc[name, "bound_std"] = np.std(bounds, ddof=1) if n_seeds > 1 else np.nan
    return table.drop(index="unigram")


def with_best(table, spread):
    """Mark the row that is best by each figure, in markdown."""
    lines = markdown(table, SHOWN, spread, SHOWN).split("\n")
    cells = [line.split(" | ") for line in lines[2:]]
    for column, figure in enumerate([f for f in SHOWN if f in table], start=1):
        values = table[figure]
        best = values.argmin() if figure in SMALL_IS_GOOD else values.argmax()
        cell = cells[best][column]
        text = cell.removesuffix(" |")
        cells[best][column] = cell.replace(text, f"**{text}**")
    return "\n".join(lines[:2] + [" | ".join(row) for row in cells])


def main(argv=None):
    parser = argparse.ArgumentParser(description="Figures by the number of topics.")
    sets = {name: CORPORA[name] for name in ("20ng", "docstrings", "few")}
    sets["planted"] = planted
    parser.add_argument("--corpora", nargs="+", default=list(sets), choices=list(sets))
    parser.add_argument("--numbers", nargs="+", type=int, default=[5, 10, 20, 40, 80])
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument("--deviations", action="store_true", help="of all figures")
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", ConvergenceWarning)  # of topics that are too many
    warnings.filterwarnings("ignore", ".*topics")
    for name in args.corpora:
        corpus = sets[name]()
        print(f"{name}: {sets[name].__doc__}\n")
        for family, model in {"GSM": "GSM", "LDA": "LDA, online"}.items():
            table = rows(corpus, model, args.numbers, args.n_seeds, args.n_jobs)
            shown = with_best(table, SHOWN if args.deviations else ["perplexity"])
            print(f"{family}\n\n{shown}\n", flush=True)


if __name__ == "__main__":
    main()
