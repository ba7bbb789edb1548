from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.shared_set import best_shared_sets, expected_top1, without_dominated

Rows = dict[str, Sequence[float]]


@st.composite
def many_rows(draw: st.DrawFn) -> Rows:
    """Up to 8 entries under up to 8 budgets."""
    length = draw(st.integers(1, 8))
    row = st.lists(st.integers(0, 9), min_size=length, max_size=length)
    return {
        f"c{index}": one for index, one in enumerate(draw(st.lists(row, min_size=1, max_size=8)))
    }


def naive_best(rows: Rows, size: int) -> float:
    """Straight from the definition: every set of that many."""
    size = min(size, len(rows))
    sets = combinations(rows.values(), size)
    return max(sum(float(max(column)) for column in zip(*some, strict=True)) for some in sets)


@settings(max_examples=300)
@given(many_rows())
def test_the_sets_are_the_best_there_are(rows: Rows) -> None:
    found = best_shared_sets(rows, len(rows))
    for size, (names, bound) in enumerate(found, start=1):
        assert len(names) <= size
        assert expected_top1(rows, names) == pytest.approx(naive_best(rows, size))
        assert bound == pytest.approx(expected_top1(rows, names))
    reached = expected_top1(rows, found[-1][0]) if found else 0
    assert reached == pytest.approx(naive_best(rows, len(rows)))


@settings(max_examples=300)
@given(many_rows(), st.integers(0, 12))
def test_a_search_that_is_cut_short_still_bounds_the_best(rows: Rows, max_steps: int) -> None:
    for size, (names, bound) in enumerate(best_shared_sets(rows, len(rows), max_steps), start=1):
        best = naive_best(rows, size)
        assert bound >= best - 1e-9
        assert (1 - 1 / 2.718281828) * best <= expected_top1(rows, names) + 1e-9 <= best + 2e-9


@given(many_rows())
def test_what_is_dominated_is_not_needed(rows: Rows) -> None:
    kept = without_dominated(rows)
    assert (
        naive_best(kept, len(kept)) == naive_best(rows, len(rows))
        if kept
        else not any(map(any, rows.values()))
    )


def test_a_compromise_that_no_budget_would_choose_is_found() -> None:
    """Each target has a favourite that the other can't run; the third one runs on both."""
    rows = {"here": [0.9, 0.0], "there": [0.0, 0.9], "both": [0.8, 0.8]}
    ((names, bound),) = best_shared_sets(rows, 1)
    assert names == ["both"]
    assert bound == pytest.approx(1.6)
