"""
Topic models that are given the class of each document
======================================================

Prints a table for each corpus: held-out perplexity, by the bound and by document
completion, of topic models with and without the class as a covariate; how many
documents' classes their codes still tell, by logistic regression; and CPU seconds of a
fit. Mean and standard deviation over seeds.

    python examples/benchmarks/covariates.py
    python examples/benchmarks/covariates.py --corpora few --n-seeds 1
"""

import argparse
import time

import pandas as pd
from corpora import CORPORA, docstrings_packages, newsgroups_groups
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import markdown

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.metrics import document_completion_perplexity

MODELS = {"NVDM": NVDMTopicModel, "GSM": GSMTopicModel, "ProdLDA": ProdLDATopicModel}
FIGURES = {
    "bound": ("bound per token", 1),
    "completion": ("completion per token", 1),
    "class": ("class from codes", 3),
    "seconds": ("seconds", 0),
}
LABELS = {
    "20ng": newsgroups_groups,
    "few": newsgroups_groups,
    "docstrings": docstrings_packages,
}


def figures_of(model, corpus, train, test):
    """Fit a model, with covariates or not, and measure it."""
    given, held_out = (
        {} if labels is None else {"covariates": labels} for labels in (train, test)
    )
    start = time.process_time()
    model.fit(corpus.train, **given)
    seconds = time.process_time() - start
    return {
        "bound": model.perplexity(corpus.test, **held_out),
        "completion": document_completion_perplexity(model, corpus.test, **held_out),
        "codes": [
            model.transform(corpus.train, **given),
            model.transform(corpus.test, **held_out),
        ],
        "seconds": seconds,
    }


def accuracy(codes, train, test):
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    n_train = min(4000, len(train))
    return probe.fit(codes[0][:n_train], train[:n_train]).score(codes[1], test)


def measure(corpus, labels, n_seeds):
    n_train, n_test = corpus.train.shape[0], corpus.test.shape[0]
    train, test = labels[:n_train], labels[n_train : n_train + n_test]
    rows = []
    for name, cls in MODELS.items():
        for given in (False, True):
            for seed in range(n_seeds):
                model = cls(corpus.n_components, random_state=seed)
                parts = (train, test) if given else (None, None)
                row = figures_of(model, corpus, *parts)
                row["class"] = accuracy(row.pop("codes"), train, test)
                rows.append({"model": name + ", class given" * given, **row})
    groups = pd.DataFrame(rows).groupby("model", sort=False)
    return groups.mean().join(groups.std(ddof=0).add_suffix("_std"))


def main(argv=None):
    parser = argparse.ArgumentParser(description="Topic models given classes.")
    parser.add_argument("--corpora", nargs="+", default=[*LABELS], choices=[*LABELS])
    parser.add_argument("--n-seeds", type=int, default=3)
    arguments = parser.parse_args(argv)
    for name in arguments.corpora:
        corpus, labels = CORPORA[name](), LABELS[name]()
        print(f"\n{name}: {CORPORA[name].__doc__} {len(set(labels))} classes.\n")
        table = measure(corpus, labels, arguments.n_seeds)
        print(markdown(table, FIGURES, FIGURES, FIGURES), flush=True)


if __name__ == "__main__":
    main()
