"""
How fast fits and transforms are
================================

Prints tables, all times being CPU seconds of one thread, medians of rounds in which all
contestants take their turn:

- epoch: an epoch of each estimator beside a bare PyTorch loop over the same network and
  batches, and beside the matrix products alone that dense batches need;
- profile: where an epoch goes;
- density: how sparse counts have to be for training by their non-zeros to pay;
- target: CPU time until held-out documents are completed as well as by scikit-learn's
  online LDA (10 passes) and, where it is installed, tomotopy's LDA (300 iterations);
- transform: documents per second beside LDA's;
- score: CPU seconds of the bound of the held-out documents beside those of the fit, as
  a search has one of each, how far its perplexity is from that of 1,024 draws on 500 of
  them, and CPU milliseconds per document of the importance-weighted bound;
- stream: CPU milliseconds of `partial_fit` on 256 documents, and what `health_` adds
  where it is read after the call.

    pip install -e '.[benchmark]'
    python examples/benchmarks/speed.py --quick
    python examples/benchmarks/speed.py --json speed.json
    python examples/benchmarks/speed.py --only target --corpora by-date
"""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from corpora import CORPORA
from machine import Clock, EpochTimes, medians_in_turn, parser_of, print_sections
from threadpoolctl import threadpool_limits
from topic_models import models as topic_models

from skvae import (
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.datasets import make_topic_corpus
from skvae.metrics import document_completion_perplexity
from skvae.nn.autoencoder import reparameterise
from skvae.nn.layers import MLP
from skvae.nn.topics import TopicMixtureDecoder
from skvae.training import net
from skvae.training.callbacks import TopicIncoherence
from skvae.training.data import Data, EvenBatchSampler, RowDataset

TOPIC_MODELS = {
    "NVDM": NVDMTopicModel,
    "GSM": GSMTopicModel,
    "ProdLDA": ProdLDATopicModel,
}


@contextmanager
def dense_batches():
    """Let topic models train on dense batches meanwhile."""
    limit = net.MAX_DENSITY
    net.MAX_DENSITY = 0
    try:
        yield
    finally:
        net.MAX_DENSITY = limit


class BareLoop:
    """The training of an estimator's network without skorch: a loop by hand.

    Parameters
    ----------
    estimator : fitted estimator
    X : training data
    dense : bool
        Whether topic models get dense batches.
    """

    def __init__(self, estimator, X, dense=False):
        data = Data(estimator._check_X(X, reset=False))
        fitted = estimator._net_to_train(data, estimator._settled(data), False)
        self.module, self.optimizer = fitted.module_, fitted.optimizer_
        self.criterion = fitted.criterion_
        self.clip = isinstance(estimator, tuple(TOPIC_MODELS.values()))
        sparse = self.module.encoder.takes_sparse_rows and not dense
        self.rows = RowDataset(data, np.arange(X.shape[0]), fitted.corrupt, sparse)
        self.rows.rng = np.random.default_rng(0)
        penalties = [penalty for _, penalty in self.criterion.penalties]
        self.incoherence = [p for p in penalties if isinstance(p, TopicIncoherence)]
        for penalty in self.incoherence:
            penalty.on_train_begin(fitted, X=self.rows)
        self.fitted = fitted
        self.batch_size = estimator.batch_size
        self.generator = torch.Generator()
        self.phases = dict.fromkeys(
            ["batch", "encoder", "decoder", "loss", "backward", "clipping", "Adam"], 0.0
        )

    def epoch(self):
        """Train for an epoch; add up the CPU time of each phase."""
        self.module.train()
        self.criterion.train()
        for penalty in self.incoherence:
            penalty.on_epoch_begin(self.fitted)
        losses = []
        for batch in EvenBatchSampler(len(self.rows), self.batch_size, self.generator):
            times = [Clock()]
            (x, *_), target = self.rows.__getitems__(batch)
            times.append(Clock())
            self.optimizer.zero_grad()
            posterior = self.module.encoder(x, self.generator)
            times.append(Clock())
            z = reparameterise(posterior, self.generator)
            likelihood = self.module.decoder(self.module.link(z), self.generator)
            times.append(Clock())
            output = posterior, likelihood, self.module.prior()
            loss, *_ = self.criterion(output, target)
            times.append(Clock())
            loss.backward()
            times.append(Clock())
            if self.clip:
                torch.nn.utils.clip_grad_norm_(self.module.parameters(), 30.0)
            times.append(Clock())
            self.optimizer.step()
            losses.append(loss.item())
            times.append(Clock())
            for phase, start, end in zip(self.phases, times, times[1:], strict=False):
                self.phases[phase] += end.cpu - start.cpu
        return np.mean(losses)


def dense_products(module, batch_size, n_features):
    """Shapes (n, k, m) of the matrix products of a step on a dense batch."""
    forward = []

    def layer(n_in, n_out, first=False):
        forward.append((batch_size, n_in, n_out))
        forward.append((n_in, batch_size, n_out))  # gradient of the weight
        if not first:
            forward.append((batch_size, n_out, n_in))  # gradient of the input

    encoder, decoder = module.encoder, module.decoder
    weights = [part.weight.shape for part in encoder.body.layers]
    for i, shape in enumerate(weights):
        layer(*shape, first=i == 0)
    for head in (encoder.mean, encoder.log_variance):
        layer(*head.weight.shape)
    if isinstance(decoder, TopicMixtureDecoder):
        k, size = decoder.topic_embeddings.shape
        layer(*module.link.linear.weight.shape)
        layer(k, n_features)
        # Topics are products of embeddings.
        forward.extend([(k, size, n_features), (k, n_features, size)])
        forward.append((n_features, k, size))
    elif isinstance(getattr(decoder, "body", None), MLP):
        for part in [*decoder.body.layers, decoder.body.output]:
            layer(*part.weight.shape)
    else:
        layer(len(encoder.mean.bias), n_features)
    return forward


class Products:
    """The matrix products of an epoch on dense batches, and nothing else."""

    def __init__(self, estimator, n_rows, n_features):
        n_batches = -(-n_rows // estimator.batch_size)
        module = estimator.net_.module_
        self.n_batches = n_batches
        self.pairs = [
            (torch.randn(n, k), torch.randn(k, m))
            for n, k, m in dense_products(module, -(-n_rows // n_batches), n_features)
        ]

    def epoch(self):
        for _ in range(self.n_batches):
            for a, b in self.pairs:
                a @ b


def contestants(quick):
    n, n_words, k = (1_000, 500, 10) if quick else (10_000, 2_000, 50)
    X = make_topic_corpus(n, n_words, k, random_state=0).data
    common = dict(batch_size=256, max_epochs=50, random_state=0)
    for name, cls in TOPIC_MODELS.items():
        yield name, cls(k, **common), X
    table = np.random.default_rng(0).normal(size=(n, n_words)).astype(np.float32)
    yield "VAE, Gaussian", VAETransformer(k, **common), table
    bits = (table > 0).astype(np.float32)
    yield "VAE, Bernoulli", VAETransformer(k, likelihood="bernoulli", **common), bits


def epochs(args):
    """One row for each estimator: its epoch, the bare loop's, the products'."""
    rows = []
    for name, estimator, X in contestants(args.quick):
        estimator.set_params(callbacks=[EpochTimes()]).partial_fit(X)
        loop = BareLoop(estimator, X)
        floor = Products(estimator, *X.shape)
        EpochTimes.rows.clear()

        def fit(estimator=estimator, X=X):
            estimator.partial_fit(X)

        def fit_dense(estimator=estimator, X=X):
            with dense_batches():
                estimator.partial_fit(X)

        sparse = name in TOPIC_MODELS
        functions = [fit, loop.epoch, floor.epoch] + [fit_dense] * sparse
        times = medians_in_turn(functions, args.n_rounds)[:, 0]
        # Of a fit, the epoch alone, without what comes before and after.
        kinds = np.array([row[0] for row in EpochTimes.rows]).reshape(
            args.n_rounds + 1, -1
        )
        own = np.median(kinds[1:], axis=0)
        rows.append(
            {
                "estimator": name,
                "epoch": own[0],
                "bare loop": times[1],
                "epoch / bare": own[0] / times[1],
                "products": times[2],
                "epoch / products": own[0] / times[2],
                "dense epoch / products": own[-1] / times[2],
            }
        )
    return pd.DataFrame(rows)


def profile(args):
    """Share of each phase in the bare loop's epoch, and what skorch adds."""
    rows = []
    for name, estimator, X in contestants(args.quick):
        estimator.partial_fit(X)
        loop = BareLoop(estimator, X)
        loop.epoch()
        loop.phases = dict.fromkeys(loop.phases, 0.0)
        for _ in range(args.n_rounds):
            loop.epoch()
        n_steps = args.n_rounds * -(-X.shape[0] // estimator.batch_size)
        phases = {key: 1e3 * t / n_steps for key, t in loop.phases.items()}
        rows.append({"ms per step": name, **phases, "sum": sum(phases.values())})
    return pd.DataFrame(rows)


def density(args):
    """Time of a step by non-zeros, in units of a dense one's."""
    rng, rows = np.random.default_rng(0), []
    n = 512 if args.quick else 2048
    for n_words in (200,) if args.quick else (200, 1_000, 4_000):
        for share in (0.03, 0.1, 0.2, 0.3, 0.5, 1.0):
            X = (rng.random((n, n_words)) < share) * rng.integers(1, 4, (n, n_words))
            row = {"words": n_words, "density": share}
            for name, cls in TOPIC_MODELS.items():
                model = cls(20, batch_size=256, max_epochs=50, random_state=0).fit(
                    X[:256]
                )
                loops = [BareLoop(model, X, dense).epoch for dense in (False, True)]
                by_non_zeros, dense = medians_in_turn(loops, args.n_rounds)[:, 0]
                row[name] = by_non_zeros / dense
            rows.append(row)
    return pd.DataFrame(rows)


def fitted(model, corpus):
    """CPU seconds of the fit, and how well it completes held-out documents."""
    clock = Clock()
    model.fit(corpus.train)
    seconds = clock.read()[0]
    return seconds, document_completion_perplexity(model, corpus.test)


def cheapest(make, goal, corpus, lengths):
    """CPU seconds of the shortest training that reaches a perplexity."""
    for n_epochs in lengths:
        seconds, perplexity = fitted(make(n_epochs), corpus)
        if perplexity <= goal:
            return n_epochs, seconds, perplexity
    return n_epochs, np.nan, perplexity


def targets(args):
    rows = []
    lengths = (
        (2, 20) if args.quick else (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30, 40, 60)
    )
    for corpus_name in args.corpora:
        corpus = CORPORA[corpus_name]()
        k = corpus.n_components
        own = {
            "NVDM": lambda n, seed, k=k: NVDMTopicModel(
                k, batch_size=256, max_epochs=n, random_state=seed
            ),
            "GSM": lambda n, seed, k=k: GSMTopicModel(
                k, max_epochs=n, random_state=seed
            ),
            "GSM, topic_separation=0": lambda n, seed, k=k: GSMTopicModel(
                k, topic_separation=0.0, max_epochs=n, random_state=seed
            ),
        }
        others = {
            key: model
            for key, model in topic_models(k).items()
            if key in ("LDA, online", "tomotopy LDA")
        }
        for seed in range(args.n_seeds):
            for other, model in others.items():
                goal_seconds, goal = fitted(model.set_params(random_state=seed), corpus)
                for name, make in own.items():
                    n_epochs, seconds, perplexity = cheapest(
                        lambda n: make(n, seed),  # noqa: B023
                        goal,
                        corpus,
                        lengths,
                    )
                    rows.append(
                        {
                            "corpus": corpus_name,
                            "seed": seed,
                            "goal": other,
                            "its seconds": goal_seconds,
                            "its perplexity": goal,
                            "model": name,
                            "epochs": n_epochs,
                            "seconds": seconds,
                            "perplexity": perplexity,
                            # 0 where it was not reached.
                            "times faster": np.nan_to_num(goal_seconds / seconds),
                        }
                    )
    return over_seeds(pd.DataFrame(rows))


def over_seeds(table):
    """Medians over the seeds, and the smallest of the ratios."""
    groups = table.drop(columns="seed").groupby(["corpus", "goal", "model"], sort=False)
    medians = groups.median()
    medians["at least"] = groups["times faster"].min()
    return medians.reset_index()


def transforms(args):
    rows = []
    for corpus_name in args.corpora:
        corpus = CORPORA[corpus_name]()
        X, k = corpus.train, corpus.n_components
        lda = topic_models(k)["LDA, online"].set_params(random_state=0).fit(X)
        own = {
            name: cls(k, max_epochs=1, random_state=0).fit(X)
            for name, cls in TOPIC_MODELS.items()
        }
        functions = [lambda m=m: m.transform(X) for m in (lda, *own.values())]  # noqa: B023
        times = medians_in_turn(functions, args.n_rounds)[:, 0]
        speeds = X.shape[0] / times
        row = {"corpus": corpus_name, "LDA": speeds[0]}
        for name, speed in zip(own, speeds[1:], strict=True):
            row[name] = speed
            row[f"{name} / LDA"] = speed / speeds[0]
        rows.append(row)
    return pd.DataFrame(rows)


def scores(args):
    rows = []
    for corpus_name in args.corpora:
        corpus = CORPORA[corpus_name]()
        k = corpus.n_components
        models = {name: cls(k) for name, cls in TOPIC_MODELS.items()}
        models["LDA"] = topic_models(k)["LDA, online"]
        for name, model in models.items():
            model.set_params(random_state=0)
            clock = Clock()
            model.fit(corpus.train)
            fit = clock.read()[0]

            def score(model=model, X=corpus.test):
                return model.score(X)

            seconds = medians_in_turn([score], args.n_rounds)[0, 0]
            row = {
                "corpus": corpus_name,
                "model": name,
                "fit": fit,
                "score": seconds,
                "score / fit": seconds / fit,
            }
            if name in TOPIC_MODELS:
                few = corpus.test[: 50 if args.quick else 500]
                many = model.perplexity(few, n_draws=1024)
                row["error, %"] = 100 * (model.perplexity(few) / many - 1)
                clock = Clock()
                model.perplexity(few[:200], bound="importance", n_draws=512)
                seconds = clock.read()[0] / min(200, few.shape[0])
                row["importance, 512 draws"] = 1000 * seconds
            rows.append(row)
    return pd.DataFrame(rows)


def streams(args):
    rows = []
    for corpus_name in args.corpora:
        corpus = CORPORA[corpus_name]()
        X = corpus.train[:256]
        for name, cls in TOPIC_MODELS.items():
            model = cls(corpus.n_components, max_epochs=100, random_state=0)
            model.partial_fit(X)

            def part(model=model, X=X):
                model.partial_fit(X)

            def part_and_health(model=model, X=X):
                return model.partial_fit(X).health_

            times = medians_in_turn([part, part_and_health], 5 * args.n_rounds)
            alone, both = 1000 * times[:, 0]
            rows.append(
                {
                    "corpus": corpus_name,
                    "model": name,
                    "partial_fit, ms": alone,
                    "health, ms": both - alone,
                    "health / call": both / alone - 1,
                }
            )
    return pd.DataFrame(rows)


SECTIONS = {
    "epoch": epochs,
    "profile": profile,
    "density": density,
    "target": targets,
    "transform": transforms,
    "score": scores,
    "stream": streams,
}


def main(argv=None):
    parser = parser_of("Measure the speed of fits.", SECTIONS, CORPORA)
    parser.add_argument("--n-rounds", type=int)
    args = parser.parse_args(argv)
    args.n_rounds = args.n_rounds or (2 if args.quick else 7)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        print_sections(SECTIONS, args)


if __name__ == "__main__":
    main()
