import numpy as np
import pytest

from nas.evaluate.evaluation import Bits
from nas.evaluate.paired import paired_difference, standard_error


def bits(num_both: int, num_one: int, num_other: int, num_none: int) -> tuple[Bits, Bits]:
    counts = [num_both, num_one, num_other, num_none]
    one = np.repeat([True, True, False, False], counts)
    other = np.repeat([True, False, True, False], counts)
    return one, other


def test_the_interval_is_bonetts_and_prices() -> None:
    found = paired_difference(*bits(60, 15, 5, 20))
    assert found.mean == pytest.approx(0.1)
    # By hand: (16 - 6) / 102 +- 1.96 sqrt((22 / 102 - (10 / 102) ** 2) / 102)
    assert (found.low, found.high) == pytest.approx(
        (0.09804 - 0.08808, 0.09804 + 0.08808), abs=1e-4
    )


def test_networks_that_agree_on_every_image_differ_by_little_and_no_more() -> None:
    found = paired_difference(*bits(1800, 0, 0, 200))
    assert found.mean == 0
    assert found.low == -found.high
    assert 0 < found.high < 0.002


def test_the_standard_error_is_how_far_other_images_would_have_moved_the_difference() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.choice(4, size=(4000, 300), p=[0.85, 0.05, 0.03, 0.07])
    both = [(row <= 1, (row == 0) | (row == 2)) for row in kinds]
    moved = np.std([paired_difference(*each).mean for each in both])
    assert standard_error(*both[0]) == pytest.approx(moved, rel=0.2)


def test_the_order_changes_the_sign() -> None:
    one, other = bits(60, 15, 5, 20)
    there, back = paired_difference(one, other), paired_difference(other, one)
    assert (there.mean, there.low, there.high) == pytest.approx((-back.mean, -back.high, -back.low))


def test_95_of_100_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.choice(4, size=(2000, 400), p=[0.85, 0.05, 0.03, 0.07])
    found = [paired_difference(row <= 1, (row == 0) | (row == 2)) for row in kinds]
    held = np.mean([each.low <= 0.02 <= each.high for each in found])
    assert 0.94 <= held <= 0.97
