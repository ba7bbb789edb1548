"""Seeding: a network that draws random numbers behaves the same in every traced pass."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SEED = 0


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Seed the random numbers of torch (CPU) and Python within the block.

    Afterwards both generators continue as if the block had drawn nothing.
    """
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        random.seed(SEED)
        try:
            yield
        finally:
            random.setstate(state)
