import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.common_change import common_change

DEVIATION = 0.01


def around(p50: float, deviation: float = DEVIATION) -> tuple[float, float, float]:
    return p50 * math.exp(-1.96 * deviation), p50, p50 * math.exp(1.96 * deviation)


def test_no_pairs_have_no_change() -> None:
    assert common_change([], 0.0) is None


def test_of_equal_intervals_it_is_the_geometric_mean() -> None:
    pairs = [(around(1.0), around(ratio)) for ratio in (1.01, 1.02, 1.03)]
    found = common_change(pairs, 0.0)
    assert found is not None
    assert found.relative == pytest.approx((1.01 * 1.02 * 1.03) ** (1 / 3) - 1)
    half = 1.645 * DEVIATION * math.sqrt(2 / 3)
    assert found.low == pytest.approx((1 + found.relative) * math.exp(-half) - 1, rel=1e-3)
    assert found.num_configs == 3


def test_one_config_that_changed_is_no_common_change() -> None:
    pairs = [(around(1.0), around(1.0))] * 11 + [(around(1.0), around(2.0))]
    found = common_change(pairs, 0.0)
    assert found is not None
    assert found.relative > 0.03
    assert found.sign == 0


def test_the_spread_between_sessions_is_none_either() -> None:
    pairs = [(around(1.0), around(1.05))] * 12
    assert [common_change(pairs, s).sign for s in (0.0, 0.025, 0.05)] == [1, 1, 0]  # type: ignore[union-attr]
    back = [(new, old) for old, new in pairs]
    assert [common_change(back, s).sign for s in (0.0, 0.025, 0.05)] == [-1, -1, 0]  # type: ignore[union-attr]


def test_the_limits_hold_as_often_as_they_say() -> None:
    generator = random.Random(0)
    num_above = 0
    for _ in range(1000):
        pairs = [
            (
                around(math.exp(generator.gauss(0, DEVIATION))),
                around(math.exp(generator.gauss(0, DEVIATION))),
            )
            for _ in range(12)
        ]
        found = common_change(pairs, 0.0)
        assert found is not None
        num_above += found.low > 0
    assert num_above <= 70


@given(
    st.lists(
        st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(0, 1)),
        min_size=1,
        max_size=20,
    ),
    st.floats(0, 1),
)
def test_any_intervals_give_a_finite_change(
    rows: list[tuple[float, float, float]], session_spread: float
) -> None:
    pairs = [(around(old, deviation), around(new, deviation)) for old, new, deviation in rows]
    found = common_change(pairs, session_spread)
    assert found is not None
    assert -1 <= found.low <= found.relative <= found.high < math.inf
