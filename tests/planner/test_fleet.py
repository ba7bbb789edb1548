from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import Entry
from planner.fleet import Demand, best_sets

LEVEL = st.integers(1, 9)
POINTS = st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=7)
BUDGETS = st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=6)


def entries_at(points: Sequence[tuple[int, int]]) -> list[Entry]:
    return [
        Entry.from_values(
            config_id=f"c{index}",
            origin="grid",
            width_mults=(1.0,),
            resolution=28,
            top1=top1 / 10,
            top1_low=0,
            top1_high=1,
            macs=1,
            num_params=1,
            latency_p50_ms=latency,
            latency_p90_ms=latency,
            latency_p99_ms=latency,
            latency_p50_low_ms=latency,
            latency_p50_high_ms=latency,
            num_samples=1,
            kind="measured",
            top1_selection=0.5,
        )
        for index, (top1, latency) in enumerate(points)
    ]


def naive_expected_top1(
    entries: Sequence[Entry], budgets: Sequence[tuple[float, float]], names: Sequence[str]
) -> float:
    """Straight from the definition: each budget takes the most accurate that it allows."""
    return sum(
        weight
        * max(
            (
                e.accuracy.top1
                for e in entries
                if e.config_id in names and e.latency.p50_ms <= budget
            ),
            default=0.0,
        )
        for budget, weight in budgets
    )


@given(POINTS, BUDGETS, st.sets(st.integers(0, 6)))
def test_a_sets_value_is_that_of_a_plain_loop(
    points: list[tuple[int, int]], budgets: list[tuple[int, int]], chosen: set[int]
) -> None:
    entries = entries_at(points)
    names = [f"c{index}" for index in sorted(chosen) if index < len(points)]
    demand = Demand(entries, budgets)
    assert demand.expected_top1(names) == pytest.approx(
        naive_expected_top1(entries, budgets, names)
    )
    every = [entry.config_id for entry in entries]
    assert demand.max_top1 == pytest.approx(naive_expected_top1(entries, budgets, every))


@settings(max_examples=200)
@given(POINTS, BUDGETS)
def test_the_sets_of_one_target_are_the_best_there_are(
    points: list[tuple[int, int]], budgets: list[tuple[int, int]]
) -> None:
    entries = entries_at(points)
    demand = Demand(entries, budgets)
    names = [entry.config_id for entry in entries]
    found = best_sets(demand, len(names))
    for size, ids in enumerate(found, start=1):
        best = max(
            naive_expected_top1(entries, budgets, some) for some in combinations(names, size)
        )
        assert len(ids) <= size
        assert demand.expected_top1(ids) == pytest.approx(best)
    if found:
        assert demand.expected_top1(found[-1]) == pytest.approx(demand.max_top1)
