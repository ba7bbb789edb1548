"""Chance: a network that draws random numbers takes the same course each time that it is run."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SEED = 0


@contextmanager
def same_chance() -> Iterator[None]:
    """Random numbers of torch (CPU) and Python are the same in each such block.

    After it both generators go on as if there had been none.
    """
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        random.seed(SEED)
        try:
            yield
        finally:
            random.setstate(state)
