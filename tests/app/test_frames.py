import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import frames
from app.opening import Source, open_path
from app.quantities import MACS, MEMORY, P50, SELECTED, TOP1, Quantity
from planner import Diff, LookupTable, Selector, pareto_front


def test_the_candidates_frame_marks_the_tables_entries(run: Path) -> None:
    (source,) = open_path(run)
    frame = frames.candidates_frame(source)
    assert len(frame) == 80
    assert frame["in_table"].sum() == 30
    assert frame["config_id"][frame["in_table"]].tolist() == list(source.table.by_config_id)
    assert frames.known(frame, MEMORY)


def test_a_chart_has_one_accuracy_for_all_its_points(run: Path) -> None:
    (source,) = open_path(run)
    frame = frames.candidates_frame(source)
    others = source.candidates[30:]
    drawn = frames.thinned(frame, P50, TOP1)
    assert set(drawn["config_id"]) == set(source.table.by_config_id)
    report = [entry.accuracy.top1 for entry in source.table]
    assert frame["top1"].iloc[:30].tolist() == report
    every = frames.thinned(frame, P50, SELECTED)
    assert len(every) == 80
    selected = [entry.top1_selection for entry in source.table]
    assert frame["top1_selection"].tolist() == selected + [c.accuracy.top1 for c in others]


@pytest.mark.parametrize(("x", "y"), [(P50, TOP1), (MACS, TOP1), (TOP1, P50), (P50, MACS)])
def test_the_front_is_the_planner_s(source: Source, x: Quantity, y: Quantity) -> None:
    frame = frames.candidates_frame(source)
    front = pareto_front(source.candidates, ((y.column, y.goal), (x.column, x.goal)))
    found = frame["config_id"][frames.front_mask(frame, x, y)]
    assert set(found) == {candidate.config_id for candidate in front}


def test_thinning_keeps_the_front_and_the_spread(
    new_table: Callable[..., LookupTable],
) -> None:
    table = new_table(20_000)
    source = Source(table, table.entries, Path("."), Path("x"))
    frame = frames.candidates_frame(source)
    drawn = frames.thinned(frame, P50, TOP1)
    assert len(drawn) < 1000
    assert drawn["on_front"].sum() == frames.front_mask(frame, P50, TOP1).sum()
    for column in ("latency_p50_ms", "top1"):
        low, high = frame[column].min(), frame[column].max()
        assert drawn[column].min() <= low + 0.05 * (high - low)
        assert drawn[column].max() >= high - 0.05 * (high - low)


def test_few_candidates_are_all_drawn(source: Source) -> None:
    frame = frames.candidates_frame(source)
    assert len(frames.thinned(frame, P50, TOP1)) == len(frame)


def test_evenly_spaced_items_include_the_first_and_the_last() -> None:
    assert frames.evenly(range(10), 4) == [0, 3, 6, 9]
    assert frames.evenly([1, 2], 5) == [1, 2]


def test_each_device_ranks_the_shared_configs(sources: dict[str, Source]) -> None:
    fronts = frames.fronts_frame(sources)
    assert set(fronts["device"]) == set(sources)
    order = frames.order_frame(sources)
    assert len(order) == 2 * 24
    for _, rows in order.groupby("device"):
        assert sorted(rows["rank"]) == list(range(1, 25))
    shared = frames.shared_ids(source.table for source in sources.values())
    config_id = next(name for name in shared if name not in set(order["config_id"]))
    assert config_id in set(frames.order_frame(sources, config_id)["config_id"])
    assert len(frames.config_frame(sources, config_id)) == 2


def test_swapped_pairs_are_those_that_a_loop_finds(sources: dict[str, Source]) -> None:
    one, other = (source.table for source in sources.values())
    names = frames.shared_ids([one, other])
    expected = 0
    for index, a in enumerate(names):
        for b in names[index + 1 :]:
            signs = []
            for table in (one, other):
                x, y = table.by_config_id[a], table.by_config_id[b]
                signs.append(
                    (x.latency.p50_low_ms > y.latency.p50_high_ms)
                    - (x.latency.p50_high_ms < y.latency.p50_low_ms)
                )
            expected += signs[0] * signs[1] < 0
    assert expected > 0
    assert frames.swapped_pairs(one, other) == (expected, len(names) * (len(names) - 1) // 2)
    assert frames.swapped_pairs(one, one)[0] == 0


def test_the_largest_is_the_one_with_the_most_multiply_adds(source: Source) -> None:
    assert frames.largest(source.candidates).macs == max(c.macs for c in source.candidates)


def test_a_diff_has_a_row_for_each_config_and_each_budget(sources: dict[str, Source]) -> None:
    diff = Diff(*(source.table for source in sources.values()))
    frame = frames.diff_frame(diff)
    assert len(frame) == 40
    assert set(frame["latency"]) == {"slower"}
    budgets = frames.budgets_frame(diff)
    assert budgets["new"].isna().iloc[0]


def test_both_tables_are_followed_at_the_budgets_of_both(
    sources: dict[str, Source], new_table: Callable[..., LookupTable]
) -> None:
    """At the old front's budgets alone, what the new table gains between them is not seen."""
    slow, fast = new_table(40, slowness=3.0), new_table(40)
    for old, new in ((slow, fast), (fast, slow)):
        frame = frames.budgets_frame(Diff(old, new))
        assert (frame["max_latency_ms"].diff().dropna() > 0).all()
        for name, table in (("old", old), ("new", new)):
            selector = Selector(table.entries)
            assert set(selector.latencies_ms) <= set(frame["max_latency_ms"])
            for budget, top1 in zip(frame["max_latency_ms"], frame[name], strict=True):
                entry = selector.find(budget)
                assert np.isnan(top1) if entry is None else top1 == entry.accuracy.top1 * 100
        better, worse = ("new", "old") if new is fast else ("old", "new")
        assert (frame[better] >= frame[worse].fillna(0)).all()


def test_budget_steps_reach_from_below_the_fastest_to_above_the_slowest(source: Source) -> None:
    selector = Selector(source.table.entries)
    steps = frames.budget_steps(selector)
    assert steps == sorted(steps)
    assert steps[0] < selector.latencies_ms[0] < selector.latencies_ms[-1] < steps[-1]
    assert np.isfinite(steps).all()


def test_the_default_budget_fits_an_entry_however_few_there_are(source: Source) -> None:
    for num in (1, 2, 40):
        selector = Selector(source.table.entries[:num])
        assert selector.find(frames.default_budget(selector)) is not None


def test_a_budget_is_rounded_up_so_that_the_clicked_point_keeps_it() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        place = 10 ** rng.uniform(-4, 4)
        up = frames.rounded_up(place)
        assert place <= up * (1 + 1e-9)
        assert up <= place * 1.0011
        assert float(f"{up:.4g}") == up
    assert frames.rounded_up(0.5) == 0.5


def test_the_entries_are_listed_in_the_units_of_the_pages(source: Source) -> None:
    frame = frames.entries_frame(source)
    entry = source.table.entries[3]
    assert frame["Config"].tolist() == list(source.table.by_config_id)
    assert frame[TOP1.label][3] == entry.accuracy.top1 * 100
    assert frame[MACS.label][3] == pytest.approx(entry.macs / 1e6)
    assert frame.columns[2].startswith("\u00b1")
    assert frame.iloc[3, 2] == pytest.approx(1.0)
    entries = tuple(entry.with_values(peak_memory_bytes=None) for entry in source.table)
    unknown = replace(source, table=replace(source.table, entries=entries))
    assert MEMORY.label not in frames.entries_frame(unknown)
