import math

import pytest

from nas.noise import drift, noise_floor, quiet_rounds
from nas.rounds import Round


def rounds(kernel_s: list[float], ratio: float = 1.0) -> list[Round]:
    """One candidate, whose second visit takes `ratio` times its first."""
    return [Round([each] * 10, ([1.0, 1.0],), ([ratio, ratio],)) for each in kernel_s]


def test_a_round_counts_unless_its_kernel_took_half_as_long_again() -> None:
    found = quiet_rounds(rounds([1.0] * 9 + [1.4, 1.6]))
    assert [r.kernel_s[0] for r in found] == [1.0] * 9 + [1.4]


def test_drift_is_the_second_half_against_the_first() -> None:
    assert drift(rounds([1.0, 1.0, 1.1, 1.1])) == pytest.approx(0.1)
    assert drift(rounds([1.0] * 6)) == 0


def test_the_floor_by_hand_and_that_more_rounds_lower_it() -> None:
    expected = math.expm1(1.96 * 1.2533 * 1.4826 * math.log(1.02) / 2)
    assert noise_floor(rounds([1.0] * 4, ratio=1.02)) == pytest.approx(expected)
    assert noise_floor(rounds([1.0] * 64, ratio=1.02)) < expected / 3.9
    assert noise_floor(rounds([1.0] * 4)) == 0
