import math

import pytest

from nas.meter.noise import (
    drift,
    noise_floor,
    quickest_rounds,
    quiet_rounds,
    share_held_up,
    slowdown,
    undisturbed_s,
)
from nas.meter.rounds import Round


def rounds(reference_s: list[float], ratio: float = 1.0) -> list[Round]:
    """One candidate, whose second visit takes `ratio` times its first."""
    return [Round([each] * 10, ([1.0, 1.0],), ([ratio, ratio],)) for each in reference_s]


def test_a_round_is_quiet_if_its_kernel_took_at_most_8_percent_longer_than_it_can() -> None:
    made = rounds([1.0, 1.07, 1.09, 2.0])
    assert quiet_rounds(made, 1.0) == made[:2]
    assert quiet_rounds(made, 2.0) == made


def test_the_quickest_rounds_are_those_of_the_quickest_kernel() -> None:
    made = rounds([1.5, 1.2, 1.0, 1.3])
    assert quickest_rounds(made, 2) == [made[2], made[1]]


def test_the_undisturbed_time_is_near_the_quickest() -> None:
    assert undisturbed_s(rounds([2.0] * 50 + [1.0] * 50)) == 1.0
    assert undisturbed_s(rounds([1.0] * 99 + [0.1])) == 1.0  # a freak value


def test_slowdown_is_relative_to_what_the_machine_can_do() -> None:
    assert slowdown(rounds([1.0, 1.2, 0.9]), 0.8) == pytest.approx(0.5)


def test_a_round_is_held_up_if_its_kernel_was_at_times_much_slower_than_mostly() -> None:
    slow_throughout = rounds([9.0])
    sometimes = Round([1.0] * 9 + [3.6], ([1.0],), ([1.0],))  # 1.52 in one visit
    hardly = Round([1.0] * 9 + [3.4], ([1.0],), ([1.0],))
    assert share_held_up([*slow_throughout, sometimes, hardly, sometimes]) == 0.5


def test_drift_is_the_second_half_against_the_first() -> None:
    assert drift(rounds([1.0, 1.0, 1.1, 1.1])) == pytest.approx(0.1)
    assert drift(rounds([1.0] * 6)) == 0


def test_the_floor_by_hand_and_that_more_rounds_lower_it() -> None:
    expected = math.expm1(1.96 * 1.2533 * 1.4826 * math.log(1.02) / 2)
    assert noise_floor(rounds([1.0] * 4, ratio=1.02)) == pytest.approx(expected)
    assert noise_floor(rounds([1.0] * 64, ratio=1.02)) < expected / 3.9
    assert noise_floor(rounds([1.0] * 4)) == 0
