"""
Models with sentence embeddings, of skvae and of other packages
================================================================

Prints a table for each corpus: how the topics of held-out texts agree with their
labels, coherence of the topics in the texts of the fit and in a reference corpus
(NPMI), their diversity, the share of held-out texts without a topic, the number of
topics, and CPU seconds of the fit. GSM, ProdLDA and clusters are models of skvae, with
and without embeddings; the
others are models of BERTopic, FASTopic and turftopic, and k-means of the embeddings.
Means and standard deviations over seeds.

All models read the same embeddings of the first 300 characters of each text and the
same vocabulary. Encoding is not counted as time of the fit.

    pip install -e '.[examples]' bertopic fastopic turftopic
    python examples/benchmarks/rivals.py
    python examples/benchmarks/rivals.py --corpora survey --n-seeds 1 --show-topics
"""

import argparse
import contextlib
import copy
import importlib.util
import io
import time
import warnings
from functools import partial
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from corpora import WITH_TEXTS
from embeddings import encoded
from machine import describe
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from tables import FIGURES, markdown

from skvae import ClusterTopicModel, GSMTopicModel, ProdLDATopicModel
from skvae.metrics import label_alignment, npmi_coherence, topic_diversity

SHOWN = {
    "purity": FIGURES["purity"],
    "nmi": FIGURES["nmi"],
    "npmi": FIGURES["npmi"],
    "npmi_reference": ("NPMI reference", 3),
    "diversity": FIGURES["diversity"],
    "outliers": ("outliers", 2),
    "n_topics": ("topics", 0),
    "seconds": ("seconds", 1),
}
SPREAD = ["purity", "nmi", "npmi", "npmi_reference", "diversity"]


class Encoder:
    """Looks up the vectors of texts and words that are encoded already."""

    def __init__(self, texts, vectors):
        self.vectors = dict(zip(texts, vectors))

    def encode(self, texts, **options):
        return np.array([self.vectors[text] for text in texts])


class Counts:
    """Gives FASTopic the counts of the texts of the fit."""

    def __init__(self, corpus):
        self.corpus = corpus

    def preprocess(self, texts):
        return {"train_bow": self.corpus.train, "vocab": list(self.corpus.words)}


def load(name):
    """A corpus with the vectors of its texts, and an encoder of its words."""
    corpus = WITH_TEXTS[name]()
    corpus.words = corpus.vectorizer.get_feature_names_out()
    start = time.process_time()
    corpus.vectors, corpus.test_vectors = map(
        encoded, (corpus.texts, corpus.test_texts)
    )
    corpus.encoder = Encoder(corpus.words, encoded(corpus.words))
    corpus.encoding_time = time.process_time() - start
    return corpus


def vectorizer_of(corpus):
    """A new vectorizer with the words of the corpus."""
    params = corpus.vectorizer.get_params()
    limits = {"max_df": 1.0, "min_df": 1, "max_features": None}
    return CountVectorizer(**{**params, **limits, "vocabulary": corpus.words})


# Each function fits a model. It returns the weights of words in topics, or None, and a
# function that returns the topics of held-out texts: their numbers, or weights of all.


def fit_skvae(cls, corpus, seed, counts_alone=False):
    given = [{"embeddings": v} for v in (corpus.vectors, corpus.test_vectors)]
    train, test = [{}, {}] if counts_alone else given
    model = cls(corpus.n_components, random_state=seed).fit(corpus.train, **train)
    return model.components_, lambda: model.transform(corpus.test, **test)


def fit_bertopic(corpus, seed, k_means=False, reduce=False):
    from bertopic import BERTopic
    from umap import UMAP

    clusterer = None  # HDBSCAN, which finds a number of topics
    if k_means:
        clusterer = KMeans(corpus.n_components, random_state=seed)
    model = BERTopic(
        language="multilingual",  # which keeps all characters
        # Its default, with a seed.
        umap_model=UMAP(
            15, n_components=5, min_dist=0, metric="cosine", random_state=seed
        ),
        hdbscan_model=clusterer,
        vectorizer_model=vectorizer_of(corpus),
    )
    topics, _ = model.fit_transform(corpus.texts, corpus.vectors)
    nearest = {"strategy": "embeddings"}
    final = model
    if reduce and -1 in topics:
        topics = model.reduce_outliers(
            corpus.texts, topics, embeddings=corpus.vectors, **nearest
        )
        final = copy.copy(model)  # `model` then still reduces outliers of new texts
        final.update_topics(
            corpus.texts, topics=topics, vectorizer_model=vectorizer_of(corpus)
        )

    def predict():
        topics, _ = model.transform(corpus.test_texts, corpus.test_vectors)
        if reduce and -1 in topics:
            topics = model.reduce_outliers(
                corpus.test_texts, topics, embeddings=corpus.test_vectors, **nearest
            )
        return np.array(topics)

    # The first row is of the outliers, if there are some.
    return final.c_tf_idf_.toarray()[-1 in topics :], predict


def fit_fastopic(corpus, seed):
    from fastopic import FASTopic

    torch.manual_seed(seed)  # it has no parameter for it
    model = FASTopic(
        corpus.n_components,
        preprocess=Counts(corpus),
        doc_embed_model=corpus.encoder,
        device="cpu",
    )
    model.fit(corpus.texts, preset_doc_embeddings=corpus.vectors)
    held_out = torch.from_numpy(corpus.test_vectors)
    return model.beta, lambda: model.transform(doc_embeddings=held_out)


def fit_turftopic(name, corpus, seed, **params):
    import turftopic

    model = getattr(turftopic, name)(
        corpus.n_components,
        encoder=corpus.encoder,
        vectorizer=vectorizer_of(corpus),
        random_state=seed,
        **params,
    )
    model.fit(corpus.texts, embeddings=corpus.vectors)
    weights = pd.DataFrame(model.components_, columns=model.get_vocab())
    # KeyNMF has its own order, and leaves out words that are keywords of no text.
    weights = weights.reindex(columns=corpus.words, fill_value=0.0)
    return weights.to_numpy(), lambda: model.transform(
        corpus.test_texts, embeddings=corpus.test_vectors
    )


def fit_gmm(corpus, seed):
    # In 512 dimensions covariances are singular: its documentation advises PCA.
    reduction = PCA(20, random_state=seed)
    return fit_turftopic("GMM", corpus, seed, dimensionality_reduction=reduction)


def fit_k_means(corpus, seed):
    model = KMeans(corpus.n_components, n_init=5, random_state=seed)
    model.fit(corpus.vectors)
    return None, lambda: model.predict(corpus.test_vectors)


OURS = {
    "GSM": GSMTopicModel,
    "ProdLDA": ProdLDATopicModel,
    "clusters": ClusterTopicModel,
}
MODELS = {
    **{name: partial(fit_skvae, cls) for name, cls in OURS.items()},
    **{
        f"{name}, counts alone": partial(fit_skvae, cls, counts_alone=True)
        for name, cls in OURS.items()
    },
    "BERTopic": fit_bertopic,
    "BERTopic, outliers reduced": partial(fit_bertopic, reduce=True),
    "BERTopic, k-means": partial(fit_bertopic, k_means=True),
    "FASTopic": fit_fastopic,
    "KeyNMF": partial(fit_turftopic, "KeyNMF"),
    "S3": partial(fit_turftopic, "SemanticSignalSeparation"),
    "SensTopic": partial(fit_turftopic, "SensTopic"),
    "GMM": fit_gmm,
    "k-means": fit_k_means,
}
PACKAGES = {
    "bertopic": ["BERTopic", "BERTopic, outliers reduced", "BERTopic, k-means"],
    "fastopic": ["FASTopic"],
    "turftopic": ["KeyNMF", "S3", "SensTopic", "GMM"],
}


def available(names):
    """The models of these names whose packages are installed; says what is missing."""
    needed = [p for p, models in PACKAGES.items() if not set(models).isdisjoint(names)]
    missing = [p for p in needed if importlib.util.find_spec(p) is None]
    if missing:
        listed = " ".join(missing)
        print(f"Rows are left out. To see them: pip install {listed}\n")
    found = [package for package in needed if package not in missing]
    if found:
        print(", ".join(f"{package} {version(package)}" for package in found) + "\n")
    left_out = {model for package in missing for model in PACKAGES[package]}
    return [name for name in names if name not in left_out]


def compile_umap():
    """Compile UMAP for few and for many texts, which the first fit would pay for."""
    from umap import UMAP

    rng = np.random.default_rng(0)
    for n in 200, 4500:
        points = rng.standard_normal((n, 8), dtype=np.float32)
        UMAP(n_components=5, metric="cosine", n_epochs=2, random_state=0).fit(points)


@contextlib.contextmanager
def silence():
    """Keep the progress and the warnings of other packages from the output."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def measured(fit, corpus, seed):
    """Figures of a model, and the weights of words in its topics."""
    torch.set_num_threads(1)  # numba, which UMAP runs on, sets as many as there are
    with silence():
        start = time.process_time()
        weights, predict = fit(corpus, seed)
        seconds = time.process_time() - start
        topics = predict()
    n_topics = corpus.n_components if weights is None else len(weights)
    if topics.ndim == 2:  # a text without any weight is an outlier
        topics = np.where(topics.any(axis=1), topics.argmax(axis=1), -1)
    figures = {
        **label_alignment(corpus.labels, topics)[["purity", "nmi"]],
        "outliers": np.mean(topics == -1),
        "n_topics": n_topics,
        "seconds": seconds,
    }
    if weights is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of words not in X
            figures["npmi"] = npmi_coherence(weights, corpus.train)
            figures["npmi_reference"] = npmi_coherence(weights, corpus.reference)
        figures["diversity"] = topic_diversity(weights)
    return figures, weights


def table(corpus, names, n_seeds):
    """A row for each model; and the weights of its words, of the first seed."""
    rows, topics = [], {}
    for name in names:
        for seed in range(n_seeds):
            figures, weights = measured(MODELS[name], corpus, seed)
            rows.append({"model": name, **figures})
            topics.setdefault(name, weights)
    groups = pd.DataFrame(rows).groupby("model", sort=False)
    return groups.mean().join(groups.std().add_suffix("_std")), topics


def print_topics(topics, words, n_words=8):
    for name, weights in topics.items():
        if weights is None:
            continue
        print(f"{name}\n")
        for topic in np.argsort(-weights, axis=1, kind="stable")[:, :n_words]:
            print("    " + " ".join(words[topic]))
        print(flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Compare models with embeddings.")
    defaults = ["survey", "20ng", "docstrings"]
    parser.add_argument("--corpora", nargs="+", choices=WITH_TEXTS, default=defaults)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument(
        "--show-topics", action="store_true", help="also print 8 words of each topic"
    )
    args = parser.parse_args(argv)
    print(describe())
    names = available(args.models)
    if any(name in PACKAGES["bertopic"] for name in names):
        with silence():
            compile_umap()
    for name in args.corpora:
        corpus = load(name)
        rows, topics = table(corpus, names, args.n_seeds)
        n, n_words = corpus.train.shape
        print(
            f"{name}: {n:,} texts to fit, {corpus.test.shape[0]:,} held out, "
            f"{n_words:,} words, {corpus.train.sum() / n:.0f} tokens a text, "
            f"{corpus.n_components} topics, {args.n_seeds} seeds; encoded in "
            f"{corpus.encoding_time:.0f} seconds\n\n"
            f"{markdown(rows, SHOWN, SPREAD, SHOWN)}\n",
            flush=True,
        )
        if args.show_topics:
            print_topics(topics, corpus.words)


if __name__ == "__main__":
    main()
