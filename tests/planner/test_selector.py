from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import Entry, InvalidValue, Limits, LookupTable, NoEntryFits, Selector, select

LEVEL = st.integers(1, 5)
POINT = st.tuples(LEVEL, LEVEL, LEVEL, LEVEL | st.none())


def entry_at(name: str, point: tuple[int, int, int, int | None]) -> Entry:
    top1, latency, macs, memory = point
    return Entry.from_values(
        config_id=name,
        origin="grid",
        width_mults=(1.0,),
        resolution=28,
        num_params=1,
        num_samples=1,
        kind="measured",
        top1_selection=0.5,
        top1=top1 / 10,
        top1_low=0,
        top1_high=1,
        macs=macs,
        peak_memory_bytes=memory,
        latency_p50_ms=latency,
        latency_p50_low_ms=latency * 0.9,
        latency_p50_high_ms=latency * 1.5,
        latency_p90_ms=latency + 1,
        latency_p99_ms=latency + 3,
    )


def naive_select(entries: Sequence[Entry], limits: Limits) -> Entry | None:
    """Straight from the definition: look at every entry."""
    kept = [
        entry
        for entry in entries
        if (limits.max_macs is None or entry.macs <= limits.max_macs)
        and (
            limits.max_peak_memory_bytes is None
            or (
                entry.peak_memory_bytes is not None
                and entry.peak_memory_bytes <= limits.max_peak_memory_bytes
            )
        )
        and (limits.max_latency_ms is None or limits.latency_ms(entry) <= limits.max_latency_ms)
    ]

    def best_first(entry: Entry) -> tuple[float, float, str]:
        return -entry.accuracy.top1, limits.latency_ms(entry), entry.config_id

    return min(kept, key=best_first, default=None)


@settings(max_examples=200)
@given(
    points=st.lists(POINT, max_size=12),
    limits=st.builds(
        Limits,
        max_latency_ms=LEVEL | st.none(),
        percentile=st.sampled_from(["p50", "p90", "p99"]),
        margin=st.sampled_from([0.0, 0.5, 1.0]),
        max_macs=LEVEL | st.none(),
        max_peak_memory_bytes=LEVEL | st.none(),
    ),
)
def test_select_equals_a_brute_force_selection(
    points: list[tuple[int, int, int, int | None]], limits: Limits
) -> None:
    entries = [entry_at(f"c{index:02}", point) for index, point in enumerate(points)]
    expected = naive_select(entries, limits)
    if expected is None:
        with pytest.raises(NoEntryFits):
            select(entries, limits)
        assert Selector(entries, limits).find(limits.max_latency_ms) is None
    else:
        assert select(entries, limits) == expected


def test_a_table_is_selected_from(table: LookupTable) -> None:
    third = table.entries[2]
    assert select(table, Limits(max_latency_ms=third.latency.p50_ms)) == third
    assert select(table, Limits()) == table.entries[-1]


def test_a_margin_of_one_is_the_upper_end_of_the_interval(table: LookupTable) -> None:
    third = table.entries[2]
    assert Limits(margin=1.0).latency_ms(third) == pytest.approx(third.latency.p50_high_ms)
    limits = Limits(max_latency_ms=third.latency.p50_ms, margin=1.0)
    assert select(table, limits) == table.entries[1]


def test_the_message_names_the_fastest(table: LookupTable) -> None:
    with pytest.raises(NoEntryFits, match=r"in 0.01 ms at p50, but the fastest, w0.25-r16, takes"):
        select(table, Limits(max_latency_ms=0.01))
    with pytest.raises(NoEntryFits, match="limits on MACs and memory"):
        select(table, Limits(max_macs=1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_latency_ms", 0),
        ("max_latency_ms", float("nan")),
        ("max_macs", -1),
        ("max_peak_memory_bytes", "1"),
        ("percentile", "p95"),
        ("percentile", []),
        ("margin", -0.1),
    ],
)
def test_a_wrong_limit_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=f"^`{name}` must be"):
        Limits(**{name: value})


def test_a_selector_answers_many_budgets(table: LookupTable) -> None:
    selector = Selector(table)
    assert selector.front == table.entries
    for entry in table:
        assert selector.select(entry.latency.p50_ms) == entry
