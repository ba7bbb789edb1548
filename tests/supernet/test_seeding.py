import random

import numpy as np
import pytest
import torch

from supernet.seeding import own_generators, seed_generators, seeded


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


@pytest.mark.parametrize("seed", [0, 7, -1, 2**63 + 5, 2**70])
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


def test_a_seed_determines_all_three_and_the_caller_s_go_on() -> None:
    with own_generators():
        seed_generators(1)
        expected = [draw() for _ in range(2)]
        seed_generators(1)
        first = draw()
        with own_generators():
            seed_generators(9)
            assert all(mine != theirs for mine, theirs in zip(draw(), first, strict=True))
        assert [first, draw()] == expected
