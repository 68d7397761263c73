"""Independence of what the caller's program has made of torch."""

import contextlib
import os

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

# What makes floats of the default type, and what does if it is given floats.
OF_FLOATS = {torch.empty, torch.eye, torch.ones, torch.rand, torch.randn, torch.zeros}
OF_ANY = {torch.arange, torch.as_tensor, torch.full, torch.linspace, torch.tensor}
AUTOCAST = "cpu", "cuda", "mps", "xpu"

_process = os.getpid()


def one_thread_after_fork():
    """Let torch do with one thread in a process that was forked from this one.

    As joblib's backend "multiprocessing" does on Linux. The other threads of torch stay
    behind in a fork, and the new process would wait for them for ever.
    """
    global _process
    if os.getpid() != _process:
        torch.set_num_threads(1)
        _process = os.getpid()


def default_device():
    """The device of new tensors.

    ``torch.get_default_device()`` of torch 2.6 does not see ``with torch.device(...)``,
    and fails after ``torch.set_default_device(None)``.
    """
    return torch.empty(0).device


class SinglePrecision(TorchFunctionMode):
    """New tensors of floats are in single precision, in the present thread.

    ``torch.set_default_dtype`` would say so to all threads of the program.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("dtype") is None:
            if func in OF_FLOATS:  # random ones are drawn but once
                kwargs["dtype"] = torch.float32
            elif func in OF_ANY and func(*args, **kwargs).is_floating_point():
                kwargs["dtype"] = torch.float32
        return func(*args, **kwargs)


@contextlib.contextmanager
def own_settings():
    """Tensors on the CPU and in single precision unless said otherwise, with gradients.

    The caller may be within ``torch.inference_mode()`` or ``torch.autocast``, or have
    set a default device or type. All of this holds for the present thread alone, and
    then all is as before.
    """
    one_thread_after_fork()
    errors, gradients = np.geterr(), torch.is_grad_enabled()
    try:
        with contextlib.ExitStack() as settings:
            settings.enter_context(torch.inference_mode(False))
            settings.enter_context(torch.enable_grad())
            # The others only where they are needed, for they cost time.
            if default_device().type != "cpu":
                settings.enter_context(torch.device("cpu"))
            if torch.get_default_dtype() != torch.float32:
                settings.enter_context(SinglePrecision())
            for kind in AUTOCAST:
                if torch.is_autocast_enabled(kind):
                    settings.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        # numpy.errstate and torch.no_grad, which others use meanwhile, restore what was
        # before unless Ctrl-C meets them at it.
        np.seterr(**errors)
        torch.set_grad_enabled(gradients)
