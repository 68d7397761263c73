"""Plant bugs in a copy of the package, one at a time: does a test fail for each?

    python tests/mutants.py             # all, a quarter of an hour
    python tests/mutants.py KL sparse   # those whose name contains a part

A suite that passes says little unless it fails where it should. Each mutant is a bug
that is easily made in this code, and names the test files that are to catch it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 1800

# Told after the tests, by the process that ran them: the package may be installed too,
# and a test of the installed one would catch nothing.
RUN = """
import sys, pytest
code = pytest.main(sys.argv[1:])
print("imported", getattr(sys.modules.get("skvae"), "__file__", None))
sys.exit(code)
"""


@dataclass(frozen=True)
class Mutant:
    """A bug: in a file of the package, a text that stands there once and another."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple  # names of test files without "test_", the first to catch it first

    def planted_in(self, text):
        found = text.count(self.old)
        if found != 1:
            raise ValueError(
                f"The mutant {self.name!r} is out of date: skvae/{self.file} has its "
                f"text {found} times, not once. The text is\n{self.old}"
            )
        return text.replace(self.old, self.new)


def copy_of(source, folder):
    """Copy what the tests need of the repository at `source` into a folder."""
    for part in ("skvae", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / part, folder / part, ignore=ignored)
    shutil.copy(source / "pyproject.toml", folder)


def first_failure(root, tests):
    """Run test files on the copy at `root`, until one fails.

    Returns
    -------
    code : int
        Exit code of pytest: 0 if all tests passed, 1 if one failed.
    test : str or None
        The test that failed. An error outside of a test is no failure.
    last_line : str
        What pytest has to say at the end.
    """
    files = [f"tests/test_{name}.py" for name in tests]
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--color=no"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUN, *options, *files],
            cwd=root,
            # The path is for processes that tests start.
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return -1, None, f"not at an end after {TIMEOUT} seconds"
    code, lines = done.returncode, done.stdout.split("\n")
    path = next((x[9:] for x in lines if x.startswith("imported ")), "none")
    if code in (0, 1) and Path(path).resolve() != root / "skvae" / "__init__.py":
        raise RuntimeError(f"Tests ran on {path}, not on the copy:\n{done.stdout}")
    failed = re.search(r"^FAILED (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    summary = [line for line in lines if line and not line.startswith("imported ")]
    return code, failed and failed[1], summary[-1] if summary else ""


def outcome(mutant, source=ROOT):
    """Plant a bug in a copy of the repository at `source` and run its tests.

    Returns
    -------
    caught_by : str or None
        The test that failed first.
    seconds : float
    """
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        copy_of(source, root)
        path = root / "skvae" / mutant.file
        path.write_text(mutant.planted_in(path.read_text()))
        start = time.perf_counter()
        code, test, last_line = first_failure(root, mutant.tests)
        seconds = time.perf_counter() - start
    if code not in (0, 1):  # a bug that stops pytest itself has not been tested
        print(f"{mutant.name}: exit code {code}, {last_line}", file=sys.stderr)
    return test if code == 1 else None, seconds


def main(parts):
    """Run mutants whose name contains one of the parts; how many survived."""
    chosen = [m for m in MUTANTS if not parts or any(p in m.name for p in parts)]
    if not chosen:
        sys.exit(f"No mutant has any of {parts} in its name.")
    with TemporaryDirectory() as folder:
        snapshot = Path(folder).resolve()  # edits meanwhile do not matter
        copy_of(ROOT, snapshot)
        for mutant in chosen:
            mutant.planted_in((snapshot / "skvae" / mutant.file).read_text())
        tests = dict.fromkeys(name for mutant in chosen for name in mutant.tests)
        code, test, last_line = first_failure(snapshot, tests)
        if code != 0:
            sys.exit(f"Without a mutant, tests do not pass: {test or ''} {last_line}")
        print("| mutant | caught by | seconds |\n|---|---|---|", flush=True)
        n_caught = 0
        for mutant in chosen:
            caught_by, seconds = outcome(mutant, snapshot)
            n_caught += caught_by is not None
            name = f"`{caught_by}`" if caught_by else "**no test**"
            print(f"| {mutant.name} | {name} | {seconds:.0f} |", flush=True)
    print(f"\n{n_caught} of {len(chosen)} mutants caught")
    return len(chosen) - n_caught


MUTANTS = [
    # --- the bound --------------------------------------------------------------
    Mutant(
        "KL term with the wrong sign",
        "nn/elbo.py",
        "bound = reconstruction - kl_weight * kl",
        "bound = reconstruction + kl_weight * kl",
        ("losses",),
    ),
    Mutant(
        "KL term dropped",
        "nn/elbo.py",
        "bound = reconstruction - kl_weight * kl",
        "bound = reconstruction",
        ("losses",),
    ),
    Mutant(
        "importance weights of the posterior alone",
        "nn/elbo.py",
        "price = posterior.log_prob(z) - prior.log_prob(z)",
        "price = posterior.log_prob(z)",
        ("losses",),
    ),
    Mutant(
        "KL term halved",
        "nn/elbo.py",
        "kl = kl_per_unit(posterior, prior).sum(-1)",
        "kl = 0.5 * kl_per_unit(posterior, prior).sum(-1)",
        ("losses",),
    ),
    Mutant(
        "KL divergence from the prior to the posterior",
        "nn/elbo.py",
        "kl_divergence(posterior.base_dist, prior.base_dist)",
        "kl_divergence(prior.base_dist, posterior.base_dist)",
        ("losses",),
    ),
    Mutant(
        "KL warm-up that acts in scoring",
        "nn/elbo.py",
        "(self.warmup if self.training else 1.0)",
        "self.warmup",
        ("losses",),
    ),
    Mutant(
        "KL warm-up that is not heeded",
        "nn/elbo.py",
        "(self.warmup if self.training else 1.0)",
        "1.0",
        ("losses",),
    ),
    Mutant(
        "loss summed over the batch",
        "nn/elbo.py",
        "term.mean() for term",
        "term.sum() for term",
        ("losses",),
    ),
    # --- likelihoods, of dense and of sparse rows -------------------------------
    Mutant(
        "reconstruction averaged over the vocabulary, dense",
        "nn/likelihoods.py",
        "return (counts * self.log_probs()).sum(-1)",
        "return (counts * self.log_probs()).mean(-1)",
        ("likelihoods",),
    ),
    Mutant(
        "reconstruction averaged over the vocabulary, sparse",
        "nn/likelihoods.py",
        "return sums_of_rows(counts.values * self.log_probs_at(at), at)",
        "return sums_of_rows(counts.values * self.log_probs_at(at), at) / at.shape[1]",
        ("rows",),
    ),
    Mutant(
        "log counts in the likelihood, dense",
        "nn/likelihoods.py",
        "(counts * self.log_probs())",
        "(counts.log1p() * self.log_probs())",
        ("likelihoods",),
    ),
    Mutant(
        "log counts in the likelihood, sparse",
        "nn/likelihoods.py",
        "counts.values * self.log_probs_at(at)",
        "counts.values.log1p() * self.log_probs_at(at)",
        ("rows",),
    ),
    Mutant(
        "topics mixed in log space, dense",
        "nn/likelihoods.py",
        "return log_positive(self.mean)",
        "return self.proportions @ log_positive(self.topics)",
        ("likelihoods",),
    ),
    Mutant(
        "topics mixed in log space, sparse",
        "nn/likelihoods.py",
        "log_positive(product_at(self.proportions, topics, pattern))",
        "product_at(self.proportions, log_positive(topics), pattern)",
        ("rows",),
    ),
    Mutant(
        "logarithm of p + 1e-10",
        "nn/likelihoods.py",
        "probs.clamp_min(torch.finfo(probs.dtype).tiny).log()",
        "(probs + 1e-10).log()",
        ("likelihoods",),
    ),
    Mutant(
        "Bernoulli logits taken for probabilities",
        "nn/likelihoods.py",
        "F.binary_cross_entropy_with_logits(self.logits, values,",
        "F.binary_cross_entropy_with_logits(self.logits.sigmoid(), values,",
        ("likelihoods",),
    ),
    Mutant(
        "Gaussian variance for a standard deviation",
        "nn/likelihoods.py",
        "self.unit * self.log_scale.clamp(-7, 7).exp()",
        "self.unit * (2 * self.log_scale.clamp(-7, 7)).exp()",
        ("base", "vae"),
    ),
    # --- sparse rows ------------------------------------------------------------
    Mutant(
        "gradient of the sparse product wrong by a factor",
        "nn/rows.py",
        "weights = x.values[at.place_by_column].to(grad.dtype)",
        "weights = 2 * x.values[at.place_by_column].to(grad.dtype)",
        ("rows",),
    ),
    Mutant(
        "gradient of the sparse product by values in the order of rows",
        "nn/rows.py",
        "weights = x.values[at.place_by_column].to(grad.dtype)",
        "weights = x.values.to(grad.dtype)",
        ("rows",),
    ),
    Mutant(
        "sparse product without the gradient of the dense columns",
        "nn/rows.py",
        "sums[-n_more:] = x.tail.T @ grad",
        "sums[-n_more:] = 0",
        ("rows",),
    ),
    Mutant(
        "sparse mixture of topics without the gradient of the topics",
        "nn/rows.py",
        "return grad_a, weighted_sums(a, at.row_by_column, at.column_ends, grad), None",
        "return grad_a, torch.zeros_like(b), None",
        ("rows",),
    ),
    Mutant(
        "larger batches at the rate of small ones",
        "models/gsm.py",
        '(self._settled(data)["batch_size"] / BATCH) ** 0.5',
        '(self._settled(data)["batch_size"] / BATCH) ** 0',
        ("topics",),
    ),
    Mutant(
        "health of the part before the last",
        "models/base.py",
        'vars(self).pop("health_", None)',
        "pass",
        ("topics",),
    ),
    Mutant(
        "softmax of many words normalised over the last block of them",
        "nn/rows.py",
        "total = torch.logaddexp(total, log_sum_exp_(product))",
        "total = log_sum_exp_(product)",
        ("rows",),
    ),
    Mutant(
        "standardised product without the covariance of its codes",
        "nn/layers.py",
        "variance = ((covariance @ weight) * weight)",
        "variance = (covariance.diag()[:, None] * weight * weight)",
        ("modules",),
    ),
    Mutant(
        "sparse log-softmax without the gradient of its normaliser",
        "nn/rows.py",
        "grad_logits = probs.mul_(-sums_of_rows(grad, at)[:, None])",
        "grad_logits = torch.zeros_like(probs)",
        ("rows",),
    ),
    Mutant(
        "sparse log-softmax that underflows",
        "nn/rows.py",
        "if (probs_at < torch.finfo(probs.dtype).tiny).any():",
        "if False:",
        ("rows",),
    ),
    Mutant(
        "sparse rows encoded by their raw counts",
        "nn/rows.py",
        "return rows.with_values(function(rows.values))",
        "return rows",
        ("rows",),
    ),
    Mutant(
        "gradient that stays in place not set to zero",
        "training/net.py",
        "weight.grad = gradient.zero_()",
        "weight.grad = gradient",
        ("rows",),
    ),
    Mutant(
        "duplicate entries of a sparse matrix not summed",
        "utils/counts.py",
        "X.sum_duplicates()",
        "X.sort_indices()",
        ("metrics", "base"),
    ),
    Mutant(
        "stored zeros of a sparse matrix kept",
        "utils/counts.py",
        "    X.eliminate_zeros()\n",
        "",
        ("metrics", "base"),
    ),
    Mutant(
        "duplicate entries summed in the caller's matrix",
        "utils/counts.py",
        "    X = X.copy()  # never in place",
        "    # never in place",
        ("metrics", "base"),
    ),
    # --- the latent space -------------------------------------------------------
    Mutant(
        "std = exp(log-variance)",
        "nn/latent.py",
        "(0.5 * log_variance).exp()",
        "log_variance.exp()",
        ("base",),
    ),
    Mutant(
        "log-variance without bounds",
        "nn/latent.py",
        "self.log_variance(hidden).clamp(-10, 10)",
        "self.log_variance(hidden)",
        ("modules",),
    ),
    Mutant(
        "noise shared by the rows of a batch",
        "nn/latent.py",
        "shape, generator=generator, dtype=mean.dtype",
        "mean.shape[-1:], generator=generator, dtype=mean.dtype",
        ("modules",),
    ),
    Mutant(
        "noise of a draw left out",
        "nn/latent.py",
        "return mean + std * noise",
        "return mean",
        ("modules",),
    ),
    Mutant(
        "no noise in training",
        "nn/autoencoder.py",
        "z = reparameterise(posterior, generator, self.n_draws)",
        "z = posterior.mean",
        ("modules", "vae", "base"),
    ),
    Mutant(
        "noise that gradients do not pass",
        "nn/autoencoder.py",
        "z = reparameterise(posterior, generator, self.n_draws)",
        "z = reparameterise(posterior, generator, self.n_draws).detach()",
        ("modules",),
    ),
    Mutant(
        "prior that is never used for samples",
        "models/inference.py",
        "self.module.link(prior.mean + prior.stddev * noise)",
        "self.module.link(noise)",
        ("base", "topics"),
    ),
    # --- topics and layers ------------------------------------------------------
    Mutant(
        "softmax over documents, GSM",
        "nn/topics.py",
        "return self.linear(z).softmax(-1)",
        "return self.linear(z).softmax(0)",
        ("modules",),
    ),
    Mutant(
        "softmax over documents, ProdLDA",
        "nn/topics.py",
        "return (self.sharpness * z).softmax(-1)",
        "return (self.sharpness * z).softmax(0)",
        ("base",),
    ),
    Mutant(
        "topics normalised over topics, not words",
        "nn/topics.py",
        "return logits.softmax(-1)",
        "return logits.softmax(0)",
        ("modules",),
    ),
    Mutant(
        "rare words vary like others, ProdLDA",
        "nn/topics.py",
        "return (n_documents / (n_documents + cls.evidence)) ** 0.5",
        "return (n_documents / (n_documents + 1e-9)) ** 0.5",
        ("topics",),
    ),
    Mutant(
        "words of earlier calls forgotten, ProdLDA",
        "models/prodlda.py",
        "decoder.spread.clamp_(min=spread.to(decoder.spread))",
        "decoder.spread.copy_(spread)",
        ("topics",),
    ),
    Mutant(
        "clusters taken for equally large",
        "cluster.py",
        "evidence = np.log(self.shares_) - distances / 2",
        "evidence = -distances / 2",
        ("cluster",),
    ),
    Mutant(
        "clusters taken for round",
        "cluster.py",
        "np.linalg.cholesky(np.linalg.inv(self.covariance_))",
        "np.eye(len(self.covariance_))",
        ("cluster",),
    ),
    Mutant(
        "words of clusters on the evidence of one document",
        "utils/specific.py",
        "np.maximum(counts * share - LEAST, 0)",
        "np.maximum(counts * share, 0)",
        ("cluster",),
    ),
    Mutant(
        "overlap of topics rewarded",
        "nn/elbo.py",
        "loss = loss + weight * penalty(x, *output[:3])",
        "loss = loss - weight * penalty(x, *output[:3])",
        ("net", "topics"),
    ),
    Mutant(
        "proportions that never cool down",
        "nn/autoencoder.py",
        "            self.link.at(progress)",
        "            pass",
        ("topics",),
    ),
    Mutant(
        "words of topics far from all documents, ProdLDA",
        "models/prodlda.py",
        "PURER = 0.25",
        "PURER = 1.0",
        ("topics",),
    ),
    Mutant(
        "incoherence of topics rewarded",
        "nn/penalties.py",
        "return -x.sum(-1).mean() * coherence.mean()",
        "return x.sum(-1).mean() * coherence.mean()",
        ("modules", "topics"),
    ),
    Mutant(
        "prior of words against those of few documents reversed",
        "nn/penalties.py",
        "return -topics.numel()",
        "return topics.numel()",
        ("modules", "net", "topics"),
    ),
    Mutant(
        "prior of words of each document, not of all",
        "models/gsm.py",
        "self.topic_word_prior / data.X.shape[0]",
        "self.topic_word_prior",
        ("topics",),
    ),
    Mutant(
        "encoder and decoder updated in the wrong turn",
        "training/callbacks.py",
        'name.startswith("encoder.") == encoder_rests',
        'name.startswith("encoder.") != encoder_rests',
        ("papers",),
    ),
    Mutant(
        "angles between topics' vectors punished",
        "nn/penalties.py",
        "angles.var(correction=0) - angles.mean()",
        "angles.mean() - angles.var(correction=0)",
        ("papers",),
    ),
    Mutant(
        "background of the paper's topics learnt",
        "models/gsm.py",
        '"word_frequencies" in config.get("recipe", ADDITIONS)',
        "True",
        ("papers",),
    ),
    Mutant(
        "seed words heard as often as they occur",
        "models/seed_words.py",
        "(means / np.maximum(documents, 1)) @ together",
        "means @ together",
        ("seed_words",),
    ),
    Mutant(
        "seed words that X lacks left out in silence",
        "models/seed_words.py",
        "if tell and unknown:",
        "if tell and not unknown:",
        ("seed_words",),
    ),
    Mutant(
        "themes of the seeds for the last topics",
        "nn/penalties.py",
        "topics[: len(themes)]",
        "topics[-len(themes) :]",
        ("seed_words",),
    ),
    Mutant(
        "documents with seed words kept from their topic",
        "nn/penalties.py",
        "-((x @ seeds) * log_positive(proportions)).sum(-1).mean()",
        "((x @ seeds) * log_positive(proportions)).sum(-1).mean()",
        ("seed_words",),
    ),
    Mutant(
        "topics that start at their seeds without the background",
        "nn/topics.py",
        "wanted = topics.log() - self.background",
        "wanted = topics.log()",
        ("seed_words",),
    ),
    Mutant(
        "words coherent with themselves",
        "nn/penalties.py",
        "pairs = pairs * (1 - torch.eye(words.shape[1], device=pairs.device))",
        "pairs = pairs * 1",
        ("modules",),
    ),
    Mutant(
        "coherence of the topics as training began",
        "training/coherence.py",
        "        with torch.no_grad():\n",
        "        if hasattr(self, 'words_'):\n            return\n"
        "        with torch.no_grad():\n",
        ("net",),
    ),
    Mutant(
        "dropout that shrinks the mean",
        "nn/layers.py",
        "return x * keep / (1 - rate)",
        "return x * keep",
        ("modules",),
    ),
    Mutant(
        "batch statistics in inference",
        "nn/layers.py",
        "if self.training and len(x) > 1:",
        "if len(x) > 1:",
        ("modules",),
    ),
    Mutant(
        "running statistics that stay near those of the start",
        "nn/layers.py",
        "max(self.momentum, 1 / self.num_batches_tracked.item())",
        "self.momentum",
        ("topics",),
    ),
    # --- batches, noise and thinning --------------------------------------------
    Mutant(
        "last batch dropped",
        "training/data.py",
        "in rows.tensor_split(self.n_batches):",
        "in rows.tensor_split(self.n_batches)[:-1]:",
        ("net",),
    ),
    Mutant(
        "rows never shuffled",
        "training/net.py",
        "shared = (self.shuffle_generator, self.processes) if training else ()",
        "shared = ()",
        ("net",),
    ),
    Mutant(
        "rows shuffled alike in each epoch",
        "training/net.py",
        "derive_seed(self.seed, Stream.SHUFFLE, epoch)",
        "derive_seed(self.seed, Stream.SHUFFLE)",
        ("net",),
    ),
    Mutant(
        "rows duplicated in an epoch",
        "training/data.py",
        "torch.randperm(self.n_samples, generator=self.generator)",
        "torch.randint(self.n_samples, rows.shape, generator=self.generator)",
        ("net",),
    ),
    Mutant(
        "global generator shuffles",
        "training/data.py",
        "torch.randperm(self.n_samples, generator=self.generator)",
        "torch.randperm(self.n_samples)",
        ("base",),
    ),
    Mutant(
        "global generator drops units",
        "nn/layers.py",
        "bernoulli_(1 - rate, generator=generator)",
        "bernoulli_(1 - rate)",
        ("modules",),
    ),
    Mutant(
        "global generator makes noise",
        "nn/latent.py",
        "shape, generator=generator, dtype=mean.dtype",
        "shape, dtype=mean.dtype",
        ("modules",),
    ),
    Mutant(
        "noise that does not depend on the epoch",
        "training/net.py",
        "stream = Stream.NOISE, len(self.history), self.processes.rank",
        "stream = Stream.NOISE, 0, self.processes.rank",
        ("net", "persistence"),
    ),
    Mutant(
        "validation noise that depends on the epoch",
        "training/net.py",
        "stream = (Stream.VALIDATION,)",
        "stream = Stream.VALIDATION, len(self.history)",
        ("net",),
    ),
    Mutant(
        "one random stream for all purposes",
        "training/seeds.py",
        "np.random.SeedSequence([seed, stream, epoch, rank])",
        "np.random.SeedSequence([seed, epoch, rank])",
        ("net", "persistence"),
    ),
    Mutant(
        "thinning that makes up for what it takes",
        "models/topics.py",
        "return type(rows)((rows.data * kept, rows.indices",
        "return type(rows)((rows.data * kept / rate, rows.indices",
        ("net",),
    ),
    Mutant(
        "thinning at one rate for all documents",
        "models/topics.py",
        "rng.uniform(lowest, 1.0, rows.shape[0])",
        "np.full(rows.shape[0], rng.uniform(lowest, 1.0))",
        ("net",),
    ),
    Mutant(
        "thinning alike in each epoch",
        "training/net.py",
        "derive_seed(self.seed, Stream.CORRUPTION, epoch, self.processes.rank)",
        "derive_seed(self.seed, Stream.CORRUPTION)",
        ("net", "persistence"),
    ),
    Mutant(
        "thinning of the target, dense",
        "training/data.py",
        "seen = self._to_rows(corrupted)",
        "x = seen = self._to_rows(corrupted)",
        ("net",),
    ),
    Mutant(
        "thinning of the target, sparse",
        "training/data.py",
        "seen = x.with_values(",
        "x = seen = x.with_values(",
        ("rows",),
    ),
    # --- training ---------------------------------------------------------------
    Mutant(
        "learning rate and KL weight that start anew in partial_fit",
        "training/callbacks.py",
        "progress = min(epochs / self.max_epochs, 1.0)",
        "progress = min(epochs / net.max_epochs, 1.0)",
        ("base",),
    ),
    Mutant(
        "optimizer state forgotten when training goes on",
        "training/state.py",
        "net.optimizer_.state[weights[name]][key] = value",
        "pass",
        ("base",),
    ),
    Mutant(
        "optimizer state in another order of memory than the weights",
        "training/state.py",
        "value = torch.empty_like(weights[name]).copy_(value)",
        "pass",
        ("base",),
    ),
    Mutant(
        "second fit that goes on from the first",
        "models/base.py",
        'if resume or not key.endswith("_")',
        "if True",
        ("base",),
    ),
    Mutant(
        "gradients not clipped",
        "training/net.py",
        "if clip_norm is not None:",
        "if False:",
        ("net", "faults"),
    ),
    Mutant(
        "divergence not noticed",
        "training/net.py",
        "if not math.isfinite(loss.item()):",
        "if False:",
        ("net",),
    ),
    Mutant(
        "weights that are NaN not noticed",
        "training/net.py",
        "if not all(torch.isfinite(weight).all() for weight in",
        "if not all(True for weight in",
        ("net", "bad_input"),
    ),
    Mutant(
        "Ctrl-C swallowed",
        "training/net.py",
        "raise\n        finally:",
        "pass\n        finally:",
        ("net",),
    ),
    Mutant(
        "Ctrl-C swallowed with early stopping only",
        "training/net.py",
        "if not (impatient or self.task_.is_to_stop):",
        "if not (stoppers or self.task_.is_to_stop):",
        ("net",),
    ),
    Mutant(
        "failed fit that leaves a half-fitted estimator",
        "models/base.py",
        "draft = object.__new__(type(self))",
        "draft = self",
        ("net",),
    ),
    Mutant(
        "callbacks of the user changed",
        "models/base.py",
        "copy.deepcopy(list(self.callbacks or ()))",
        "list(self.callbacks or ())",
        ("net",),
    ),
    Mutant(
        "held-out rows of early stopping trained on",
        "models/base.py",
        "return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])",
        "return np.sort(order), np.sort(order[:n_held_out])",
        ("net",),
    ),
    Mutant(
        "best weights of early stopping not restored",
        "training/net.py",
        "load_best=True",
        "load_best=False",
        ("net",),
    ),
    Mutant(
        "early stopping by a share of the loss",
        "training/net.py",
        'threshold_mode="abs"',
        'threshold_mode="rel"',
        ("net",),
    ),
    # --- the linear path ------------------------------------------------------------
    Mutant(
        "a path that is not divided by its width",
        "nn/layers.py",
        "seen = seen / self.n_in",
        "seen = seen / 1",
        ("vae",),
    ),
    Mutant(
        "hidden layers that add to the start at once",
        "models/autoencoder.py",
        "start[: -encoder.body.n_in] = last[: -decoder.body.n_in] = 0",
        "pass",
        ("vae",),
    ),
    Mutant(
        "a linear start that counts its noise twice",
        "models/autoencoder.py",
        "explained = (variances - noise)",
        "explained = (variances + 0 * noise)",
        ("vae",),
    ),
    Mutant(
        "a scale that starts at the deviation of the data",
        "nn/likelihoods.py",
        "self.log_scale.copy_(share.log() / 2)",
        "pass",
        ("vae",),
    ),
    Mutant(
        "columns of other kinds in the linear start",
        "models/autoencoder.py",
        "nan_to_num(0.0) * real",
        "nan_to_num(0.0)",
        ("vae",),
    ),
    Mutant(
        "a linear path that knows nothing of covariates",
        "models/autoencoder.py",
        'and config["n_covariates"] == 0',
        "and True",
        ("covariates", "vae"),
    ),
    Mutant(
        "early stopping of narrow tables",
        "models/vae.py",
        "10 <= n_samples < 2 * n_features",
        "10 <= n_samples < 200 * n_features",
        ("vae",),
    ),
    # --- inference and scores ---------------------------------------------------
    Mutant(
        "transform in training mode",
        "models/inference.py",
        "    part.training = False\n",
        "",
        ("base",),
    ),
    Mutant(
        "transform that samples",
        "nn/autoencoder.py",
        "return self.link(self.encoder.location(self.encoder.hidden(x, c=c, e=e)))",
        "return self.link(self.encoder(x, c=c).base_dist.sample())",
        ("base",),
    ),
    Mutant(
        "score of the decoded posterior mean",
        "models/inference.py",
        "z = posterior.mean + posterior.stddev * noise\n                likelihood",
        "z = posterior.mean\n                likelihood",
        ("base",),
    ),
    Mutant(
        "draws of the bound that lack the moments of normal ones",
        "models/inference.py",
        "if n_draws >= 3 * n_components:",
        "if False:",
        ("vae", "base"),
    ),
    Mutant(
        "draws that all rows share",
        "models/inference.py",
        "(SHIFT * mean).remainder(1)",
        "(0 * mean)",
        ("base",),
    ),
    Mutant(
        "draws that leap",
        "models/inference.py",
        "1 - (2 * points - 1).abs()",
        "points",
        ("base",),
    ),
    Mutant(
        "importance bound without log n",
        "models/inference.py",
        "terms.logsumexp(0) - np.log(n_draws)",
        "terms.logsumexp(0)",
        ("base",),
    ),
    Mutant(
        "importance weights without the prior",
        "nn/elbo.py",
        "likelihood.log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)",
        "likelihood.log_prob(x) - posterior.log_prob(z)",
        ("base",),
    ),
    Mutant(
        "score per document, not per token",
        "models/topics.py",
        "mean = float(mean_per_token(bounds, row_sums(data.X), average))",
        "mean = float(bounds.mean())",
        ("topics",),
    ),
    Mutant(
        "score per distinct word, not per token",
        "models/topics.py",
        "mean_per_token(bounds, row_sums(data.X), average)",
        "mean_per_token(bounds, np.diff(data.X.indptr), average)",
        ("topics",),
    ),
    Mutant(
        "perplexity of tokens averaged over documents",
        "utils/counts.py",
        "return values.sum() / n_tokens.sum()",
        "return np.mean(values[n_tokens > 0] / n_tokens[n_tokens > 0])",
        ("metrics",),
    ),
    Mutant(
        "completion that has seen the words it predicts",
        "fitted/completion.py",
        "_completions(last, first, second,",
        "_completions(last, counts, second,",
        ("metrics",),
    ),
    Mutant(
        "features not checked by topic models",
        "models/topics.py",
        "        reset=reset,\n",
        "        reset=True,\n",
        ("bad_input",),
    ),
    Mutant(
        "features not checked by VAETransformer",
        "models/vae.py",
        "            reset=reset,\n",
        "            reset=True,\n",
        ("bad_input",),
    ),
    # --- files ------------------------------------------------------------------
    Mutant(
        "checksum of a file not compared",
        "persistence.py",
        "if checksum != found.hexdigest().encode():",
        "if False:",
        ("persistence",),
    ),
    Mutant(
        "a file left behind by a save that failed",
        "utils/files.py",
        "            stack.callback(remove, draft)",
        "            pass",
        ("persistence",),
    ),
    Mutant(
        "moments of a file not looked at",
        "persistence.py",
        '    check_moments(state["net"]["optimizer"])',
        "    pass",
        ("persistence",),
    ),
    Mutant(
        "documents of any size parsed",
        "persistence.py",
        "if too_much := excess(text.encode(), os.path.getsize(path)):",
        "if False:",
        ("persistence",),
    ),
    Mutant(
        "drafts of those who live cleared",
        "utils/files.py",
        "fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)",
        "fcntl.LOCK_SH",
        ("files",),
    ),
    Mutant(
        "pipes and devices replaced by files",
        "utils/files.py",
        "if kind is None or (kind == stat.S_IFREG and target.exists()):",
        "if kind not in NO_FILES:",
        ("files",),
    ),
    Mutant(
        "results that are NaN or infinite not noticed",
        "models/inference.py",
        "if not values.isfinite().all():",
        "if False:",
        ("bad_input",),
    ),
    Mutant(
        "counts summed in single precision",
        "utils/counts.py",
        "sum(np.bincount(part.indices, part.data, X.shape[1]) for part in parts)",
        "sum(part.sum(axis=0, dtype=np.float64) for part in parts)",
        ("rows",),
    ),
    # --- covariates ---------------------------------------------------------------
    Mutant(
        "covariates not shuffled with their rows",
        "training/data.py",
        "parts = self.X[rows], self.covariates[rows], self.embeddings[rows]",
        "parts = self.X[rows], self.covariates, self.embeddings[rows]\n        "
        "parts = parts[0], parts[1][: parts[0].shape[0]], parts[2]",
        ("covariates",),
    ),
    Mutant(
        "covariates not seen by the encoder",
        "nn/latent.py",
        "x = append_columns(append_columns(x, missing), c)",
        "x = append_columns(x, None if c is None else 0 * c)",
        ("covariates",),
    ),
    Mutant(
        "covariates not seen by a decoder of topics",
        "nn/topics.py",
        "return words.tilted(c, self.covariate_components)",
        "return words.tilted(0 * c, self.covariate_components)",
        ("covariates",),
    ),
    Mutant(
        "an unseen label taken for the last one",
        "models/covariates.py",
        "if (place < 0).any():",
        "place = place % len(values)\n    if False:",
        ("covariates",),
    ),
    Mutant(
        "numbers among covariates taken as they are",
        "models/covariates.py",
        "if others.any():",
        "if False:",
        ("covariates",),
    ),
    Mutant(
        "numbers scaled for the model but not for its factors",
        "models/topics.py",
        "factors = factors / self.covariate_scale_[:, None]",
        "pass",
        ("covariates",),
    ),
    Mutant(
        "covariates of the first documents given to those that are completed",
        "fitted/completion.py",
        "given = {kind: values[rows] for kind",
        "given = {kind: values[: len(rows)] for kind",
        ("covariates",),
    ),
    Mutant(
        "inspection without covariates",
        "fitted/space.py",
        "return vectors_of(model, topic_codes(model, counts, given))",
        "return vectors_of(model, topic_codes(model, counts, {}))",
        ("covariates",),
    ),
    Mutant(
        "errors of mean proportions without the posterior",
        "fitted/proportions.py",
        "variances = posterior_variances(model, counts, given)",
        "variances = 0 * shares",
        ("prevalence",),
    ),
    Mutant(
        "errors of mean proportions of single documents",
        "fitted/proportions.py",
        "errors = np.sqrt(within.to_numpy() / n[:, None])",
        "errors = np.sqrt(within.to_numpy())",
        ("prevalence",),
    ),
    Mutant(
        "intervals of one standard error",
        "utils/intervals.py",
        "error = _Z * prevalence",
        "error = prevalence",
        ("report",),
    ),
    Mutant(
        "lines of the report over periods without documents",
        "_report/_drawings.py",
        "known = np.isfinite(line.to_numpy(dtype=float))",
        "known = np.isfinite(line.to_numpy(dtype=float)) | True",
        ("report",),
    ),
    Mutant(
        "topics found by words that all documents have more often",
        "_report/_topics.py",
        "if p[k, j] > frequencies[j]",
        "if p[k, j] > LEAST",
        ("report",),
    ),
    Mutant(
        "topics of few documents that are never noticed",
        "_report/_topics.py",
        "np.searchsorted(largest, largest[-1] / 2)",
        "np.searchsorted(largest, largest[-1])",
        ("report",),
    ),
    Mutant(
        "classes of topics by their parts of all documents",
        "_report/_topics.py",
        "by_class / by_class.sum()",
        "by_class / by_class.to_numpy().sum()",
        ("report",),
    ),
    Mutant(
        "topics alike by their probabilities, not the roots of these",
        "fitted/words.py",
        "roots = np.sqrt(word_probabilities(model))",
        "roots = word_probabilities(model)",
        ("hierarchy",),
    ),
    Mutant(
        "what a property tells is lost",
        "utils/guesses.py",
        "if hasattr(type(self), name):",
        "if False:",
        ("guesses",),
    ),
    Mutant(
        "parameters set before one is refused",
        "utils/guesses.py",
        "for name in params:",
        "for name in ():",
        ("guesses",),
    ),
    Mutant(
        "topics over columns printed as words of a topic",
        "utils/tables.py",
        "if not ranks or any(",
        "if any(",
        ("tables",),
    ),
    Mutant(
        "two topics of one name",
        "inspection/_names.py",
        "(pair for pair in pairs if pair not in groups)",
        "(pair for pair in pairs)",
        ("names",),
    ),
    Mutant(
        "members of a consensus with one seed",
        "consensus.py",
        "seeds = rng.randint(2**31 - 1, size=self.n_members).tolist()",
        "seeds = [rng.randint(2**31 - 1)] * self.n_members",
        ("consensus",),
    ),
    Mutant(
        "topics of a consensus merged by Euclidean distances of words",
        "consensus.py",
        "fit_predict(np.sqrt(words))",
        "fit_predict(words)",
        ("consensus",),
    ),
    Mutant(
        "topics of a group mixed without their shares",
        "fitted/meta.py",
        "weights = np.asarray(shares) + 1e-12",
        "weights = np.ones(len(shares))",
        ("consensus", "groups"),
    ),
    Mutant(
        "topics that recur in their own fit",
        "inspection/_recurring.py",
        "            if j != i\n",
        "            if True\n",
        ("consensus",),
    ),
    Mutant(
        "intruders that belong to the topic",
        "inspection/_intrusion.py",
        "pool[scores[topic, pool] <= np.median(scores[topic])]",
        "pool[scores[topic, pool] >= np.median(scores[topic])]",
        ("intrusion",),
    ),
    # --- missing values -----------------------------------------------------------
    Mutant(
        "missing values taken for zeros by the likelihood",
        "nn/likelihoods.py",
        "return rows.only_observed(terms(rows.values)).sum(-1)",
        "return terms(rows.values).sum(-1)",
        ("missing",),
    ),
    Mutant(
        "missing values seen as zeros, not as means",
        "nn/latent.py",
        "return x.only_observed(centred) if gaps else centred",
        "return centred",
        ("missing",),
    ),
    Mutant(
        "the encoder not told what is missing",
        "nn/rows.py",
        "return (~rows.observed).to(rows.values.dtype)",
        "return torch.zeros_like(rows.values)",
        ("missing",),
    ),
    Mutant(
        "imputed means at draws that all count alike",
        "models/inference.py",
        "weights = weights.softmax(0)",
        "weights = torch.ones_like(weights) / n_draws",
        ("missing",),
    ),
    Mutant(
        "moments of features with the missing values among their rows",
        "utils/counts.py",
        "known = np.maximum(number, 1)",
        "known = X.shape[0]",
        ("missing",),
    ),
    # --- columns of several kinds -------------------------------------------------
    Mutant(
        "means of columns in the order of the likelihoods",
        "nn/likelihoods.py",
        "[part.mean for part in self.parts], -1)[..., self.order]",
        "[part.mean for part in self.parts], -1)",
        ("mixed",),
    ),
    Mutant(
        "columns not taken to the places of the likelihoods",
        "nn/likelihoods.py",
        'self.register_buffer("order", self.laid.argsort(), persistent=False)',
        'self.register_buffer("order", self.laid, persistent=False)',
        ("mixed",),
    ),
    Mutant(
        "negative binomial with the variance of another one",
        "nn/likelihoods.py",
        "+ sizes * (self.log_sizes - log_total)",
        "+ sizes * (self.log_rates - log_total)",
        ("mixed",),
    ),
    Mutant(
        "one-hot blocks side by side taken for one",
        "models/mixed.py",
        "return blocks if start == len(numbers) else [numbers]",
        "return [numbers]",
        ("mixed",),
    ),
    # --- embeddings ---------------------------------------------------------------
    Mutant(
        "embeddings not shuffled with their rows",
        "training/data.py",
        "parts = self.X[rows], self.covariates[rows], self.embeddings[rows]",
        "parts = self.X[rows], self.covariates[rows], self.embeddings\n        "
        "parts = *parts[:2], parts[2][: parts[0].shape[0]]",
        ("embeddings",),
    ),
    Mutant(
        "embeddings not centred",
        "models/base.py",
        "affine.offset.copy_(mean)",
        "pass",
        ("embeddings",),
    ),
    Mutant(
        "embeddings in units of their own",
        "models/base.py",
        "affine.unit.fill_(std.norm() or 1.0)",
        "pass",
        ("embeddings",),
    ),
    Mutant(
        "words completed from embeddings of whole documents",
        "fitted/completion.py",
        'elif "embeddings" in given:',
        "elif False:",
        ("embeddings",),
    ),
    Mutant(
        "columns of embeddings left among the counts",
        "models/embeddings.py",
        "rest, embeddings = take_columns(X, others), take_columns(X, numbers)",
        "rest, embeddings = X, take_columns(X, numbers)",
        ("embeddings",),
    ),
    Mutant(
        "clusters of codes without embeddings",
        "cluster.py",
        "estimator = estimator.fit(X, **given)",
        "estimator = estimator.fit(X, embeddings=np.zeros((X.shape[0], 1)))",
        ("embeddings",),
    ),
    Mutant(
        "covariates of a file in any order",
        "persistence.py",
        "if not all(a < b for a, b in pairwise(values)):",
        "if False:",
        ("persistence",),
    ),
    Mutant(
        "shapes of a file's weights not checked",
        "persistence.py",
        'net["weights"].items()} != expected:',
        'net["weights"].items()} is None:',
        ("persistence",),
    ),
    Mutant(
        "shards opened into memory",
        "shards.py",
        'open_memmap(path, mode="r", max_header_size=MAX_HEADER)',
        "np.load(path)",
        ("shards",),
    ),
    Mutant(
        "rows of shards in the order of the files",
        "shards.py",
        "return taken if in_order else taken[np.argsort(order)]",
        "return taken",
        ("shards",),
    ),
    Mutant(
        "torch's default type rules the weights",
        "nn/settings.py",
        "if torch.get_default_dtype() != torch.float32:",
        "if False:",
        ("faults",),
    ),
    Mutant(
        "rates fall early however few steps there are",
        "training/callbacks.py",
        "share = min(reached / self.reach, 1.0) if self.reach else 1.0",
        "share = 1.0",
        ("net",),
    ),
    Mutant(
        "autoencoders of words see counts as they are",
        "models/autoencoder.py",
        'return kinds_of(likelihood) == ["multinomial"] and dense',
        "return False",
        ("vae",),
    ),
    Mutant(
        "shards after the first not checked",
        "models/base.py",
        "for number, part in enumerate(X.parts()):",
        "for number, part in enumerate([next(X.parts())]):",
        ("shards",),
    ),
]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help="parts of the names of mutants")
    arguments = parser.parse_args()
    sys.exit(1 if main(arguments.parts) else 0)
