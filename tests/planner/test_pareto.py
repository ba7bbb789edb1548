import math
import operator
import random
from collections.abc import Callable, Sequence
from functools import partialmethod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import Candidate, Entry, InvalidValue, hypervolume, pareto_front
from planner.pareto import Objective

GRID = st.integers(1, 6)  # few values, so that ties and duplicates are common


def candidate(config_id: str, top1: float, latency: float, macs: int = 1) -> Candidate:
    return Candidate.from_values(
        config_id=config_id,
        origin="grid",
        width_mults=(1.0,),
        resolution=28,
        top1=top1,
        top1_low=0.0,
        top1_high=1.0,
        macs=macs,
        num_params=1,
        latency_p50_ms=latency,
        latency_p90_ms=latency,
        latency_p99_ms=latency,
        latency_p50_low_ms=latency,
        latency_p50_high_ms=latency,
        num_samples=1,
        kind="measured",
    )


def naive_front(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> set[str]:
    """Straight from the definition: no other is at least as good in both and better in one."""

    def losses(item: Candidate) -> list[float]:
        return [(-1 if goal == "max" else 1) * item.value(name) for name, goal in objectives]

    front = set()
    for one in candidates:
        mine = losses(one)
        for other in candidates:
            theirs = losses(other)
            no_worse = all(b <= a for a, b in zip(mine, theirs, strict=True))
            if no_worse and (theirs != mine or other.config_id < one.config_id):
                break
        else:
            front.add(one.config_id)
    return front


@given(
    st.lists(st.tuples(GRID, GRID, GRID), max_size=30),
    st.sampled_from(
        [
            (("top1", "max"), ("latency_p50_ms", "min")),
            (("macs", "min"), ("top1", "max")),
            (("macs", "max"), ("latency_p50_ms", "min")),
        ]
    ),
)
def test_the_front_equals_a_brute_force_front(
    points: list[tuple[int, int, int]], objectives: Sequence[Objective]
) -> None:
    candidates = [
        candidate(f"c{index:02}", top1 / 10, float(latency), macs)
        for index, (top1, latency, macs) in enumerate(points)
    ]
    front = pareto_front(candidates, objectives)
    assert {item.config_id for item in front} == naive_front(candidates, objectives)
    assert pareto_front(reversed(candidates), objectives) == front


def test_the_front_is_sorted_from_fast_to_accurate() -> None:
    front = pareto_front(
        [candidate("slow", 0.9, 3.0), candidate("fast", 0.5, 1.0), candidate("bad", 0.4, 2.0)]
    )
    assert [item.config_id for item in front] == ["fast", "slow"]


def test_of_equal_candidates_the_first_by_config_id_is_kept() -> None:
    twins = [candidate("b", 0.5, 1.0), candidate("a", 0.5, 1.0)]
    assert [item.config_id for item in pareto_front(twins)] == ["a"]


def test_entries_stay_entries(new_entries: Callable[..., tuple[Entry, ...]]) -> None:
    entries = new_entries(10)
    assert tuple(pareto_front(entries)) == entries


@pytest.mark.parametrize("objectives", [(), (("top1", "max"),), (("top1", "most"),) * 2])
def test_two_objectives_are_asked_for(objectives: Sequence[Objective]) -> None:
    with pytest.raises(InvalidValue, match="two objectives"):
        pareto_front([], objectives)


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(InvalidValue, match="`peak_memory_bytes` of a must be a number"):
        pareto_front([candidate("a", 0.5, 1.0)], (("top1", "max"), ("peak_memory_bytes", "min")))


class CountedFloat(float):
    """Counts in `num_comparisons` how often such numbers are compared."""

    num_comparisons = 0

    def _compare(self, holds: Callable[[float, Any], bool], other: Any) -> bool:
        CountedFloat.num_comparisons += 1
        return holds(float(self), float(other))

    __lt__ = partialmethod(_compare, operator.lt)
    __gt__ = partialmethod(_compare, operator.gt)
    __le__ = partialmethod(_compare, operator.le)
    __ge__ = partialmethod(_compare, operator.ge)
    __eq__ = partialmethod(_compare, operator.eq)
    __hash__ = float.__hash__

    def __neg__(self) -> "CountedFloat":
        return CountedFloat(-float(self))


def test_comparisons_grow_as_n_log_n(new_entries: Callable[..., tuple[Entry, ...]]) -> None:
    num_entries = 2_000
    counted = [
        entry.with_values(
            top1=CountedFloat(entry.accuracy.top1),
            latency_p50_ms=CountedFloat(entry.latency.p50_ms),
        )
        for entry in new_entries(num_entries)
    ]
    random.Random(0).shuffle(counted)
    CountedFloat.num_comparisons = 0
    assert len(pareto_front(counted)) == num_entries
    # A sort compares at most n log2 n pairs, each by == and then <; then one comparison for each.
    most = num_entries * (2 * math.log2(num_entries) + 1)
    assert num_entries <= CountedFloat.num_comparisons <= most


def test_hypervolume_by_hand() -> None:
    # Two steps below latency 4: 0.5 * (4 - 1) + 0.25 * (4 - 2).
    assert hypervolume([(0.5, 1.0), (0.75, 2.0)], (0.0, 4.0)) == 0.5 * 3 + 0.25 * 2
    assert hypervolume([], (0.0, 4.0)) == 0.0
    assert hypervolume([(0.5, 5.0), (-0.1, 1.0)], (0.0, 4.0)) == 0.0


@given(st.lists(st.tuples(GRID, GRID), max_size=20))
def test_hypervolume_counts_the_dominated_cells(points: list[tuple[int, int]]) -> None:
    cells = {
        (gain, cost)
        for gain in range(6)
        for cost in range(1, 7)
        if any(p_gain > gain and p_cost <= cost for p_gain, p_cost in points)
    }
    assert hypervolume(points, (0, 7)) == len(cells)
