"""One model trained by several processes, each with its part of every batch.

Gradients are averaged by torch's DistributedDataParallel.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from skvae.training.net import VAENet

__all__ = ["data_parallel"]


class ProcessGroup:
    """This process among those of a process group.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup or None
        None is the default group.
    """

    def __init__(self, group):
        self.group = group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)

    def of_all(self, value):
        """Return the value that each process has, in a list."""
        values = [None] * self.size
        dist.all_gather_object(values, value, self.group)
        return values

    def check_same(self, value, what):
        """Raise ValueError in all processes unless they all have the same value."""
        values = self.of_all(value)
        if any(other != values[0] for other in values):
            raise ValueError(
                f"The {self.size} processes of skvae.distributed.data_parallel differ "
                f"in {what}: found {values}. Each needs the same call; skvae shares "
                "out the rows of each batch."
            )

    def means(self, tensors):
        """Return the means of some tensors of one shape over the processes."""
        stacked = torch.stack(tensors).detach()
        dist.all_reduce(stacked, group=self.group)
        return list(stacked / self.size)


class DataParallelNet(VAENet):
    """A net whose batches are shared out among the processes of a group.

    Parameters
    ----------
    module : VariationalAutoencoder
    group : ProcessGroup
    **options : dict
        As for `VAENet`.
    """

    def __init__(self, module, *, group, **options):
        if group.rank > 0:  # one process reports for all
            options["verbose"] = 0
        super().__init__(module, **options)
        self.group, self.rank, self.n_processes = group, group.rank, group.size

    def train_on(self, *args, **kwargs):
        super().train_on(*args, **kwargs)
        del self.parallel_forward_, self.group  # which have no copies and pickles

    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net, **kwargs)
        # Its gradients are means over the processes. (skorch keeps modules to itself.)
        parallel = DistributedDataParallel(self.module_, process_group=self.group.group)
        self.parallel_forward_ = parallel.__call__

    def on_train_end(self, net, **kwargs):
        # Means over an epoch weight batches by the rows of one process's parts.
        for row, first in zip(self.history, self.group.of_all(list(self.history))[0]):
            row.update(first)
        super().on_train_end(net, **kwargs)

    def infer(self, inputs, **fit_params):
        if not self.module_.training:
            return super().infer(inputs, **fit_params)
        x, c, e = (part.to(self.device, non_blocking=True) for part in inputs[:3])
        return self.parallel_forward_(x, self.noise_generator, c, e)

    def train_step_single(self, batch, **fit_params):
        step = super().train_step_single(batch, **fit_params)
        step["loss"], *self.terms_ = self.group.means([step["loss"], *self.terms_])
        return step

    def validation_step(self, batch, **fit_params):
        step = super().validation_step(batch, **fit_params)
        # Equal in the last bit, so that all processes stop together.
        (step["loss"],) = self.group.means([step["loss"]])
        return step

    def run_single_epoch(self, iterator, training, *args, **kwargs):
        super().run_single_epoch(iterator, training, *args, **kwargs)
        if training:  # each process has batch norm's statistics of its own parts
            for buffer in self.module_.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(*self.group.means([buffer]))


_group = ContextVar("group", default=None)


def process_group():
    """Return the `ProcessGroup` that the present fit is shared with, or None."""
    return _group.get()


@contextmanager
def data_parallel(group=None):
    """Let the fits within train one model together with other processes.

    Every process calls the same methods with the same data, which may be
    `skvae.shards.Shards` that all of them open. Of each batch a process takes an equal
    part, and gradients are averaged [1]_, so that the weights are the same everywhere
    at any time, and so is the fitted model. Codes are drawn, and batch norm takes its
    statistics, in each part for itself: the result is close to that of one process, not
    equal to it. Only training is shared, not inference.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup, default=None
        The processes; None is the default group, that is, all of them.

    Yields
    ------
    nothing : None
        The context is all.

    Raises
    ------
    RuntimeError
        If torch.distributed has no process group, see
        `torch.distributed.init_process_group`.

    See Also
    --------
    skvae.shards.Shards : Data larger than memory.
    skvae.model_selection.compare_models : Several fits at a time, each in a process.

    Notes
    -----
    A fit raises ValueError in all processes if they differ in estimator or data, or if
    training diverges. After an error of a single one, the others wait for it until the
    timeout of the group; launchers such as torchrun end them.

    References
    ----------
    .. [1] Li, S. et al. (2020). PyTorch distributed: experiences on accelerating data
       parallel training. VLDB.
       https://arxiv.org/abs/2006.15704

    Examples
    --------
    A group of one process. Started by ``torchrun --nproc-per-node 2 script.py``, the
    script needs no address, rank and size, and both processes print the same.

    >>> import torch.distributed as dist
    >>> from skvae import NVDMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.distributed import data_parallel
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = NVDMTopicModel(3, max_epochs=2, device="cpu", random_state=0)
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> with data_parallel():
    ...     model = model.fit(X)
    >>> dist.destroy_process_group()
    >>> model.transform(X).shape
    (200, 3)
    """
    if not (dist.is_available() and dist.is_initialized()):
        raise RuntimeError(
            "skvae.distributed.data_parallel needs a process group. Start the script "
            "with torchrun and call torch.distributed.init_process_group() first."
        )
    token = _group.set(ProcessGroup(group))
    try:
        yield
    finally:
        _group.reset(token)
