import random

import torch

from supernet.tracing.seeding import fixed_seed


def draw() -> tuple[float, float]:
    return torch.rand(1).item(), random.random()


def test_each_block_draws_the_same_random_numbers_and_restores_the_generators() -> None:
    torch.manual_seed(3)
    random.seed(3)
    expected = draw()
    torch.manual_seed(3)
    random.seed(3)
    with fixed_seed():
        first = draw()
    with fixed_seed():
        assert draw() == first
    assert draw() == expected
