"""Independence of what the caller's program has made of torch."""

import contextlib
import os

import numpy as np
import torch

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


@contextlib.contextmanager
def own_settings():
    """Tensors on the CPU unless said otherwise, with gradients; then all as before.

    The caller may be within ``torch.inference_mode()`` or have set a default device.
    All of this holds for the present thread alone.
    """
    one_thread_after_fork()
    errors, gradients = np.geterr(), torch.is_grad_enabled()
    try:
        with contextlib.ExitStack() as settings:
            settings.enter_context(torch.inference_mode(False))
            settings.enter_context(torch.enable_grad())
            if default_device().type != "cpu":  # else it would cost time
                settings.enter_context(torch.device("cpu"))
            yield
    finally:
        # numpy.errstate and torch.no_grad, which others use meanwhile, restore what was
        # before unless Ctrl-C meets them at it.
        np.seterr(**errors)
        torch.set_grad_enabled(gradients)
