import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.meter.statistics import median, median_interval, percentile

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(VALUES, st.floats(0, 100))
def test_percentiles_are_numpys(values: list[float], percent: float) -> None:
    assert percentile(values, percent) == pytest.approx(np.percentile(values, percent), abs=1e-6)
    assert median(values) == pytest.approx(np.median(values), abs=1e-6)


@pytest.mark.parametrize(
    ("num", "ranks"),
    [
        (1, (1, 1)),
        (5, (1, 5)),
        (6, (1, 6)),
        (8, (1, 8)),
        (9, (2, 8)),
        (20, (6, 15)),
        (50, (18, 33)),
    ],
)
def test_the_ranks_are_the_narrowest_that_hold_95_percent(num: int, ranks: tuple[int, int]) -> None:
    assert median_interval(range(1, num + 1)) == ranks
    outside = [sum(math.comb(num, i) for i in range(ranks[0] + n)) / 2**num for n in (0, 1)]
    assert num < 6 or outside[0] <= 0.025 < outside[1]


def test_it_holds_the_median_95_times_of_100() -> None:
    rng = random.Random(0)
    held = 0
    for _ in range(2000):
        low, high = median_interval([rng.expovariate(1) for _ in range(15)])
        held += low <= np.log(2) <= high
    assert held / 2000 >= 0.95
