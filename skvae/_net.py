"""The skorch bridge: batches of a matrix, the net that trains on them, its state.

skorch owns the training loop. What it lacks is here: whole-batch slices of sparse
matrices, private random streams, a schedule of learning rate and KL weight, a guard
against divergence, and a Ctrl-C that reaches the caller.
"""

import math
from enum import IntEnum

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
    PassthroughScoring,
)
from torch.utils.data import DataLoader, Dataset, Sampler

from skvae.distributed import ALONE
from skvae.nn.elbo import NegativeELBO
from skvae.nn.rows import SparseRows, to_dense_tensor

# Numbers of 4 bytes in the largest block that glibc keeps for itself: 32 MB.
LARGE = 2**23


class Stream(IntEnum):
    """What a random stream is for; streams of one seed are independent."""

    WEIGHTS = 0
    SPLIT = 1
    SHUFFLE = 2
    CORRUPTION = 3
    NOISE = 4
    VALIDATION = 5
    HEALTH = 6


def derive_seed(seed, stream, epoch=0, rank=0):
    """Seed of one stream in one epoch, in one of the processes that share batches.

    Seeds depend on the epoch alone, so training that stops, is pickled and goes on
    draws what uninterrupted training would have drawn.
    """
    state = np.random.SeedSequence([seed, stream, epoch, rank])
    state = state.generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1]) >> 1


def as_is(batch):
    """Collate function for a dataset that makes whole batches."""
    return batch


class Rows(Dataset):
    """Rows, a batch at a time, as ((encoder input, covariates), target).

    Parameters
    ----------
    data : Data
    rows : array of int
        Numbers of the rows that count.
    corrupt : callable, optional
        ``corrupt(rows, rng)`` gives the encoder's input; by default it is the target.
        Of sparse batches it may change the values, not their places.
    sparse : bool
        Whether batches are `SparseRows` or dense tensors.
    """

    def __init__(self, data, rows, corrupt=None, sparse=False):
        self.data = data
        self.rows = rows
        self.corrupt = corrupt
        self.sparse = sparse
        self.rng = None

    def __len__(self):
        return len(self.rows)

    def __getitems__(self, indices):
        batch = self.data.take(self.rows[indices])
        rows, covariates = batch.X, to_dense_tensor(batch.covariates, copy=False)
        if self.sparse:
            target = SparseRows.from_csr(rows)
        else:
            target = to_dense_tensor(rows, copy=False)  # indexing has copied
        if self.corrupt is None:
            return (target, covariates), target
        corrupted = self.corrupt(rows, self.rng)
        if self.sparse:
            values = torch.from_numpy(corrupted.data).to(target.dtype)
            return (target.with_values(values), covariates), target
        return (to_dense_tensor(corrupted, copy=False), covariates), target


class EvenBatches(Sampler):
    """Batches of row numbers, all of one size but for a row.

    A small rest at the end of an epoch would weigh as much as a whole batch, and spoil
    the statistics of batch norm.

    Parameters
    ----------
    n_samples : int
    batch_size : int
        Largest size of a batch.
    generator : torch.Generator, optional
        Shuffles the rows.
    processes : Alone or Group
        Of each batch this process takes its part.
    """

    def __init__(self, n_samples, batch_size, generator=None, processes=ALONE):
        self.n_samples = n_samples
        self.n_batches = math.ceil(n_samples / batch_size)
        self.generator = generator
        self.processes = processes
        if n_samples // self.n_batches < processes.size:
            raise ValueError(
                f"{processes.size} processes cannot share batches of "
                f"{n_samples // self.n_batches} rows. Raise `batch_size`, or use fewer."
            )

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        rows = torch.arange(self.n_samples)
        if self.generator is not None:
            rows = torch.randperm(self.n_samples, generator=self.generator)
        for batch in rows.tensor_split(self.n_batches):
            yield batch.tensor_split(self.processes.size)[self.processes.rank].numpy()


class Schedule(Callback):
    """Learning rate and KL weight as functions of the progress of training.

    The rate rises over the first tenth to `lr` and falls along a cosine to a fiftieth
    of it; the KL weight rises to 1 over the first `kl_warmup` of training. Both stay
    where they are after `max_epochs` epochs.
    """

    def __init__(self, lr, kl_warmup, max_epochs):
        self.lr = lr
        self.kl_warmup = kl_warmup
        self.max_epochs = max_epochs

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        self.n_batches_ = math.ceil(len(dataset_train) / net.batch_size)
        self.batch_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        if not training:
            return
        epochs = len(net.history) - 1 + self.batch_ / self.n_batches_
        progress = min(epochs / self.max_epochs, 1.0)
        self.batch_ += 1
        for group in net.optimizer_.param_groups:
            group["lr"] = self.lr * self.rate(progress)
        warming = progress < self.kl_warmup
        net.criterion_.warmup = progress / self.kl_warmup if warming else 1.0

    @staticmethod
    def rate(progress, rise=0.1, start=0.04, end=0.02):
        """Learning rate, as a fraction of the largest one."""
        if progress < rise:
            return start + (1 - start) * progress / rise
        fall = (progress - rise) / (1 - rise)
        return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * fall))


class ProgressBar(Callback):
    """A bar over the epochs, with loss, KL term and the time left."""

    def __init__(self, label):
        self.label = label

    def on_train_begin(self, net, **kwargs):
        from tqdm.auto import tqdm  # late, since it warns in some notebooks

        # Without tqdm's rate, all of it has room in 80 columns.
        time = "{elapsed}<{remaining}{postfix}"
        form = "{desc}: {percentage:3.0f}%|{bar}| {n}/{total} [" + time + "]"
        self.bar_ = tqdm(total=net.max_epochs, desc=self.label, bar_format=form)

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        figures = {"loss": row["train_loss"], "kl": row["kl"]}
        if "valid_loss" in row:
            figures["held out"] = row["valid_loss"]
        # One drawing for both.
        self.bar_.set_postfix(
            {key: f"{value:.4g}" for key, value in figures.items()}, refresh=False
        )
        self.bar_.update()

    def close(self):
        if hasattr(self, "bar_"):
            self.bar_.close()


class VAENet(NeuralNet):
    """skorch net of a variational autoencoder.

    Parameters
    ----------
    module : VariationalAutoencoder
    seed : int
        Root of all random streams.
    config : dict of plain values
        What the module was built from; kept for rebuilding it.
    label : str
        Name of the model, for messages.
    processes : Alone or Group
        Those that share each batch.
    penalty : float
        Weight of the decoder's own penalty in the loss; with 0 it needs none.
    """

    def __init__(
        self,
        module,
        *,
        seed,
        config,
        lr=1e-3,
        max_epochs=1,
        batch_size=128,
        kl_weight=1.0,
        kl_warmup=0.0,
        penalty=0.0,
        patience=None,
        clip_norm=None,
        callbacks=(),
        device="cpu",
        verbose=0,
        label="",
        processes=ALONE,
    ):
        if any(isinstance(callback, LRScheduler) for callback in callbacks):
            raise ValueError(
                "callbacks holds an LRScheduler, but the learning rate follows a "
                "schedule already. Set `lr` and `max_epochs` instead."
            )
        own = [
            ("reconstruction", PassthroughScoring("reconstruction", on_train=True)),
            ("kl", PassthroughScoring("kl", on_train=True)),
            ("skvae_schedule", Schedule(lr, kl_warmup, max_epochs)),
        ]
        if clip_norm is not None:
            own.append(("skvae_clipping", GradientNormClipping(clip_norm)))
        if patience is not None:
            # A threshold relative to the loss has the wrong sign for a negative one.
            stopping = EarlyStopping(
                patience=patience, load_best=True, threshold_mode="abs"
            )
            own.append(("skvae_early_stopping", stopping))
        if processes.rank > 0:  # the first one tells enough
            verbose = 0
        if verbose == 1:
            own.append(("skvae_progress", ProgressBar(label)))
        super().__init__(
            module,
            criterion=NegativeELBO(kl_weight),
            optimizer=torch.optim.Adam,
            optimizer__fused=True,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=None,
            callbacks=[*own, *callbacks],
            device=device,
            verbose=verbose,
        )
        if verbose < 2:
            self.set_params(callbacks__print_log=None)
        self.seed = seed
        self.config = config
        self.penalty = penalty
        self.label = label
        self.processes = processes
        self.kept_gradients_ = []
        self.shuffle_generator = torch.Generator()
        self.noise_generator = torch.Generator(device)
        self.initialize()

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` epochs more; Ctrl-C propagates.

        skorch takes every KeyboardInterrupt for a callback's wish to stop.
        """
        self.notify("on_train_begin", X=X, y=y)
        self.forward_ = self.processes.forward_of(self.module_)
        try:
            self.fit_loop(X, y, **fit_params)
        except KeyboardInterrupt:
            stoppers = [
                cb for _, cb in self.callbacks_ if isinstance(cb, EarlyStopping)
            ]
            if not any(stopper.misses_ == stopper.patience for stopper in stoppers):
                raise
        finally:
            if (progress := dict(self.callbacks_).get("skvae_progress")) is not None:
                progress.close()
        self.processes.share_history(self.history)
        self.notify("on_train_end", X=X, y=y)
        return self

    def get_iterator(self, dataset, training=False):
        # All processes see all of the rows held out, and stop in the same epoch.
        shared = (self.shuffle_generator, self.processes) if training else ()
        return DataLoader(
            dataset,
            batch_sampler=EvenBatches(len(dataset), self.batch_size, *shared),
            collate_fn=as_is,
            pin_memory=torch.device(self.device).type == "cuda",
            # Without a generator of its own, a loader that does not even shuffle draws
            # a number from torch's global generator.
            generator=torch.Generator(),
        )

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)
        epoch = len(self.history)
        if epoch > 1:  # batch records would outgrow the model
            self.history[-2].pop("batches", None)
        self.shuffle_generator.manual_seed(
            derive_seed(self.seed, Stream.SHUFFLE, epoch)
        )
        dataset_train.rng = np.random.default_rng(
            derive_seed(self.seed, Stream.CORRUPTION, epoch, self.processes.rank)
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        stream = (Stream.VALIDATION,)
        if training:
            stream = Stream.NOISE, len(self.history), self.processes.rank
        self.noise_generator.manual_seed(derive_seed(self.seed, *stream))
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        if training:  # each process has batch norm's statistics of its own parts
            self.processes.average(self.module_.buffers())

    def keep_gradients(self, layers):
        """Give large weights that sparse rows meet gradients that stay in place.

        A new one for each step would be filled with zeros page by page, since memory of
        this size goes back to the system when it is freed.
        """
        self.kept_gradients_ = [
            (layer.weight, torch.zeros_like(layer.weight))
            for layer in layers
            if layer.weight.device.type == "cpu" and layer.weight.numel() >= LARGE
        ]

    def release(self):
        """Let go of data and gradients, which a trained net has no use for."""
        self.train_split = None
        self.kept_gradients_ = []
        self.processes = ALONE
        del self.forward_
        self.optimizer_.zero_grad()

    def train_step_single(self, batch, **fit_params):
        for weight, gradient in self.kept_gradients_:
            weight.grad = gradient.zero_()
        step = super().train_step_single(batch, **fit_params)
        step["loss"], *self.terms_ = self.processes.means([step["loss"], *self.terms_])
        return step

    def validation_step(self, batch, **fit_params):
        step = super().validation_step(batch, **fit_params)
        # Equal in the last bit, so that processes stop together.
        (step["loss"],) = self.processes.means([step["loss"]])
        return step

    def infer(self, x, **fit_params):
        x, c = (part.to(self.device, non_blocking=True) for part in x)
        forward = self.forward_ if self.module_.training else self.module_
        return forward(x, self.noise_generator, c)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        x = y_true.to(self.device, non_blocking=True)
        loss, reconstruction, kl = self.criterion_(y_pred, x)
        if training:
            if self.penalty:
                _, likelihood, _ = y_pred
                penalty = self.module_.decoder.penalty(likelihood, x)
                loss = loss + self.penalty * penalty
            self.terms_ = reconstruction.detach(), kl.detach()
        return loss

    def on_batch_end(self, net, batch=None, training=False, loss=None, **kwargs):
        if training:  # read here, where the device has done the step anyway
            for name, term in zip(("reconstruction", "kl"), self.terms_):
                self.history.record_batch(name, term.item())
        if not math.isfinite(loss.item()):
            raise ValueError(
                f"{self.label} diverged: its loss became NaN or infinite in epoch "
                f"{len(self.history)}. Lower `lr` (now {self.lr}), or scale the input "
                "to smaller values."
            )


def best_epoch(net):
    """The epoch whose weights the net has kept."""
    stopping = dict(net.callbacks_).get("skvae_early_stopping")
    return len(net.history) if stopping is None else stopping.best_epoch_


def history_frame(net):
    """The history of training as users see it, a row for each epoch."""
    names = {
        "train_loss": "loss",
        "reconstruction": "reconstruction",
        "kl": "kl",
        "valid_loss": "validation_loss",
    }
    frame = pd.DataFrame(list(net.history), columns=["epoch", *names])
    frame = frame.set_index("epoch").rename(columns=names)
    return frame.dropna(axis="columns", how="all").astype(float)


def get_state(net):
    """Arrays and plain values from which `set_state` restores a net exactly."""
    moments = net.optimizer_.state
    return {
        "seed": net.seed,
        "config": net.config,
        "weights": {
            key: value.cpu().numpy() for key, value in net.module_.state_dict().items()
        },
        "optimizer": {
            name: {key: value.cpu().numpy() for key, value in moments[weight].items()}
            for name, weight in net.module_.named_parameters()
            if weight in moments  # not so, if it is not trained
        },
        "history": [
            {
                key: value.item() if isinstance(value, np.generic) else value
                for key, value in row.items()
                if key != "batches"
            }
            for row in net.history
        ],
    }


def set_state(net, state):
    """Give a new net of the same configuration the state of another."""
    # Copies: the arrays may be read-only (memory-mapped) or shared with another net.
    net.module_.load_state_dict(
        {key: torch.from_numpy(np.array(v)) for key, v in state["weights"].items()}
    )
    weights = dict(net.module_.named_parameters())
    for name, slots in state["optimizer"].items():
        for key, value in slots.items():
            value = torch.from_numpy(np.array(value)).to(weights[name].device)
            if key != "step":
                # In the layout of the weight: Adam goes through both in the order of
                # memory, and that of convolutions is not the usual one.
                value = torch.empty_like(weights[name]).copy_(value)
            net.optimizer_.state[weights[name]][key] = value
    net.history.extend(dict(row) for row in state["history"])
