"""
The papers' models beside skvae's
=================================

Fits NVDM and GSM as Miao et al. (2016, 2017) have them, and as skvae does, to texts of
20 newsgroups, and prints how well they predict others.

    python examples/benchmarks/papers_models.py
"""

import warnings

from corpora import CORPORA
from machine import describe
from sklearn.exceptions import ConvergenceWarning
from tables import FIGURES, markdown

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.model_selection import compare_models

# The encoder of the papers, at a rate that takes fewer epochs than theirs. Each epoch
# trains either the encoder or the rest.
PAPER = {"recipe": "paper", "hidden_layer_sizes": (500, 500), "batch_size": 64}
PAPER |= {"lr": 1e-3, "max_epochs": 60}

warnings.simplefilter("ignore", ConvergenceWarning)
print(describe())
corpus = CORPORA["20ng"]()
k = corpus.n_components
models = {
    "NVDM of the paper": NVDMTopicModel(k, **PAPER),
    "NVDM": NVDMTopicModel(k),
    "GSM of the paper": GSMTopicModel(k, **PAPER),
    "GSM": GSMTopicModel(k),
}
table = compare_models(models, corpus.train, X_test=corpus.test, n_seeds=3)
figures = [figure for figure in FIGURES if "stability" not in figure]
print(markdown(table, figures, ["perplexity", "doc_perplexity"]))
