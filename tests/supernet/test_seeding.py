import random

import numpy as np
import pytest
import torch

from supernet.seeding import seeded


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


@pytest.mark.parametrize("seed", [0, 7, -1, 2**70])
def test_within_it_all_generators_draw_the_same_and_outside_nothing_changes(seed: int) -> None:
    with seeded(3):
        with seeded(seed):
            first = draw()
        after = draw()
        with seeded(seed):
            assert draw() == first
    with seeded(3):
        assert draw() == after


def test_torch_draws_what_manual_seed_gives() -> None:
    with seeded(5):
        drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))
