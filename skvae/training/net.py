"""The skorch net of a variational autoencoder.

skorch owns the training loop. What it lacks is here: private random streams, a guard
against divergence, batches shared with other processes, and a Ctrl-C that reaches the
caller.
"""

import math

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import (
    EarlyStopping,
    LRScheduler,
    PassthroughScoring,
)
from skorch.helper import predefined_split
from torch.utils.data import DataLoader

from skvae.distributed import ALONE
from skvae.nn.objective import NegativeELBO
from skvae.training.callbacks import Clipping, ProgressBar, Schedule
from skvae.training.data import EvenBatchSampler, RowDataset
from skvae.training.seeds import Stream, derive_seed

# Numbers of 4 bytes in the largest block that glibc keeps for itself: 32 MB.
LARGE = 2**23
# Share of non-zeros above which training is faster on dense batches.
MAX_DENSITY = 0.3


def as_is(batch):
    """Collate function for a dataset that makes whole batches."""
    return batch


def checked(callbacks):
    """A user's callbacks, unless they would undo the schedule."""
    if any(isinstance(callback, LRScheduler) for callback in callbacks):
        raise ValueError(
            "callbacks holds an LRScheduler, but the learning rate follows a "
            "schedule already. Set `lr` and `max_epochs` instead."
        )
    return callbacks


def own_callbacks(schedule, clip_norm, patience, label):
    """Callbacks of every fit, and those that its options ask for, by name."""
    yield "reconstruction", PassthroughScoring("reconstruction", on_train=True)
    yield "kl", PassthroughScoring("kl", on_train=True)
    yield "skvae_schedule", schedule
    if clip_norm is not None:
        yield "skvae_clipping", Clipping(clip_norm)
    if patience is not None:
        # A threshold relative to the loss has the wrong sign for a negative one.
        stopping = EarlyStopping(
            patience=patience, load_best=True, threshold_mode="abs"
        )
        yield "skvae_early_stopping", stopping
    if label:
        yield "skvae_progress", ProgressBar(label)


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
    reach : float
    constant_lr : bool
        As in `Schedule`.
    penalties : sequence of (weight, penalty)
        As in `NegativeELBO`.
    n_importance : int
        Draws of each row's code, of which the bound is that of all of them.
    corrupt : callable, optional
        As in `RowDataset`, for rows that are trained on.
    dense : bool
        Whether batches are dense, as those are that `corrupt` fills, whatever rows are.
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
        reach=0.0,
        constant_lr=False,
        penalties=(),
        n_importance=1,
        corrupt=None,
        dense=False,
        patience=None,
        clip_norm=None,
        callbacks=(),
        device="cpu",
        verbose=0,
        label="",
        processes=ALONE,
    ):
        if processes.rank > 0:  # the first one tells enough
            verbose = 0
        schedule = Schedule(lr, kl_warmup, max_epochs, reach, constant_lr)
        own = own_callbacks(schedule, clip_norm, patience, label * (verbose == 1))
        super().__init__(
            module,
            criterion=NegativeELBO(kl_weight, penalties),
            optimizer=torch.optim.Adam,
            optimizer__fused=True,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=None,
            callbacks=[*own, *checked(callbacks)],
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
        self.processes = processes
        self.kept_gradients_ = []
        self.shuffle_generator = torch.Generator()
        self.noise_generator = torch.Generator(device)
        self.initialize()

    def train_on(self, data, rows, task, *, n_epochs, held_out=None):
        """Train for some epochs more on rows of data, and let go of it.

        Parameters
        ----------
        data : Data
        rows : array of int
            Numbers of the rows to train on.
        task : FitTask
            To be told of each epoch.
        n_epochs : int
        held_out : array of int, optional
            Numbers of the rows that early stopping watches.

        Raises
        ------
        ValueError
            If training diverges.
        """
        self.max_epochs, self.task_ = n_epochs, task
        sparse = (
            self.module_.encoder.takes_sparse_rows
            and not self.dense
            and data.X.nnz < MAX_DENSITY * np.prod(data.X.shape)
            and self.device != "mps"  # which lacks what it takes
        )
        if held_out is not None:
            held_out = RowDataset(data, held_out, sparse=sparse)
            self.train_split = predefined_split(held_out)
        if sparse and self.processes.size == 1:
            self.keep_gradients(self.module_.encoder.first_layers)
        self.partial_fit(RowDataset(data, rows, self.corrupt, sparse))
        self.release()
        weights = self.module_.state_dict().values()
        if not all(torch.isfinite(weight).all() for weight in weights):
            raise ValueError(
                f"{self.label} ended with weights that are NaN or infinite. Lower `lr` "
                f"(now {self.lr}), or scale the input to values around 1."
            )

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
            impatient = any(s.misses_ == s.patience for s in stoppers)
            if not (impatient or self.task_.is_to_stop):
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
            batch_sampler=EvenBatchSampler(len(dataset), self.batch_size, *shared),
            collate_fn=as_is,
            pin_memory=torch.device(self.device).type == "cuda",
            # Without a generator of its own, a loader that does not even shuffle draws
            # a number from torch's global generator.
            generator=torch.Generator(),
        )

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        if self.task_.is_to_stop:
            raise KeyboardInterrupt  # as skorch's callbacks do
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
        self.task_.begin_epoch()

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        self.task_.end()

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
        del self.forward_, self.task_
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
        x, *beside = (part.to(self.device, non_blocking=True) for part in x)
        forward = self.forward_ if self.module_.training else self.module_
        return forward(x, self.noise_generator, *beside)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        x = y_true.to(self.device, non_blocking=True)
        loss, reconstruction, kl = self.criterion_(y_pred, x)
        if training:
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
                "to values around 1."
            )
