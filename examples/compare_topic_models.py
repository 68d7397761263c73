"""
Compare NVDM and GSM with LDA and NMF on real text
==================================================

Fits four topic models to the same word counts, prints how well they predict words
of new documents and what their topics are, and draws GSM's topics.

    python examples/compare_topic_models.py
    python examples/compare_topic_models.py --data my_texts/
    python examples/compare_topic_models.py --data reviews.csv --text-column review
"""

import argparse
import socket
import sys
import textwrap
import time
import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.datasets import fetch_20newsgroups
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from threadpoolctl import threadpool_limits

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.datasets import load_docstrings, load_texts
from skvae.inspection import top_words
from skvae.metrics import (
    document_completion_perplexity,
    npmi_coherence,
    topic_diversity,
    unigram_perplexity,
)


def load(data=None, text_column=None):
    """Return a name, the texts in random order, and how many of them to fit."""
    if data is None:
        socket.setdefaulttimeout(10)  # a network that swallows packets is no network
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on the retries that follow a failure
                newsgroups = fetch_20newsgroups(
                    shuffle=True,
                    random_state=1,
                    remove=("headers", "footers", "quotes"),
                    n_retries=1,
                )
            return "20 newsgroups", newsgroups.data, 10_000
        except OSError:
            print("20 newsgroups is neither cached nor to be had: taking docstrings.")
            data = "docstrings"
    if data == "docstrings":
        name, texts = "docstrings of installed packages", load_docstrings().data
    else:
        name, texts = data, load_texts(data, text_column=text_column).data
    order = np.random.default_rng(0).permutation(len(texts))
    return name, [texts[i] for i in order], int(0.9 * len(texts))


def models(n_components, seed):
    """Return the models to compare, all from the same seed."""
    return {
        "NVDM": NVDMTopicModel(n_components, random_state=seed),
        "GSM": GSMTopicModel(n_components, random_state=seed),
        "LDA": LatentDirichletAllocation(
            n_components,
            # Better here than the defaults, 1 / n_components for both.
            doc_topic_prior=0.1,
            topic_word_prior=0.01,
            learning_method="online",
            max_iter=10,
            random_state=seed,
        ),
        "NMF": NMF(
            n_components,
            beta_loss="kullback-leibler",
            solver="mu",
            init="nndsvda",
            max_iter=200,
            random_state=seed,
        ),
    }


AVERAGES = "token", "document"


def measure(model, X_train, X_test):
    """Fit a model and return it with its figures."""
    start = time.process_time()
    # One thread, so that models run side by side and their seconds compare.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # NMF, 200 iterations
        model.fit(X_train)
        seconds = time.process_time() - start
        figures = {
            average: document_completion_perplexity(model, X_test, average=average)
            for average in AVERAGES
        }
    figures["npmi"] = npmi_coherence(model, X_train)
    figures["diversity"] = topic_diversity(model)
    figures["seconds"] = seconds
    return model, figures


def compare(n_components, seeds, X_train, X_test, n_jobs):
    """Return the models of the first seed, and a table of figures for each seed."""
    unigram = {
        average: unigram_perplexity(X_train, X_test, average=average)
        for average in AVERAGES
    }
    tasks = [
        (seed, name, model)
        for seed in seeds
        for name, model in models(n_components, seed).items()
    ]
    results = Parallel(n_jobs)(
        delayed(measure)(model, X_train, X_test) for _, _, model in tasks
    )
    fitted, rows = {}, {seed: {"unigram": unigram} for seed in seeds}
    for (seed, name, _), (model, figures) in zip(tasks, results):
        rows[seed][name] = figures
        if seed == seeds[0]:
            fitted[name] = model
    return fitted, [pd.DataFrame.from_dict(rows[s], orient="index") for s in seeds]


def report(tables):
    """Return the mean of tables as text, with the spread if there are several."""
    stacked = pd.concat(tables).groupby(level=0, sort=False)
    mean, std = stacked.mean(), stacked.std()

    def cell(row, column):
        digits = {"npmi": 2, "diversity": 2, "seconds": 0}.get(column, 1)
        value, spread = mean.loc[row, column], std.loc[row, column]
        if pd.isna(value):
            return ""
        if len(tables) == 1 or column == "seconds":
            return f"{value:.{digits}f}"
        return f"{value:.{digits}f} ± {spread:.{digits}f}"

    cells = {c: [cell(r, c) for r in mean.index] for c in mean.columns}
    return pd.DataFrame(cells, index=mean.index).to_string()


def plot_topics(model, X, words, title, n_words=7, n_columns=5):
    """Draw the most probable words of each topic as bars, the largest topics first."""
    share = model.transform(X).mean(axis=0)
    n_rows = -(-len(share) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(2.5 * n_columns, 1.6 * n_rows + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat[len(share) :]:
        ax.remove()
    for ax, k in zip(axes.flat, np.argsort(-share)):
        top = np.argsort(-model.components_[k])[:n_words]
        probabilities = model.components_[k, top]
        bars = ax.barh(words[top], probabilities, color="#3b6ea5", height=0.75)
        # The scale is each topic's own; the number on the longest bar tells it.
        labels = [f"{probabilities[0]:.1%}", *[""] * (n_words - 1)]
        ax.bar_label(bars, labels, padding=3, fontsize=8, color="0.35")
        ax.set_xlim(0, 1.3 * probabilities[0])
        ax.set_title(f"topic {k} ({share[k]:.0%})", fontsize=10, loc="left")
        ax.invert_yaxis()
        ax.tick_params(labelsize=9, length=0)
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    figure.supxlabel("probability of the word in the topic", fontsize=10)
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="Compare NVDM, GSM, LDA and NMF on real text."
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a folder of .txt files, a .csv, .tsv or .jsonl table, a .txt file with a "
        "text on each line, or 'docstrings'; default: 20 newsgroups",
    )
    parser.add_argument("--text-column", help="the table's column that holds the texts")
    parser.add_argument("--n-components", type=int, default=20)
    parser.add_argument("--max-features", type=int, default=1000, help="words to keep")
    parser.add_argument(
        "--first-words",
        type=int,
        metavar="N",
        help="cut texts to their first N words, to see how short ones fare",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--n-jobs", type=int, default=-1, help="models to fit at a time; -1: all cores"
    )
    parser.add_argument("--output", default="topics.png", help="the picture to write")
    args = parser.parse_args(argv)

    name, texts, n_train = load(args.data, args.text_column)
    vectorizer = CountVectorizer(
        max_df=0.7,
        min_df=min(10, 1 + len(texts) // 100),
        max_features=args.max_features,
        stop_words="english",
        strip_accents="ascii",
    )
    if args.first_words is not None:
        texts = [" ".join(text.split()[: args.first_words]) for text in texts]
    X = vectorizer.fit_transform(texts)
    words = vectorizer.get_feature_names_out()
    if min(n_train, len(words)) < max(args.n_components, 25):
        sys.exit(
            f"{name} has {len(texts)} texts and {len(words)} frequent words, which is "
            f"too few to compare models with {args.n_components} components."
        )
    print(
        f"{name}: {n_train:,} documents to fit, {len(texts) - n_train:,} held out, "
        f"{X.shape[1]:,} words, {args.n_components} components, seeds {args.seeds}\n"
    )

    fitted, tables = compare(
        args.n_components, args.seeds, X[:n_train], X[n_train:], args.n_jobs
    )
    print(
        "token, document: perplexity of one half of the held-out documents, given the\n"
        "other half, averaged over tokens or documents (lower is better);\n"
        "npmi: coherence of the topics' top words on the documents to fit, diversity:\n"
        "variety of these words (higher is better);\n"
        "seconds: CPU time of the fit.\n"
    )
    print(report(tables))

    for model_name, model in fitted.items():
        print(f"\n{model_name}")
        for k, row in enumerate(top_words(model, 10, feature_names=words).to_numpy()):
            line = textwrap.shorten(" ".join(row), 92, placeholder=" ...")
            print(f"{k:3d}  {line}")

    title = f"GSM: {args.n_components} topics and their shares of {name}"
    figure = plot_topics(fitted["GSM"], X[:n_train], words, title)
    figure.savefig(args.output, dpi=110)
    print(f"\nwrote {args.output}")


if __name__ == "__main__":
    main()
