import random

import numpy as np
import torch

from supernet.seeding import fixed_seed, own_generators, seed_generators


def draw() -> tuple[float, float, float]:
    return float(torch.rand(())), random.random(), float(np.random.rand())


def test_a_seed_determines_all_three_generators() -> None:
    with own_generators():
        seed_generators(2**63 + 5)
        first = draw()
        seed_generators(2**63 + 5)
        assert draw() == first
        seed_generators(6)
        assert all(mine != theirs for mine, theirs in zip(draw(), first, strict=True))


def test_the_generators_of_the_caller_go_on_as_if_nothing_was_drawn() -> None:
    with own_generators():
        seed_generators(1)
        expected = [draw() for _ in range(2)]
        seed_generators(1)
        first = draw()
        with own_generators():
            seed_generators(9)
            draw()
        assert [first, draw()] == expected


def test_a_fixed_seed_is_the_same_in_each_block() -> None:
    with fixed_seed():
        first = draw()
    with fixed_seed():
        assert draw() == first
