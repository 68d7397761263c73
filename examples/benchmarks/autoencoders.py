"""
Measure autoencoders of images, and a training epoch's cost
============================================================

Prints what docs/autoencoders.md and docs/tables.md show: plain and variational
autoencoders on MNIST beside PCA and a bare PyTorch loop, tables of few rows beside PCA,
convolutions beside dense layers, batch norm by rate, short trainings and codes of
words, and epochs beside those of bare loops of the same network. MNIST comes from
OpenML, cached or downloaded.

    python examples/benchmarks/autoencoders.py                  every table, 2 hours
    python examples/benchmarks/autoencoders.py speed plain      some of them
    python examples/benchmarks/autoencoders.py --quick          all, small and of no use
    python examples/benchmarks/autoencoders.py --cifar images.npz
"""

import argparse
import statistics
import time
from functools import cache, partial
from itertools import product

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from corpora import CORPORA
from sklearn.cluster import KMeans
from sklearn.datasets import (
    fetch_openml,
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
)
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from skvae import NVDMTopicModel, VAETransformer

# --- data ------------------------------------------------------------------------


@cache
def mnist():
    """All 70,000 images, grey values from 0 to 1, and their labels."""
    X, y = fetch_openml(
        "mnist_784", version=1, parser="auto", as_frame=False, return_X_y=True
    )
    return (X / 255).astype(np.float32), y


def small():
    """16,000 images to fit and 4,000 held out, stratified."""
    X, y = mnist()
    return train_test_split(
        X[:20_000], test_size=4000, stratify=y[:20_000], random_state=4649
    )


def full():
    """The usual 60,000 and 10,000 images."""
    X, _ = mnist()
    return X[:60_000], X[60_000:]


def binarised(train, test):
    """Binary images, drawn once with the grey values as probabilities of ink."""
    rng = np.random.default_rng(0)
    test, train = ((rng.random(X.shape) < X).astype(np.float32) for X in (test, train))
    return train, test


def cifar(path):
    """Images of CIFAR-10 to fit and held out, channels first, from 0 to 1."""
    data = np.load(path)
    return [
        (data[key].reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2) / 255)
        .reshape(len(data[key]), -1)
        .astype(np.float32)
        for key in ("X_train", "X_test")
    ]


# --- bare loops ------------------------------------------------------------------


class BareAutoencoder(nn.Module):
    """The networks of VAETransformer in as few lines as torch takes."""

    def __init__(self, n_features, n_hidden, n_components, variational):
        super().__init__()
        self.hidden = nn.Linear(n_features, n_hidden)
        self.mean = nn.Linear(n_hidden, n_components)
        self.log_variance = nn.Linear(n_hidden, n_components) if variational else None
        self.decode = nn.Sequential(
            nn.Linear(n_components, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_features),
        )

    def loss(self, x):
        hidden = self.hidden(x).relu()
        mean = self.mean(hidden)
        if self.log_variance is None:
            return (self.decode(mean) - x).square().sum(1).mean()
        log_variance = self.log_variance(hidden)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        ink = F.binary_cross_entropy_with_logits(self.decode(z), x, reduction="none")
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return (ink.sum(1) + kl).mean()


class BareLoop:
    """Adam over shuffled batches of a tensor."""

    def __init__(self, X, *, seed=0, lr=1e-3, batch_size=100, **network):
        torch.manual_seed(seed)
        self.X, self.batch_size = torch.from_numpy(X), batch_size
        self.model = BareAutoencoder(X.shape[1], **network)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr, fused=True)

    def epoch(self):
        for rows in torch.randperm(len(self.X)).split(self.batch_size):
            loss = self.model.loss(self.X[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()  # a history of the loss is the least that a user wants


# --- figures ---------------------------------------------------------------------


def timed(call):
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def square_error(model, X):
    restored = model.inverse_transform(model.transform(X))
    return float(((restored - X) ** 2).mean())


def over_seeds(make, train, figures, n_seeds):
    """Mean of figures of fits over seeds, with their deviations, and CPU seconds."""
    rows = []
    for seed in range(n_seeds):
        model, seconds = timed(lambda seed=seed: make(seed).fit(train))
        rows.append({**{k: f(model) for k, f in figures.items()}, "seconds": seconds})
    frame = pd.DataFrame(rows)
    cells = {}
    for name in frame:
        digits = {"squared error": 4, "seconds": 0, "weights": 0}.get(name, 1)
        cells[name] = f"{frame[name].mean():.{digits}f}"
        if n_seeds > 1 and name not in ("seconds", "weights"):
            cells[name] += f" ± {frame[name].std():.{digits}f}"
    return cells


def show(title, rows):
    frame = pd.DataFrame(rows).T.fillna("")
    print(f"\n{title}\n")
    print("| | " + " | ".join(frame.columns) + " |")
    print("|---" * (len(frame.columns) + 1) + "|")
    for name, row in frame.iterrows():
        print(f"| {name} | " + " | ".join(row) + " |")
    print(flush=True)


def plain(args):
    """Squared error of plain autoencoders of grey images."""
    recipe = dict(
        variational=False,
        hidden_layer_sizes=(1000,),
        lr=1e-3,
        scale=1.0,
        batch_norm=False,
        linear_path=False,
        dropout=0.0,
        batch_size=100,
        max_epochs=args.epochs(30),
    )
    best = dict(
        variational=False,
        hidden_layer_sizes=(1000,),
        likelihood="bernoulli",
        max_epochs=args.epochs(30),
        batch_size=64,
    )
    for title, (train, test) in args.sets():
        figures = {"squared error": lambda model, test=test: square_error(model, test)}
        rows = {
            "PCA": over_seeds(
                lambda seed: PCA(10, random_state=seed), train, figures, 1
            )
        }
        for name, params in {
            "plain recipe": recipe,
            "sigmoid output, otherwise defaults": best,
        }.items():
            rows[name] = over_seeds(
                lambda seed, params=params: VAETransformer(
                    10, random_state=seed, **params
                ),
                train,
                figures,
                args.n_seeds if len(train) < 50_000 else 1,
            )
        show(f"Plain 784-1000-10, {title}: squared error of a held-out pixel", rows)


def components(args):
    """Plain autoencoders and PCA by number of components."""
    train, test = args.small()
    rows = {}
    for n in (10, 20, 30, 40, 50):
        model = VAETransformer(
            n,
            variational=False,
            likelihood="bernoulli",
            hidden_layer_sizes=(1000,),
            max_epochs=args.epochs(30),
            batch_size=64,
            random_state=0,
        ).fit(train)
        ours, pca = square_error(model, test), square_error(PCA(n).fit(train), test)
        rows[n] = {
            "PCA": f"{pca:.4f}",
            "autoencoder": f"{ours:.4f}",
            "advantage": f"{1 - ours / pca:.0%}",
        }
    show("By number of components, 16,000 images", rows)


def bound_figures(test, n_importance=200, n_rows=1000):
    return {
        "negative ELBO": lambda model: -model.score(test),
        f"importance-weighted, {n_importance} draws, {n_rows} images": lambda model: (
            -model.score_samples(
                test[:n_rows], bound="importance", n_draws=n_importance
            ).mean()
        ),
        "KL": lambda model: float(model.health_["kl_per_unit"].sum()),
    }


def bernoulli(args):
    """Bernoulli VAE of images binarised once."""
    train, test = binarised(*args.small())
    figures = bound_figures(test)
    old = dict(lr=1e-3, batch_norm=False, dropout=0.0, kl_warmup=0.0, center=False)
    rows = {}
    for name, params in {
        "784-500-20, plain recipe": old,
        "784-500-20, defaults but 30 epochs": {},
    }.items():
        rows[name] = over_seeds(
            lambda seed, params=params: VAETransformer(
                20,
                likelihood="bernoulli",
                random_state=seed,
                **{"max_epochs": args.epochs(30), "batch_size": 100, **params},
            ),
            train,
            figures,
            args.n_seeds,
        )
    show("Bernoulli VAE, 16,000 images binarised once", rows)


class DynamicallyBinarised:
    """A VAE that draws the training images anew in every epoch, by `partial_fit`."""

    def __init__(self, vae, seed):
        self.vae, self.rng = vae, np.random.default_rng(seed)

    def fit(self, X):
        for _ in range(self.vae.max_epochs):
            ink = self.rng.random(X.shape, dtype=np.float32) < X
            self.vae.partial_fit(ink.astype(np.float32))
        return self.vae


def dynamic(args):
    """Bernoulli VAE of images binarised anew in every epoch."""
    train, test = args.full()
    _, test = binarised(train[:1], test)
    figures = bound_figures(test)
    rows = {}
    for name, params in {
        "784-500-20, 30 epochs": dict(n_components=20),
        "784-500-20, 100 epochs": dict(n_components=20, max_epochs=args.epochs(100)),
        "784-500-2, 30 epochs": dict(n_components=2),
    }.items():
        rows[name] = over_seeds(
            lambda seed, params=params: DynamicallyBinarised(
                VAETransformer(
                    likelihood="bernoulli",
                    random_state=seed,
                    **{"max_epochs": args.epochs(30), "batch_size": 100, **params},
                ),
                seed,
            ),
            train,
            figures,
            1,
        )
    show("Bernoulli VAE, 60,000 images binarised in every epoch, one seed", rows)


def passes(args):
    """Passes and batches of few rows beside those that many rows have by default."""
    plain = dict(n_components=10, variational=False, hidden_layer_sizes=(1000,))
    for title, images in args.sets():
        grey, ink = images, binarised(*images)
        rows = {}
        for name, params in {
            "50 passes, batches of 64": dict(max_epochs=args.epochs(50), batch_size=64),
            "default": {"max_epochs": 2} if args.quick else {},
        }.items():
            rows[name] = {}
            for figure, (train, test), network, measure in [
                ("negative ELBO", ink, dict(n_components=20), lambda m, X: -m.score(X)),
                ("squared error", grey, plain, square_error),
            ]:
                cells = over_seeds(
                    lambda seed, params={**network, **params}: VAETransformer(
                        likelihood="bernoulli", random_state=seed, **params
                    ),
                    train,
                    {figure: lambda m, test=test, measure=measure: measure(m, test)},
                    args.n_seeds if len(train) < 50_000 else 1,
                )
                rows[name] |= {figure: cells[figure], f"{figure}, s": cells["seconds"]}
        show(
            f"784-500-20 of binarised, plain 784-1000-10 of grey images, {title}", rows
        )


def importance(args):
    """Training by the ELBO and by importance-weighted bounds of 8 draws."""
    train, test = args.full()
    _, test = binarised(train[:1], test)
    figures = {
        "negative ELBO": lambda model: -model.score(test[:1000]),
        **{
            key: figure
            for key, figure in bound_figures(test, 20 if args.quick else 5000).items()
            if key.startswith("importance")
        },
    }
    rows = {}
    for n in (1, 8):
        rows[f"n_importance={n}"] = over_seeds(
            lambda seed, n=n: DynamicallyBinarised(
                VAETransformer(
                    50,
                    likelihood="bernoulli",
                    hidden_layer_sizes=(200, 200),
                    n_importance=n,
                    max_epochs=args.epochs(30),
                    batch_size=100,
                    random_state=seed,
                ),
                seed,
            ),
            train,
            figures,
            1,
        )
    show("784-200-200-50, 60,000 images binarised in every epoch, 30 epochs", rows)


def convolution(args):
    """Convolutional against dense networks of as many weights."""
    cases = {
        "MNIST, 16,000 images binarised once": (
            binarised(*args.small()),
            dict(n_components=20, likelihood="bernoulli"),
            dict(hidden_layer_sizes=(500,)),
            dict(image_shape=(28, 28), hidden_layer_sizes=(250,)),
        )
    }
    if args.cifar:
        cases["CIFAR-10, 5,000 images, Gaussian"] = (
            cifar(args.cifar),
            dict(n_components=64, linear_path=False, early_stopping=False),
            dict(hidden_layer_sizes=(250,)),
            dict(image_shape=(3, 32, 32), hidden_layer_sizes=(350,)),
        )
    for title, ((train, test), common, dense, conv) in cases.items():
        rows = {}
        for name, params in {
            "dense": dense,
            "convolutional": dict(architecture="conv", **conv),
        }.items():
            figures = {
                "weights": lambda m: sum(
                    w.numel() for w in m.net_.module_.parameters()
                ),
                "negative ELBO": lambda m, test=test: -m.score(test[:2000]),
                "squared error": lambda m, test=test: square_error(m, test),
            }
            rows[name] = over_seeds(
                lambda seed, params=params, common=common: VAETransformer(
                    random_state=seed,
                    max_epochs=args.epochs(30),
                    batch_size=100,
                    **common,
                    **params,
                ),
                train[: args.n_rows],
                figures,
                args.n_seeds,
            )
        show(f"Convolutions: {title}", rows)


def linear(args):
    """Gaussian autoencoders of few rows beside PCA, whose score is exact."""

    def table(load, split_seed):
        parts = train_test_split(load().data, random_state=split_seed)
        scaler = StandardScaler().fit(parts[0])
        return [scaler.transform(part) for part in parts]

    def digits(split_seed):
        return train_test_split(load_digits().data / 16, random_state=split_seed)

    def few_images(split_seed):
        train, test = args.small()
        return train[1000 * split_seed :][:1000], test

    cases = {
        "wine": (partial(table, load_wine), 5),
        "diabetes": (partial(table, load_diabetes), 5),
        "breast cancer": (partial(table, load_breast_cancer), 10),
        "digits": (digits, 10),
        "MNIST, 1,000 images": (few_images, 10),
    }
    if args.cifar:
        cases["CIFAR-10, 5,000 images"] = (lambda split_seed: cifar(args.cifar), 32)
    textbook = dict(linear_path=False, dropout=0.0, early_stopping=False)
    rows = {}
    for name, (load, n_components) in cases.items():
        scores = {}
        for seed in range(args.n_seeds):
            train, test = load(seed)
            for kind, model in {
                "PCA": PCA(n_components, random_state=seed),
                "textbook networks": VAETransformer(n_components, **textbook),
                "default": VAETransformer(n_components),
            }.items():
                if args.quick and kind != "PCA":
                    model.set_params(max_epochs=2)
                model.set_params(random_state=seed)
                _, seconds = timed(lambda m=model, train=train: m.fit(train))
                scores.setdefault(kind, []).append((model.score(test), seconds))
        means = {kind: np.mean(pairs, axis=0) for kind, pairs in scores.items()}
        gain = [ours[0] - pca[0] for ours, pca in zip(scores["default"], scores["PCA"])]
        rows[f"{name}: {train.shape[0]:,} x {train.shape[1]:,}, {n_components}"] = {
            **{kind: f"{score:.2f}" for kind, (score, _) in means.items()},
            "default less PCA": f"{np.mean(gain):+.2f} ({min(gain):+.2f} or more)",
            "seconds, textbook": f"{means['textbook networks'][1]:.0f}",
            "seconds, default": f"{means['default'][1]:.0f}",
        }
    show("Mean log-likelihood of held-out rows or its bound, nats", rows)


def speed(args):
    """CPU time of an epoch against a bare loop of the same network, by turns."""
    train, _ = binarised(*args.small())
    rows = {}
    for name, network in {
        "variational 784-500-20": dict(n_hidden=500, n_components=20, variational=True),
        "plain 784-1000-10": dict(n_hidden=1000, n_components=10, variational=False),
    }.items():
        variational = network["variational"]
        bare = BareLoop(train, **network)
        vae = VAETransformer(
            network["n_components"],
            likelihood="bernoulli" if variational else "gaussian",
            variational=variational,
            hidden_layer_sizes=(network["n_hidden"],),
            scale=1.0,
            batch_norm=False,
            linear_path=False,
            dropout=0.0,
            batch_size=100,
            max_epochs=2,
            random_state=0,
        ).fit(train)
        seconds = {"bare loop": [], "VAETransformer": []}
        for _ in range(args.epochs(7)):
            seconds["bare loop"].append(timed(bare.epoch)[1])
            # Two fits apart by two epochs, so that what a fit costs once drops out.
            short = timed(lambda vae=vae: vae.set_params(max_epochs=1).fit(train))[1]
            long = timed(lambda vae=vae: vae.set_params(max_epochs=3).fit(train))[1]
            seconds["VAETransformer"].append((long - short) / 2)
        ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
        rows[name] = {
            **{k: f"{statistics.median(v):.2f}" for k, v in seconds.items()},
            "ratio": f"{statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
        }
    show("CPU seconds of an epoch of 16,000 images in batches of 100, medians", rows)


def batch_norm(args):
    """With and without batch norm, by learning rate."""
    train, test = args.small()
    train, test = train[:8000], test[:2000]
    rows = {}
    for variational, lr in product((False, True), (1e-3, 3e-3, 1e-2)):
        cells = {}
        for likelihood, on in product(("gaussian", "bernoulli"), (True, False)):
            model = VAETransformer(
                likelihood=likelihood,
                variational=variational,
                batch_norm=on,
                lr=lr,
                max_epochs=args.epochs(30),
                batch_size=100,
                random_state=0,
            ).fit(train)
            named = f"{likelihood}, {'with' if on else 'without'}"
            cells[named] = f"{model.score(test):.1f}, {square_error(model, test):.4f}"
        rows[f"{'variational' if variational else 'plain'}, {lr:g}"] = cells
    show("Score and squared error of 784-500-10, 8,000 images, 30 epochs, seed 0", rows)


# What a bare loop does without.
SAME = dict(batch_norm=False, center=False, kl_warmup=0.0)


def short(args):
    """Trainings of few steps beside a bare loop of the same network at one rate."""
    train, test = binarised(*args.small())
    held_out = torch.from_numpy(test)
    network = dict(n_hidden=100, n_components=10, variational=True)
    rows = {}
    for (batch_size, n_epochs), lr in product(
        ((1000, 6), (1000, 20), (200, 12)), (1e-3, 3e-3, 1e-2)
    ):
        n_epochs, bounds = args.epochs(n_epochs), {}
        for seed in range(args.n_seeds):
            loop = BareLoop(train, seed=seed, lr=lr, batch_size=batch_size, **network)
            for _ in range(n_epochs):
                loop.epoch()
            with torch.no_grad():
                loss = np.mean([loop.model.loss(held_out).item() for _ in range(20)])
            bounds.setdefault("bare loop", []).append(loss)
            for kind, options in {"same network": SAME, "with batch norm": {}}.items():
                model = VAETransformer(
                    likelihood="bernoulli",
                    hidden_layer_sizes=100,
                    lr=lr,
                    max_epochs=n_epochs,
                    batch_size=batch_size,
                    random_state=seed,
                    **options,
                ).fit(train)
                bounds.setdefault(kind, []).append(-model.score(test))
        n_steps = n_epochs * -(-len(train) // batch_size)
        rows[f"{n_steps} steps, {lr:g}"] = {
            kind: f"{np.mean(found):.1f}" for kind, found in bounds.items()
        }
    show("Negative ELBO of 784-100-10, 16,000 images binarised once", rows)


def words(args):
    """Groups of texts found in codes of counts, beside NVDM's."""
    rows = {}
    for name in ("few", "20ng", "docstrings"):
        corpus = CORPORA[name]()
        X, y = corpus.test[: args.n_rows], corpus.labels[: args.n_rows]
        scores = {}
        for seed in range(args.n_seeds):
            for model in (
                NVDMTopicModel(corpus.n_components, random_state=seed),
                VAETransformer(
                    corpus.n_components, likelihood="multinomial", random_state=seed
                ),
            ):
                if args.n_rows:
                    model.set_params(max_epochs=2)
                codes = model.fit(corpus.train[: args.n_rows]).transform(X)
                clusters = KMeans(len(set(y)), n_init=5, random_state=seed)
                found = normalized_mutual_info_score(y, clusters.fit_predict(codes))
                scores.setdefault(type(model).__name__, []).append(found)
        rows[name] = {
            kind: f"{np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}"
            for kind, found in scores.items()
        }
    show("NMI of k-means in codes of held-out texts and their groups", rows)


TABLES = {
    f.__name__: f
    for f in (
        speed,
        linear,
        passes,
        plain,
        components,
        bernoulli,
        dynamic,
        importance,
        convolution,
        batch_norm,
        short,
        words,
    )
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}; all")
    parser.add_argument("--n-seeds", type=int, default=3)
    parser.add_argument("--cifar", metavar="NPZ", help="X_train, X_test of CIFAR-10")
    parser.add_argument("--quick", action="store_true", help="2 epochs of 2,000 images")
    args = parser.parse_args(argv)
    quick = args.quick
    args.n_rows = 2000 if quick else None

    def cut(train, test):
        return train[: args.n_rows], test[: args.n_rows]

    args.epochs = lambda n: min(n, 2) if quick else n
    args.small, args.full = (lambda: cut(*small())), (lambda: cut(*full()))
    args.sets = lambda: [
        ("16,000 images", args.small()),
        ("60,000 images, one seed", args.full()),
    ]
    torch.set_num_threads(1)
    print(
        f"one thread of this machine, torch {torch.__version__}, seeds 0 to "
        f"{args.n_seeds - 1}"
    )
    for name in args.tables or TABLES:
        TABLES[name](args)


if __name__ == "__main__":
    main()
