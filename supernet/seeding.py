"""Seeding: the three generators from which a network may draw: torch's, Python's and numpy's."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_generators(seed: int) -> None:
    """Seed the global generators of torch (all devices), Python and numpy.

    `seed` may be any integer; numpy takes its lowest 32 bits, torch its lowest 64.
    """
    torch.manual_seed(seed % 2**64)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def choices_of_host(device: torch.device) -> tuple[Any, ...]:
    """Equal to what was returned before if no generator has drawn anything on the host since.

    These are Python's, numpy's and, where a network runs elsewhere, torch's for the CPU.
    """
    _, keys, position, *_ = np.random.get_state()
    of_torch = torch.get_rng_state().numpy().tobytes() if device.type != "cpu" else b""
    return random.getstate(), np.asarray(keys).tobytes(), position, of_torch


@contextmanager
def own_generators() -> Iterator[None]:
    """After `with`, all three generators go on as if the block had drawn and seeded nothing."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    on_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    with torch.random.fork_rng([torch.cuda.current_device()] if on_cuda else []):
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within `with`, all three are seeded; afterwards they go on as if nothing had been drawn."""
    with own_generators():
        seed_generators(seed)
        yield
