"""One model trained by several processes, each with its part of every batch.

Gradients are averaged by torch's DistributedDataParallel.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

__all__ = ["data_parallel"]


class Alone:
    """The one process of a usual fit, which shares nothing."""

    rank, size = 0, 1

    def of_the_first(self, value):
        return value

    def check_same(self, value, what):
        pass

    def forward_of(self, module):
        return module.__call__

    def means(self, tensors):
        return tensors

    def average(self, buffers):
        pass

    def share_history(self, history):
        pass


class Group(Alone):
    """This process among those of a process group.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup or None
        None is the default group.
    """

    def __init__(self, group):
        self.group = group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)

    def of_the_first(self, value):
        """The value that the first process has."""
        return self._of_all(value)[0]

    def check_same(self, value, what):
        """Raise ValueError in all processes unless they all have the same value."""
        values = self._of_all(value)
        if any(other != values[0] for other in values):
            raise ValueError(
                f"The {self.size} processes of skvae.distributed.data_parallel differ "
                f"in {what}: found {values}. Each needs the same call; the rows of a "
                "batch are shared out among them by skvae."
            )

    def _of_all(self, value):
        values = [None] * self.size
        dist.all_gather_object(values, value, self.group)
        return values

    def forward_of(self, module):
        """The module's forward, such that gradients are means over the processes."""
        return DistributedDataParallel(module, process_group=self.group).__call__

    def means(self, tensors):
        """Means of some scalars, or of the tensors of one shape, over the processes."""
        stacked = torch.stack(tensors).detach()
        dist.all_reduce(stacked, group=self.group)
        return list(stacked / self.size)

    def average(self, buffers):
        """Let numbers that are not trained be their means over the processes."""
        for buffer in buffers:
            if buffer.is_floating_point():
                buffer.copy_(*self.means([buffer]))

    def share_history(self, history):
        """Let all have the first one's history.

        Its means over an epoch weigh batches by the rows of one process's parts.
        """
        for row, first in zip(history, self.of_the_first(list(history))):
            row.update(first)


ALONE = Alone()
_processes = ContextVar("processes", default=ALONE)


def processes():
    """Those that the present fit shares its batches with."""
    return _processes.get()


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
    token = _processes.set(Group(group))
    try:
        yield
    finally:
        _processes.reset(token)
