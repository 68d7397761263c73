"""Private random streams, all of them from one seed."""

from enum import IntEnum

import numpy as np


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
