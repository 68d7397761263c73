"""
Compare neural topic models with LDA and NMF on real text
=========================================================

Fits seven topic models to the same word counts, prints how well they predict words
of new documents and what their topics are, and draws GSM's topics.

    python examples/compare_topic_models.py
    python examples/compare_topic_models.py --data my_texts/
    python examples/compare_topic_models.py --data reviews.csv --text-column review
"""

# sphinx_gallery_thumbnail_path = "images/topics.png"

import argparse
import sys
import textwrap
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
import pandas as pd
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning

from skvae import (
    ClusterTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
)
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.model_selection import compare_models
from skvae.plotting import TopicWordsDisplay
from skvae.text import TextVectorizer

# The columns to print, and their digits after the point.
DIGITS = {
    "perplexity": 1,
    "doc_perplexity": 1,
    "npmi": 2,
    "npmi_test": 2,
    "diversity": 2,
    "active_units": 0,
    "fit_time": 0,
}


def load(path=None, text_column=None):
    """Return a name and the texts in random order."""
    if path is None:
        corpus = fetch_example_texts()
        is_newsgroups = "sci.space" in corpus.target_names
        return "20 newsgroups" if is_newsgroups else "docstrings", corpus.data
    texts = read_texts(Path(path), text_column)
    order = np.random.default_rng(0).permutation(len(texts))
    return path, [texts[i] for i in order]


def read_texts(path, text_column=None):
    """Return the texts of a folder of text files or of a column of a table."""
    if path.is_dir():
        files = sorted(path.rglob("*.txt"))
        return [file.read_text(encoding="utf-8", errors="replace") for file in files]
    if path.suffix == ".csv":
        table = pd.read_csv(path)
    elif path.suffix == ".jsonl":
        table = pd.read_json(path, lines=True)
    else:
        sys.exit(f"{path} is not a folder of .txt files, a .csv or a .jsonl table.")
    is_text = pd.api.types.is_string_dtype
    columns = [name for name in table if is_text(table[name].dropna())]
    if text_column is None and len(columns) == 1:
        text_column = columns[0]
    if text_column not in table:
        sys.exit(
            f"{path}: name the column of the texts with --text-column, one of "
            f"{', '.join(map(str, table))}."
        )
    return table[text_column].dropna().astype(str).tolist()


def models(n_components):
    """Return the models to compare."""
    return {
        "NVDM": NVDMTopicModel(n_components),
        "GSM": GSMTopicModel(n_components),
        "ProdLDA": ProdLDATopicModel(n_components),
        "Cluster": ClusterTopicModel(n_components),
        "LDA": LatentDirichletAllocation(n_components),
        "LDA online": LatentDirichletAllocation(
            n_components,
            doc_topic_prior=0.1,
            topic_word_prior=0.01,
            learning_method="online",
            max_iter=10,
        ),
        "NMF": NMF(
            n_components,
            beta_loss="kullback-leibler",
            solver="mu",
            init="nndsvda",
            max_iter=200,
        ),
    }


def report(table):
    """Return the table as text, each mean with its spread if it has one."""

    def cell(row, column):
        digits = DIGITS[column]
        mean, std = row[column], row.get(f"{column}_std", np.nan)
        text = "" if np.isnan(mean) else f"{mean:.{digits}f}"
        return text if np.isnan(std) else f"{text} ± {std:.{digits}f}"

    cells = {
        column: [cell(row, column) for _, row in table.iterrows()] for column in DIGITS
    }
    return pd.DataFrame(cells, index=table.index).to_string()


def main(argv=None):
    parser = argparse.ArgumentParser(
        description="Compare neural topic models with LDA and NMF."
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a folder of .txt files, a .csv or a .jsonl table; default: 20 newsgroups",
    )
    parser.add_argument("--text-column", help="the table's column that holds the texts")
    parser.add_argument("--n-components", type=int, default=20)
    parser.add_argument("--max-features", type=int, default=5000, help="words to keep")
    parser.add_argument(
        "--max-df",
        type=lambda value: value if value == "auto" else float(value),
        default="auto",
        help="leave out words of more than this share of the texts: lower it if topics "
        "are full of everyday words, raise it if all texts are about one subject",
    )
    parser.add_argument(
        "--first-words",
        type=int,
        metavar="N",
        help="cut texts to their first N words, to see how short ones fare",
    )
    parser.add_argument(
        "--n-seeds", type=int, default=1, help="how often to fit each model"
    )
    parser.add_argument(
        "--n-jobs", type=int, default=-1, help="models to fit at a time; -1: all cores"
    )
    parser.add_argument("--output", default="topics.png", help="the picture to write")
    args = parser.parse_args(argv)

    name, texts = load(args.data, args.text_column)
    n_train = int(0.9 * len(texts))
    vectorizer = TextVectorizer(max_df=args.max_df, max_features=args.max_features)
    if args.first_words is not None:
        texts = [" ".join(text.split()[: args.first_words]) for text in texts]
    try:
        X = vectorizer.fit_transform(texts)
    except ValueError as error:  # no word is left
        sys.exit(f"{name}: {error}")
    words = vectorizer.get_feature_names_out()
    if min(n_train, len(words)) < max(args.n_components, 25):
        sys.exit(
            f"{name} has {len(texts)} texts and {len(words)} frequent words, which is "
            f"too few to compare models with {args.n_components} components."
        )
    print(
        f"{name}: {n_train:,} documents to fit, {len(texts) - n_train:,} held out, "
        f"{X.shape[1]:,} words, {args.n_components} components, "
        f"{args.n_seeds} seed{'s' * (args.n_seeds > 1)}\n"
    )

    with warnings.catch_warnings():
        # It says so of its default of 200 iterations.
        warnings.filterwarnings("ignore", "NMF: Maximum number", ConvergenceWarning)
        table, fitted = compare_models(
            models(args.n_components),
            X[:n_train],
            X_test=X[n_train:],
            n_seeds=args.n_seeds,
            return_estimator=True,
            n_jobs=args.n_jobs,
            verbose=1,
        )
    print(
        "perplexity, doc_perplexity: of one half of the held-out documents, given the\n"
        "other half, averaged over tokens or documents (lower is better);\n"
        "npmi, npmi_test: coherence of the topics' top words in the documents to fit\n"
        "and held out, diversity: variety of these words (higher is better);\n"
        "active_units: latent dimensions in use; fit_time: CPU seconds.\n"
    )
    print(report(table))

    for model_name, (model, *_) in fitted.items():
        print(f"\n{model_name}")
        for k, row in enumerate(top_words(model, 10, feature_names=words).to_numpy()):
            line = textwrap.shorten(" ".join(row), 92, placeholder=" ...")
            print(f"{k:3d}  {line}")

    title = f"GSM: {args.n_components} topics and their shares of {name}"
    display = TopicWordsDisplay.from_estimator(
        fitted["GSM"][0], X[:n_train], feature_names=words, n_words=7
    )
    display.figure_.suptitle(title, x=0.01, ha="left", fontsize=13)
    display.figure_.savefig(args.output, dpi=110)
    print(f"\nwrote {args.output}")


if __name__ == "__main__":
    main()
