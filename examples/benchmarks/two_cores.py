"""
Whole fits and searches on two cores
====================================

Prints two tables, times being wall and CPU seconds of the process and of those that it
started:

- fits: topic models with two threads or two workers, and how well they complete
  held-out documents (perplexity per token), LDA of gensim and tomotopy among them where
  these are installed;
- search: GridSearchCV over three numbers of topics with three folds, of GSM and of
  scikit-learn's LDA by their own scores, two fits at a time.

    pip install -e '.[benchmark]'
    python examples/benchmarks/two_cores.py --quick
    python examples/benchmarks/two_cores.py --json two_cores.json
"""

import os
import time

import numpy as np
import pandas as pd
import torch
from corpora import CORPORA
from joblib.externals.loky import get_reusable_executor
from machine import parser_of, print_sections
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import MiniBatchNMF
from sklearn.model_selection import GridSearchCV
from topic_models import models as topic_models

from skvae import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.metrics import document_completion_perplexity

try:
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaMulticore
except ImportError:
    LdaMulticore = None


class MulticoreLDA(TransformerMixin, BaseEstimator):
    """gensim's LDA with two workers as an estimator, as many passes as LDA online."""

    def __init__(self, n_components=10, passes=10, random_state=0):
        self.n_components = n_components
        self.passes = passes
        self.random_state = random_state

    @staticmethod
    def _corpus(X):
        return Sparse2Corpus(sparse.csr_matrix(X), documents_columns=False)

    def fit(self, X, y=None):
        self.model_ = LdaMulticore(
            self._corpus(X),
            num_topics=self.n_components,
            id2word=dict(enumerate(map(str, range(X.shape[1])))),
            workers=2,
            passes=self.passes,
            alpha=0.1,
            eta=0.01,
            random_state=self.random_state,
        )
        self.components_ = self.model_.get_topics()
        return self

    def transform(self, X):
        gamma, _ = self.model_.inference(list(self._corpus(X)))
        return gamma / gamma.sum(axis=1, keepdims=True)


def seconds_of(function):
    """Wall seconds, and CPU seconds with those of processes that have ended."""
    start, wall = os.times(), time.perf_counter()
    function()
    get_reusable_executor().shutdown(wait=True)
    wall = time.perf_counter() - wall
    return wall, sum(np.subtract(os.times()[:4], start[:4]))


def contestants(n_components):
    others = topic_models(n_components)
    chosen = {
        "GSM": GSMTopicModel(n_components),
        "NVDM": NVDMTopicModel(n_components),
        "ProdLDA": ProdLDATopicModel(n_components),
        "LDA, online": others["LDA, online"].set_params(n_jobs=2),
        "MiniBatchNMF": MiniBatchNMF(n_components, beta_loss="kullback-leibler"),
    }
    if LdaMulticore is not None:
        chosen["gensim LdaMulticore"] = MulticoreLDA(n_components)
    if "tomotopy LDA" in others:
        chosen["tomotopy LDA"] = others["tomotopy LDA"].set_params(n_workers=2)
    return chosen


def fits(args):
    rows = []
    for name in args.corpora:
        corpus = CORPORA[name]()
        for key, model in contestants(corpus.n_components).items():
            for seed in range(args.n_seeds):
                model.set_params(random_state=seed)
                wall, cpu = seconds_of(lambda: model.fit(corpus.train))  # noqa: B023
                rows.append(
                    {
                        "corpus": name,
                        "model": key,
                        "wall s": wall,
                        "CPU s": cpu,
                        "perplexity": document_completion_perplexity(
                            model, corpus.test
                        ),
                    }
                )
    groups = pd.DataFrame(rows).groupby(["corpus", "model"], sort=False)
    return groups.median().reset_index()


def searches(args):
    rows = []
    for name in args.corpora:
        corpus = CORPORA[name]()
        k = corpus.n_components
        sizes = [k // 2, k, 2 * k]
        models = {
            "GSM": GSMTopicModel(random_state=0),
            "LDA, online": topic_models(k)["LDA, online"].set_params(random_state=0),
        }
        row = {"corpus": name, "topics": ", ".join(map(str, sizes))}
        for key, model in models.items():
            search = GridSearchCV(model, {"n_components": sizes}, cv=3, n_jobs=2)
            row[f"{key}, wall s"], row[f"{key}, CPU s"] = seconds_of(
                lambda: search.fit(corpus.train)  # noqa: B023
            )
            row[f"{key}, chosen"] = search.best_params_["n_components"]
        row["times faster, wall"] = row["LDA, online, wall s"] / row["GSM, wall s"]
        row["CPU"] = row["LDA, online, CPU s"] / row["GSM, CPU s"]
        rows.append(row)
    return pd.DataFrame(rows)


SECTIONS = {"fits": fits, "search": searches}


def main(argv=None):
    parser = parser_of("Time fits and searches on two cores.", SECTIONS, CORPORA)
    args = parser.parse_args(argv)
    torch.set_num_threads(2)
    print_sections(SECTIONS, args)


if __name__ == "__main__":
    main()
