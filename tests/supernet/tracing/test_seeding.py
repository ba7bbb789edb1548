import random

import numpy as np
import torch

from supernet.tracing.seeding import fixed_seed


def draw() -> tuple[float, float, float]:
    return torch.rand(1).item(), random.random(), np.random.rand()


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def test_each_block_draws_the_same_random_numbers_and_restores_the_generators() -> None:
    seed_all(3)
    expected = draw()
    seed_all(3)
    with fixed_seed():
        first = draw()
    with fixed_seed():
        assert draw() == first
    assert draw() == expected
