"""The three generators from which a network may draw: torch's, Python's and numpy's."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_generators(seed: int) -> None:
    """Seed the global generators of torch (all devices), Python and numpy; `seed` is in 0..2^64."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def own_generators() -> Iterator[None]:
    """After `with`, all three generators go on as if the block had drawn and seeded nothing."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Within `with`, a network that draws random numbers draws the same ones in every pass."""
    with own_generators():
        seed_generators(0)
        yield
