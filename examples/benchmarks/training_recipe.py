"""
What the training recipe is made of
===================================

Fits NVDM and GSM with their defaults and with one thing changed at a time, on corpora
of different size and document length, and prints a table for each model and corpus.

    python examples/benchmarks/training_recipe.py
    python examples/benchmarks/training_recipe.py --models GSM --corpora short
"""

import argparse
from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from corpora import CORPORA
from joblib import Parallel, delayed
from skorch.callbacks import Callback
from tables import FIGURES, bound_per_document, markdown
from torch import nn

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.model_selection import compare_models
from skvae.models.topics import thin_counts


class LogCounts(nn.Module):
    """log(1 + count) at unit length, beside the log of the number of tokens."""

    def forward(self, counts):
        length = counts.sum(-1, keepdim=True).log1p()
        return torch.cat([F.normalize(counts.log1p(), dim=-1), length], dim=-1)


def floats(module):
    """Weights and running statistics."""
    return [w for w in module.state_dict().values() if w.is_floating_point()]


class AverageWeights(Callback):
    """End with the mean of the weights over the steps of the last fifth of epochs."""

    def on_train_begin(self, net, **kwargs):
        self.sum_, self.n_ = None, 0

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) > 0.8 * net.max_epochs:
            weights = [p.detach().clone() for p in floats(net.module_)]
            self.n_ += 1
            self.sum_ = (
                weights
                if self.sum_ is None
                else [a + b for a, b in zip(self.sum_, weights)]
            )

    def on_train_end(self, net, **kwargs):
        with torch.no_grad():
            for weight, total in zip(floats(net.module_), self.sum_):
                weight.copy_(total / self.n_)


class Changed:
    """Mixin of a topic model that differs from the defaults in what parameters lack."""

    module = adam = staticmethod(lambda part: None)
    options = {}

    def _initialise(self, module, X):
        super()._initialise(module, X)
        self.module(module)

    def _training_options(self, n_samples):
        return {**super()._training_options(n_samples), **self.options}

    def _net_to_train(self, *args):
        net = super()._net_to_train(*args)
        for group in net.optimizer_.param_groups:
            self.adam(group)
        return net


def changed(cls, n_components, *, params=None, **parts):
    """Return a model with other parameters, or with other parts than its class has."""
    if parts:
        parts = {k: staticmethod(v) if callable(v) else v for k, v in parts.items()}
        # By that name, processes of joblib get the class by its contents.
        cls = type(cls.__name__, (Changed, cls), {**parts, "__module__": "__main__"})
    return cls(n_components, **(params or {}))


def preprocess(module, layer):
    module.encoder.preprocess = layer


def halved_embeddings(module):
    with torch.no_grad():
        module.decoder.topic_embeddings.mul_(0.5)
        module.decoder.word_embeddings.mul_(0.5)


def without_each(cls):
    """Variants that lack one of the additions to the paper's model, or all of them."""
    lacking = {
        f"without {name}": [other for other in cls._additions if other != name]
        for name in cls._additions
    }
    lacking["without any"] = "paper"
    return {key: dict(params=dict(recipe=recipe)) for key, recipe in lacking.items()}


SHORTER = dict(max_epochs=30, batch_size=256, lr=0.014)
LONGER = dict(max_epochs=60, batch_size=512, lr=0.02)
BOTH = {
    "defaults": {},
    "input: log(1 + count), unit length": dict(
        module=lambda module: preprocess(module, LogCounts())
    ),
    "kl_warmup=0.1": dict(params=dict(kl_warmup=0.1)),
    "dropout=0.3": dict(params=dict(dropout=0.3)),
    "gradient clipped at 1": dict(options=dict(clip_norm=1.0)),
    "mean of the last weights": dict(params=dict(callbacks=[AverageWeights()])),
    "early_stopping=True": dict(params=dict(early_stopping=True)),
}
NVDM_ALONE = {
    "batch 128, lr 0.01": dict(params=dict(batch_size=128, lr=0.01)),
    "batch 1024, lr 0.028": dict(params=dict(batch_size=1024, lr=0.028)),
    "60 epochs, batch 512, lr 0.02": dict(params=LONGER),
    "thinning rate U(0.1, 1)": dict(
        options=dict(corrupt=partial(thin_counts, lowest=0.1))
    ),
    "lr=0.003": dict(params=dict(lr=0.003)),
    "lr=0.03": dict(params=dict(lr=0.03)),
    "hidden_layer_sizes=(500,)": dict(params=dict(hidden_layer_sizes=(500,))),
    "Adam with beta2=0.95": dict(adam=lambda group: group.update(betas=(0.9, 0.95))),
}
GSM_ALONE = {
    "batch 512, lr 0.02": dict(params=dict(batch_size=512)),
    "batch 1024, lr 0.028": dict(params=dict(batch_size=1024, lr=0.028)),
    "batch 256, lr 0.014": dict(params=dict(batch_size=256, lr=0.014)),
    "batch 2048, lr 0.04": dict(params=dict(batch_size=2048, lr=0.04)),
    "30 epochs, batch 256, lr 0.014": dict(params=SHORTER),
    "topic_separation=0": dict(params=dict(topic_separation=0.0)),
    "topic_separation=0.03": dict(params=dict(topic_separation=0.03)),
    "topic_coherence=0.3": dict(params=dict(topic_coherence=0.3)),
    "topic_word_prior=0.3": dict(params=dict(topic_word_prior=0.3)),
    "embeddings start at half the scale": dict(module=halved_embeddings),
    "stick-breaking": dict(params=dict(topic_construction="stick-breaking")),
    "recurrent stick-breaking": dict(params=dict(topic_construction="recurrent")),
}
PREDICTION = "perplexity", "doc_perplexity", "active_units", "bound", "fit_time"
TOPICS = "npmi", "npmi_test", "diversity"
MODELS = {
    "NVDM": (NVDMTopicModel, {**BOTH, **NVDM_ALONE, **without_each(NVDMTopicModel)}),
    "GSM": (GSMTopicModel, {**BOTH, **GSM_ALONE, **without_each(GSMTopicModel)}),
}


def measure(name, model, corpus, n_seeds):
    """Return the model's row of `compare_models`, and its bound per document."""
    table, fitted = compare_models(
        {name: model},
        corpus.train,
        X_test=corpus.test,
        n_seeds=n_seeds,
        return_estimator=True,
    )
    table.loc[name, "bound"] = bound_per_document(fitted[name], corpus.test, 16)
    return table.loc[[name]]


def main(argv=None):
    parser = argparse.ArgumentParser(description="Change one thing in the recipe.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--corpora", nargs="+", choices=CORPORA, default=["20ng", "few", "few-short"]
    )
    parser.add_argument("--variants", nargs="+", help="names of rows; default: all")
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parser.parse_args(argv)

    for name in args.models:
        cls, variants = MODELS[name]
        if args.variants:
            variants = {key: variants[key] for key in args.variants if key in variants}
        wanted = PREDICTION if name == "NVDM" else PREDICTION + TOPICS
        figures = [figure for figure in FIGURES if figure in wanted]
        for corpus_name in args.corpora:
            corpus = CORPORA[corpus_name]()
            rows = Parallel(args.n_jobs)(
                delayed(measure)(
                    key,
                    changed(cls, corpus.n_components, **parts),
                    corpus,
                    args.n_seeds,
                )
                for key, parts in variants.items()
            )
            table = pd.concat(rows)
            print(
                f"{name} on {corpus_name}, {args.n_seeds} seeds\n\n"
                f"{markdown(table, figures, ['perplexity', 'doc_perplexity'])}\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
