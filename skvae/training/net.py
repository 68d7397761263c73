"""The skorch net of a variational autoencoder, and the state that it is restored from.

skorch owns the training loop. What it lacks is here: private random streams, a guard
against divergence, and a Ctrl-C that reaches the caller.
"""

import math
from enum import IntEnum

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNet
from skorch.callbacks import (
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
    PassthroughScoring,
)
from skorch.helper import predefined_split
from torch.utils.data import DataLoader

from skvae.nn.objective import NegativeELBO
from skvae.training.callbacks import ProgressBar, Schedule
from skvae.training.data import EvenBatchSampler, RowDataset

# The gradients of weights with at least this many numbers (32 MB) stay allocated: glibc
# returns larger blocks to the system, which then has to clear them page by page.
LARGE_WEIGHT = 2**23
# Share of nonzeros above which training is faster on dense batches.
MAX_DENSITY = 0.3
# Columns of `history_`, by their names in skorch's history.
HISTORY_COLUMNS = {
    "train_loss": "loss",
    "reconstruction": "reconstruction",
    "kl": "kl",
    "valid_loss": "validation_loss",
}


class Stream(IntEnum):
    """What a random stream is for; streams of one seed are independent."""

    WEIGHTS = 0
    SPLIT = 1
    SHUFFLE = 2
    CORRUPTION = 3
    NOISE = 4
    VALIDATION = 5
    HEALTH = 6
    CLUSTERS = 7


def derive_seed(seed, stream, epoch=0, rank=0):
    """Return the seed of one stream in one epoch and process.

    Seeds depend on the epoch alone, so training that stops, is pickled and continues
    draws the same numbers as uninterrupted training.
    """
    state = np.random.SeedSequence([seed, stream, epoch, rank])
    state = state.generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1]) >> 1


def resolve_device(device):
    """Turn "auto" into the best device, and refuse one that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise ValueError(
            f"device={device!r} is not available: {str(error).splitlines()[0]}. "
            'Use device="cpu" or device="auto".'
        ) from error
    return device


class VAENet(NeuralNet):
    """skorch net of a variational autoencoder.

    Parameters
    ----------
    module : VariationalAutoencoder
    seed : int
        Root of all random streams.
    config : dict of plain values
        What the module was built from; kept for rebuilding it.
    lr, max_epochs, kl_warmup, reach, constant_lr
        Passed to `Schedule`.
    batch_size : int
    kl_weight, penalties, fading
        Passed to `NegativeELBO`.
    n_importance : int
        Number of draws of each row's code in the importance-weighted bound.
    corrupt : callable, optional
        Passed to `RowDataset`, for the training rows.
    dense : bool
        Whether batches are dense even if the rows are sparse.
    patience : int, optional
        Epochs without improvement before early stopping stops.
    clip_norm : float, optional
        Largest norm of the gradients.
    callbacks : sequence of skorch callbacks
    device : str
    verbose : int
    label : str
        Name of the model, for messages.
    """

    # This process among those that share each batch; see `skvae.distributed`.
    rank, n_processes = 0, 1

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
        reach=0.0,
        constant_lr=False,
        penalties=(),
        fading=False,
        n_importance=1,
        corrupt=None,
        dense=False,
        patience=None,
        clip_norm=None,
        callbacks=(),
        device="cpu",
        verbose=0,
        label="",
    ):
        schedule = Schedule(lr, kl_warmup, max_epochs, reach, constant_lr)
        own_callbacks = [
            ("reconstruction", PassthroughScoring("reconstruction", on_train=True)),
            ("kl", PassthroughScoring("kl", on_train=True)),
            ("skvae_schedule", schedule),
        ]
        if clip_norm is not None:
            own_callbacks.append(("skvae_clipping", GradientNormClipping(clip_norm)))
        if patience is not None:
            # A threshold relative to the loss has the wrong sign for a negative one.
            stopping = EarlyStopping(
                patience=patience, load_best=True, threshold_mode="abs"
            )
            own_callbacks.append(("skvae_early_stopping", stopping))
        if verbose == 1:
            own_callbacks.append(("skvae_progress", ProgressBar(label)))
        if any(isinstance(callback, LRScheduler) for callback in callbacks):
            raise ValueError(
                "callbacks holds an LRScheduler, but the learning rate follows a "
                "schedule already. Set `lr` and `max_epochs` instead."
            )
        super().__init__(
            module,
            criterion=NegativeELBO(kl_weight, penalties, fading),
            optimizer=torch.optim.Adam,
            optimizer__fused=True,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=None,
            callbacks=[*own_callbacks, *callbacks],
            device=device,
            verbose=verbose,
        )
        if verbose < 2:
            self.set_params(callbacks__print_log=None)
        self.seed = seed
        self.config = config
        self.module.n_draws = n_importance
        self.corrupt = corrupt
        self.dense = dense
        self.label = label
        self.kept_gradients_ = []
        self.shuffle_generator = torch.Generator()
        self.noise_generator = torch.Generator(device)
        self.initialize()

    # --- training ------------------------------------------------------------------

    def train_on(self, data, rows, *, n_epochs, held_out=None):
        """Train for some more epochs, then release the data.

        Parameters
        ----------
        data : Data
        rows : array of int
            Numbers of the rows to train on.
        n_epochs : int
        held_out : array of int, optional
            Numbers of the rows that early stopping watches.

        Raises
        ------
        ValueError
            If training diverges.
        """
        self.max_epochs = n_epochs
        sparse = (
            self.module_.encoder.takes_sparse_rows
            and not self.dense
            and data.X.nnz < MAX_DENSITY * np.prod(data.X.shape)
            and self.device != "mps"  # which does not support the operations
        )
        if held_out is not None:
            held_out = RowDataset(data, held_out, sparse=sparse)
            self.train_split = predefined_split(held_out)
        if sparse and self.n_processes == 1:
            self.kept_gradients_ = [
                (layer.weight, torch.zeros_like(layer.weight))
                for layer in self.module_.encoder.first_layers
                if layer.weight.device.type == "cpu"
                and layer.weight.numel() >= LARGE_WEIGHT
            ]
        self.partial_fit(RowDataset(data, rows, self.corrupt, sparse))
        # A trained net needs neither data nor gradients.
        self.train_split, self.kept_gradients_ = None, []
        self.optimizer_.zero_grad()
        weights = self.module_.state_dict().values()
        if not all(torch.isfinite(weight).all() for weight in weights):
            raise ValueError(
                f"{self.label} ended with weights that are NaN or infinite. Lower `lr` "
                f"(now {self.lr}), or scale the input to values around 1."
            )

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` more epochs; Ctrl-C propagates.

        skorch takes every KeyboardInterrupt for a callback's request to stop.
        """
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, **fit_params)
        except KeyboardInterrupt:
            callbacks = [callback for _, callback in self.callbacks_]
            stoppers = [cb for cb in callbacks if isinstance(cb, EarlyStopping)]
            is_to_stop = any(getattr(cb, "is_to_stop", False) for cb in callbacks)
            if not (is_to_stop or any(cb.misses_ == cb.patience for cb in stoppers)):
                raise
        finally:
            if (progress := dict(self.callbacks_).get("skvae_progress")) is not None:
                progress.close()
        self.notify("on_train_end", X=X, y=y)
        return self

    def get_iterator(self, dataset, training=False):
        if training:
            options = self.shuffle_generator, self.rank, self.n_processes
        else:  # all processes see all held-out rows, and stop in the same epoch
            options = ()
        return DataLoader(
            dataset,
            batch_sampler=EvenBatchSampler(len(dataset), self.batch_size, *options),
            collate_fn=lambda batch: batch,  # the dataset makes whole batches
            pin_memory=torch.device(self.device).type == "cuda",
            # Without a generator of its own, a loader draws a number from torch's
            # global generator even if it does not shuffle.
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
            derive_seed(self.seed, Stream.CORRUPTION, epoch, self.rank)
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if training:
            stream = Stream.NOISE, len(self.history), self.rank
        else:
            stream = (Stream.VALIDATION,)
        self.noise_generator.manual_seed(derive_seed(self.seed, *stream))
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)

    def train_step_single(self, batch, **fit_params):
        for weight, gradient in self.kept_gradients_:
            weight.grad = gradient.zero_()
        return super().train_step_single(batch, **fit_params)

    def infer(self, inputs, **fit_params):
        x, c, e = (part.to(self.device, non_blocking=True) for part in inputs[:3])
        return self.module_(x, self.noise_generator, c, e)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        parts = y_true, X[3]
        x, memberships = (part.to(self.device, non_blocking=True) for part in parts)
        loss, reconstruction, kl = self.criterion_(y_pred, x, memberships)
        if training:
            self.terms_ = reconstruction.detach(), kl.detach()
        return loss

    def on_batch_end(self, net, batch=None, training=False, loss=None, **kwargs):
        if training:  # read here, when the device has finished the step anyway
            for name, term in zip(("reconstruction", "kl"), self.terms_):
                self.history.record_batch(name, term.item())
        if not math.isfinite(loss.item()):
            raise ValueError(
                f"{self.label} diverged: its loss became NaN or infinite in epoch "
                f"{len(self.history)}. Lower `lr` (now {self.lr}), or scale the input "
                "to values around 1."
            )

    # --- results and state -----------------------------------------------------------

    @property
    def best_epoch(self):
        """The epoch whose weights the net has kept."""
        stopping = dict(self.callbacks_).get("skvae_early_stopping")
        return len(self.history) if stopping is None else stopping.best_epoch_

    def history_frame(self):
        """Return the history of training as users see it, one row per epoch."""
        # Without pandas' own cast, which changes the program's warning filters for a
        # moment: a Ctrl-C could leave them changed.
        epochs = pd.Index([row["epoch"] for row in self.history], name="epoch")
        columns = {
            name: np.array([row.get(key, np.nan) for row in self.history], dtype=float)
            for key, name in HISTORY_COLUMNS.items()
        }
        known = {name: c for name, c in columns.items() if not np.isnan(c).all()}
        return pd.DataFrame(known, index=epochs)

    def get_state(self):
        """Return arrays and plain values from which `set_state` restores the net."""
        moments = self.optimizer_.state
        weights = self.module_.state_dict().items()
        return {
            "seed": self.seed,
            "config": self.config,
            "weights": {key: value.cpu().numpy() for key, value in weights},
            "optimizer": {
                name: {k: value.cpu().numpy() for k, value in moments[weight].items()}
                for name, weight in self.module_.named_parameters()
                if weight in moments  # missing if it is not trained
            },
            "history": [
                {
                    key: value.item() if isinstance(value, np.generic) else value
                    for key, value in row.items()
                    if key != "batches"
                }
                for row in self.history
            ],
        }

    def set_state(self, state):
        """Give a new net the state of another one with the same configuration."""
        # Copies: the arrays may be read-only (memory-mapped) or shared.
        self.module_.load_state_dict(
            {key: torch.from_numpy(np.array(v)) for key, v in state["weights"].items()}
        )
        weights = dict(self.module_.named_parameters())
        for name, slots in state["optimizer"].items():
            for key, value in slots.items():
                value = torch.from_numpy(np.array(value)).to(weights[name].device)
                if key != "step":
                    # In the memory layout of the weight, which Adam follows: that of
                    # convolutions is not the usual one.
                    value = torch.empty_like(weights[name]).copy_(value)
                self.optimizer_.state[weights[name]][key] = value
        self.history.extend(dict(row) for row in state["history"])
