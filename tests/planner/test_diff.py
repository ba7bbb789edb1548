from collections.abc import Callable

import pytest

from planner import Diff, Entry, LookupTable


def slowed(entry: Entry, factor: float) -> Entry:
    scaled = {n: v * factor for n, v in entry.values().items() if n.startswith("latency_")}
    return entry.with_values(**scaled)


def test_nothing_changed(table: LookupTable) -> None:
    diff = Diff(table, table)
    assert not list(diff.regressions(0, 0))
    assert diff.added == diff.removed == ()
    assert all(c.latency_p50_ms.sign == c.top1.sign == 0 for c in diff.configs)
    assert all(b.old == b.new for b in diff.budgets)


def test_noise_within_the_intervals_is_no_regression(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    noisy = new_table(tuple(slowed(entry, 1.015) for entry in table))
    diff = Diff(table, noisy)
    assert not list(diff.regressions(0, 0))
    assert all(b.new is not None for b in diff.budgets)


def test_a_slowdown_beyond_interval_and_allowance_is_told(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    entries = list(table.entries)
    entries[-1] = slowed(entries[-1], 1.2)
    diff = Diff(table, new_table(tuple(entries)))
    name = entries[-1].config_id
    lines = list(diff.regressions(0.05, 0))
    assert any(line.startswith(f"{name} got slower") and "+20.0%" in line for line in lines)
    assert not any("got slower" in line for line in diff.regressions(0.25, 0))


def test_a_faster_table_is_no_regression(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    diff = Diff(table, new_table(tuple(slowed(entry, 0.5) for entry in table)))
    assert all(c.latency_p50_ms.sign == -1 for c in diff.configs)
    assert [c.latency_p50_ms.relative for c in diff.configs] == pytest.approx([-0.5] * len(table))
    assert not list(diff.regressions(0, 0))


def test_lost_accuracy_is_told_by_config_and_by_budget(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    entries = list(table.entries)
    last = entries[-1]
    top1 = last.accuracy.top1 - 0.2
    entries[-1] = last.with_values(top1=top1, top1_low=top1 - 0.01, top1_high=top1 + 0.01)
    lines = list(Diff(table, new_table(tuple(entries))).regressions(0, 0))
    assert any(line.startswith(f"{last.config_id} got less accurate") for line in lines)


def test_a_removed_entry_costs_its_budget(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    diff = Diff(table, new_table(table.entries[1:]))
    assert diff.removed == (table.entries[0].config_id,)
    assert diff.budgets[0].new is None
    assert any("-> 0.0000" in line for line in diff.regressions(0, 0))
    assert Diff(new_table(table.entries[1:]), table).added == (table.entries[0].config_id,)
