"""
Topics that begin at seed words
===============================

Prints a table for each corpus: of 20 topics 6 have seed words, and are to be those of 6
groups of the documents. Precision is the share of the held-out documents whose largest
topic is a seeded one that are of its group, and recall the share of a group's documents
whose largest topic it is, both means over the 6; beside it coherence of the seeded and
of the other topics, perplexity, and agreement of all topics with all groups; for
several weights, and without seeds, where each group has the topic that is best for it.
Means and standard deviations over seeds.

    python examples/benchmarks/seed_words.py
    python examples/benchmarks/seed_words.py --corpora few --n-seeds 1
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from corpora import CORPORA, newsgroups_groups, newsgroups_texts, split, vectorizer
from sklearn.datasets import fetch_20newsgroups
from tables import FIGURES, markdown

from skvae import GSMTopicModel
from skvae.metrics import (
    document_completion_perplexity,
    label_alignment,
    npmi_coherence,
)

N_COMPONENTS = 20
WEIGHTS = 0.3, 1.0, 3.0
NEWSGROUPS = {
    "sci.space": ["nasa", "orbit", "shuttle", "space"],
    "rec.sport.hockey": ["hockey", "nhl", "goalie", "playoff"],
    "talk.politics.guns": ["gun", "guns", "firearms", "weapon"],
    "sci.med": ["doctor", "patients", "disease", "medical"],
    "sci.crypt": ["encryption", "clipper", "nsa", "crypto"],
    "rec.motorcycles": ["bike", "ride", "dod", "motorcycle"],
}
PACKAGES = {
    "numpy": ["array", "ndarray"],
    "pandas": ["dataframe", "series"],
    "matplotlib": ["axes", "figure", "plot"],
    "torch": ["tensor", "cuda", "autograd"],
    "scipy": ["distribution", "matrix", "sparse"],
    "sklearn": ["estimator", "fit", "classifier"],
}
SHOWN = {
    "precision": ("precision", 2),
    "recall": ("recall", 2),
    "npmi_seeded": ("NPMI seeded", 3),
    "npmi_others": ("NPMI others", 3),
    "perplexity": ("perplexity", 1),
    "nmi": FIGURES["nmi"],
    "seconds": FIGURES["fit_time"],
}
SPREAD = ["precision", "recall", "npmi_seeded", "npmi_others", "perplexity", "nmi"]


def newsgroups():
    """20 newsgroups without headers and quotes: 9,000 texts, 3,000 words."""
    labels = newsgroups_groups()
    return split(vectorizer(3000), newsgroups_texts(), 9000, 20, labels=labels)


def named_groups(corpus):
    """Names of the groups of held-out documents."""
    labels = np.asarray(corpus.labels)
    if labels.dtype.kind != "i":
        return labels
    names = fetch_20newsgroups(subset="test").target_names
    return np.array(names)[labels]


def figures_of(model, corpus, seeds, groups):
    """Figures of a fitted model, whose first topics are those of the seeds or not."""
    proportions = model.transform(corpus.test)
    largest = np.eye(N_COMPONENTS, dtype=bool)[proportions.argmax(axis=1)]
    is_of = groups == np.array(list(seeds))[:, None]
    both = is_of.astype(float) @ largest
    sizes = np.maximum(largest.sum(axis=0), 1)
    topics = np.arange(len(seeds))
    if model.seed_words is None:  # the topic that is best for each group, by F1
        f1 = 2 * both / (sizes + is_of.sum(axis=1, keepdims=True))
        topics = f1.argmax(axis=1)
    found = both[np.arange(len(seeds)), topics]
    npmi = npmi_coherence(model, corpus.train, per_topic=True)
    others = np.delete(npmi, topics)
    return {
        "precision": np.mean(found / sizes[topics]),
        "recall": np.mean(found / is_of.sum(axis=1)),
        "npmi_seeded": npmi[topics].mean(),
        "npmi_others": others.mean(),
        "perplexity": document_completion_perplexity(model, corpus.test),
        "nmi": label_alignment(groups, proportions)["nmi"],
    }


def table(corpus, seeds, n_seeds):
    """A row for each weight of seed words, and one without seeds."""
    groups = named_groups(corpus)
    seeds = {group: words for group, words in seeds.items() if group in groups}
    settings = {"no seed words": {}}
    for weight in WEIGHTS:
        settings[f"seed_weight={weight:g}"] = {
            "seed_words": seeds,
            "seed_weight": weight,
            "feature_names": corpus.feature_names,
        }
    means, stds = {}, {}
    for name, params in settings.items():
        figures = []
        for seed in range(n_seeds):
            model = GSMTopicModel(N_COMPONENTS, random_state=seed, **params)
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*leaves out seed words")
                model.fit(corpus.train)
            seconds = time.process_time() - start
            figures.append(
                {**figures_of(model, corpus, seeds, groups), "seconds": seconds}
            )
        frame = pd.DataFrame(figures)
        means[name], stds[name] = frame.mean(), frame.std()
    return pd.DataFrame(means).T.join(pd.DataFrame(stds).T.add_suffix("_std"))


def main(argv=None):
    parser = argparse.ArgumentParser(description="Topic models with seed words.")
    sets = {
        "20ng": (newsgroups, NEWSGROUPS),
        "by-date": (CORPORA["by-date"], NEWSGROUPS),
        "few": (CORPORA["few"], NEWSGROUPS),
        "docstrings": (CORPORA["docstrings"], PACKAGES),
    }
    parser.add_argument("--corpora", nargs="+", default=list(sets), choices=list(sets))
    parser.add_argument("--n-seeds", type=int, default=3)
    args = parser.parse_args(argv)
    for name in args.corpora:
        load, seeds = sets[name]
        corpus = load()
        rows = table(corpus, seeds, args.n_seeds)
        print(f"{load.__doc__}\n\n{markdown(rows, SHOWN, SPREAD, SHOWN)}\n", flush=True)


if __name__ == "__main__":
    main()
