"""Steps from made-up times; `measured_steps` on a real network is in test_searching.py."""

import random
from collections.abc import Sequence

from nas.search.staircase import _affordable, _steps
from supernet import SubnetConfig

WIDTHS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)


def rounds(values: Sequence[float], noise: float = 0.0) -> list[list[float]]:
    """Twelve rounds of timing, each at a speed of its own, with noise of this share."""
    draws = random.Random(0)
    speeds = [draws.uniform(1.0, 2.0) for _ in range(12)]
    return [[v * (1 + draws.uniform(-noise, noise)) * speed for v in values] for speed in speeds]


def test_counts_that_cost_what_the_next_costs_are_no_steps() -> None:
    pairs = [1.0, 1.0, 2.0, 2.01, 3.0, 2.99, 4.0, 4.0]
    assert _steps(WIDTHS, rounds(pairs)) == (0.25, 0.5, 0.75, 1.0)


def test_an_early_step_stays() -> None:
    first = [0.5, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert _steps(WIDTHS, rounds(first)) == (0.125, 0.25, 0.5, 0.75, 1.0)


def test_on_a_straight_line_each_is_a_step() -> None:
    line = [1.0 + 0.4 * number for number in range(8)]
    assert _steps(WIDTHS, rounds(line)) == WIDTHS


def test_with_noise_what_may_be_a_step_stays() -> None:
    pairs = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    found = _steps(WIDTHS, rounds(pairs, 0.2))
    assert {0.25, 0.5, 0.75, 1.0} < set(found), "and one that is none"


def test_where_latency_falls_with_channels_the_wider_is_taken() -> None:
    falling = [2.0, 1.0, 1.5, 1.2]
    assert _steps((0.25, 0.5, 0.75, 1.0), rounds(falling))[-1] == 1.0


def test_there_is_time_for_some_groups_only() -> None:
    config = SubnetConfig(width_mults=(1.0,), resolution=16)
    configs = [[config] * 4, [config] * 13, [config], [config] * 7]
    assert _affordable(configs, 0.01) == [0, 1, 3]
    assert _affordable(configs, 30 / 16 / 20) == [1, 3]
    assert _affordable(configs, 10.0) == []
