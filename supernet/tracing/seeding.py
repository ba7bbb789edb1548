"""Seeding: a network that draws random numbers behaves the same in every traced pass."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

SEED = 0


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Seed the random numbers of torch (CPU), NumPy and Python within the block.

    Afterwards all generators continue as if the block had drawn nothing.
    """
    state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        np.random.seed(SEED)
        random.seed(SEED)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(state)
