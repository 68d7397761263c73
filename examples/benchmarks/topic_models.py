"""
Topic models on corpora of different size and document length
=============================================================

Prints a table for each corpus: held-out perplexity by document completion, coherence
of the topics in documents of the fit (NPMI, and C_V in windows of the texts) and in
others (NPMI), their diversity, agreement with labels where there are any, stability
over seeds, and CPU seconds of the fit, for
skvae's models beside LDA and NMF of scikit-learn and, where tomotopy is installed, LDA
by Gibbs sampling with optimised priors.

    pip install -e '.[benchmark]'
    python examples/benchmarks/topic_models.py
    python examples/benchmarks/topic_models.py --corpora by-date --n-seeds 1
"""

import argparse
import warnings

import numpy as np
from corpora import CORPORA, SMALL
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from tables import FIGURES, bound_per_document, markdown

from skvae import (
    ClusterTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
)
from skvae.metrics import cv_coherence
from skvae.model_selection import compare_models

try:
    import tomotopy
except ImportError:
    tomotopy = None


class GibbsLDA(TransformerMixin, BaseEstimator):
    """tomotopy's LDA as an estimator: 300 iterations, priors optimised from 100 on."""

    def __init__(self, n_components=10, n_iter=300, n_workers=1, random_state=0):
        self.n_components = n_components
        self.n_iter = n_iter
        self.n_workers = n_workers
        self.random_state = random_state

    @staticmethod
    def _tokens(X):
        X = sparse.csr_array(X)
        words = np.repeat(X.indices, X.data.astype(int)).astype(str)
        ends = np.cumsum(X.sum(axis=1)).astype(int)
        return [part.tolist() for part in np.split(words, ends[:-1])]

    def fit(self, X, y=None):
        self.model_ = tomotopy.LDAModel(
            k=self.n_components, alpha=0.1, eta=0.01, seed=self.random_state + 1
        )
        for words in self._tokens(X):
            if words:
                self.model_.add_doc(words)
        self.model_.burn_in = 100
        self.model_.train(self.n_iter, workers=self.n_workers)
        columns = np.array([int(word) for word in self.model_.used_vocabs])
        self.components_ = np.full((self.n_components, X.shape[1]), 1e-12)
        for k in range(self.n_components):
            self.components_[k, columns] = self.model_.get_topic_word_dist(k)
        return self

    def transform(self, X):
        prior = self.model_.alpha / self.model_.alpha.sum()
        documents = [
            self.model_.make_doc(words) if words else None for words in self._tokens(X)
        ]
        known = [document for document in documents if document is not None]
        self.model_.infer(known, iterations=100, workers=1)
        return np.array([prior if d is None else d.get_topic_dist() for d in documents])

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "model_" in state:
            state["model_"] = state["model_"].saves()
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "model_" in state:
            self.model_ = tomotopy.LDAModel.loads(state["model_"])


def models(n_components):
    estimators = {
        "NVDM": NVDMTopicModel(n_components),
        "GSM": GSMTopicModel(n_components),
        "GSM, random start": GSMTopicModel(n_components, init="random", max_epochs=60),
        "ProdLDA": ProdLDATopicModel(n_components),
        "clusters": ClusterTopicModel(n_components),
        "LDA, batch": LatentDirichletAllocation(n_components),  # its defaults
        "LDA, online": LatentDirichletAllocation(
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
    if tomotopy is not None:
        estimators["tomotopy LDA"] = GibbsLDA(n_components)
    return estimators


def c_v(fitted, corpus):
    """Return mean and standard deviation of C_V in the texts of the fit."""
    names = corpus.feature_names
    seeds = [
        cv_coherence(model, corpus.words, feature_names=names)
        for model in fitted
        if model is not None  # of a fit that failed
    ]
    return np.mean(seeds), np.std(seeds, ddof=1) if len(seeds) > 1 else np.nan


SPREAD = ["perplexity", "doc_perplexity", "npmi", "npmi_test", "c_v", "purity", "nmi"]
NEURAL = NVDMTopicModel, GSMTopicModel, ProdLDATopicModel


def main(argv=None):
    parser = argparse.ArgumentParser(description="Compare topic models on corpora.")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=SMALL)
    parser.add_argument("--models", nargs="+", help="names of rows; default: all")
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parser.parse_args(argv)
    warnings.filterwarnings("ignore", "(NMF: )?Maximum number", ConvergenceWarning)

    print(
        "stability, of documents: agreement of the fits in topics' words and in the\n"
        "topics of documents;\n"
        "per token, per document: perplexity of one half of each held-out document,\n"
        "given the other half;\n"
        "bound per document: perplexity by the ELBO of whole held-out documents.\n"
    )
    for name in args.corpora:
        corpus = CORPORA[name]()
        estimators = models(corpus.n_components)
        if args.models:
            estimators = {key: estimators[key] for key in args.models}
        table, fitted = compare_models(
            estimators,
            corpus.train,
            X_test=corpus.test,
            y=corpus.labels,
            n_seeds=args.n_seeds,
            n_jobs=args.n_jobs,
            return_estimator=True,
        )
        for key, seeds in fitted.items():
            if isinstance(estimators[key], NEURAL) and any(seeds):
                table.loc[key, "bound"] = bound_per_document(seeds, corpus.test, 32)
            if "words" in corpus and any(seeds):
                table.loc[key, ["c_v", "c_v_std"]] = c_v(seeds, corpus)
        n, n_words = corpus.train.shape
        print(
            f"{name}: {n:,} documents to fit, {corpus.test.shape[0]:,} held out, "
            f"{n_words:,} words, {corpus.train.sum() / n:.0f} tokens a document, "
            f"{corpus.n_components} components, {args.n_seeds} seeds\n\n"
            f"{markdown(table, FIGURES, SPREAD)}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()
