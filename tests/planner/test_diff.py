from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.planner.diff_gate import CASES, NO_REGRESSION, count
from planner import Diff, Entry, InvalidValue, LookupTable, Target
from planner.diff import KINDS


def slowed(entry: Entry, factor: float) -> Entry:
    scaled = {n: v * factor for n, v in entry.values().items() if n.startswith("latency_")}
    return entry.with_values(**scaled)


def test_nothing_changed(table: LookupTable) -> None:
    diff = Diff(table, table)
    assert not diff.regressions
    assert diff.added == diff.removed == ()
    assert all(c.latency_p50_ms.sign == c.top1.sign == 0 for c in diff.configs)
    assert all(b.old == b.new for b in diff.budgets)


def test_noise_within_the_intervals_is_no_regression(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    noisy = new_table(tuple(slowed(entry, 1.015) for entry in table))
    diff = Diff(table, noisy)
    assert not diff.regressions
    assert all(b.new is not None for b in diff.budgets)


def test_a_slowdown_beyond_interval_and_allowance_is_told(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    entries = list(table.entries)
    entries[-1] = slowed(entries[-1], 1.2)
    diff = Diff(table, new_table(tuple(entries)))
    name = entries[-1].config_id
    (slower,) = [one for one in diff.regressions if one.kind == "latency"]
    assert slower.config_id == name
    assert slower.text.startswith(f"{name} got slower")
    assert "+20.0%" in slower.text
    assert not Diff(diff.old, diff.new, max_latency_regress=0.25).regressions


def test_a_faster_table_is_no_regression(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    diff = Diff(table, new_table(tuple(slowed(entry, 0.5) for entry in table)))
    assert all(c.latency_p50_ms.sign == -1 for c in diff.configs)
    assert [c.latency_p50_ms.relative for c in diff.configs] == pytest.approx([-0.5] * len(table))
    assert not diff.regressions


def test_lost_accuracy_is_told_by_config_and_by_budget(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    entries = list(table.entries)
    last = entries[-1]
    top1 = last.accuracy.top1 - 0.2
    entries[-1] = last.with_values(top1=top1, top1_low=top1 - 0.01, top1_high=top1 + 0.01)
    diff = Diff(table, new_table(tuple(entries)))
    found = {one.kind: one for one in diff.regressions}
    assert set(found) == {"accuracy"}
    assert found["accuracy"].text.startswith(f"{last.config_id} got less accurate")
    assert not Diff(diff.old, diff.new, max_top1_drop=0.21).regressions


def test_a_removed_entry_costs_its_budget(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    diff = Diff(table, new_table(table.entries[1:]))
    assert diff.removed == (table.entries[0].config_id,)
    assert diff.budgets[0].new is None
    (budget,) = [one for one in diff.regressions if one.kind == "budget"]
    assert budget.text.startswith("no entry fits under")
    assert budget.max_latency_ms == diff.budgets[0].max_latency_ms
    assert [one.config_id for one in diff.regressions if one.kind == "removed"] == [*diff.removed]
    assert Diff(new_table(table.entries[1:]), table).added == (table.entries[0].config_id,)


@pytest.mark.parametrize("case", NO_REGRESSION)
def test_noise_is_no_regression(case: str) -> None:
    """benchmarks/planner/diff_gate.py counts 1,000 pairs of tables."""
    num_found = count(CASES[case], 200)["any"]
    assert num_found <= (20 if case == "session 2.5 % slower" else 0)


@pytest.mark.parametrize("case", [name for name in CASES if name not in NO_REGRESSION])
def test_a_slowdown_is_found(case: str) -> None:
    """Each of the 12 latencies alone may lie within its interval."""
    found = count(CASES[case], 40)
    assert found["any"] >= 38
    assert found["common"] >= 38 or case.startswith("one of 12")


def test_all_latencies_slower_within_their_intervals_are_found_together(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    """As in issue 18: 12 latencies x 1.3, each within its interval."""

    def with_intervals(factor: float) -> LookupTable:
        entries = [
            entry.with_values(
                latency_p50_ms=entry.latency.p50_ms * factor,
                latency_p50_low_ms=entry.latency.p50_ms * factor * 0.8,
                latency_p50_high_ms=entry.latency.p50_ms * factor * 1.2,
                latency_p90_ms=entry.latency.p90_ms * factor * 1.2,
                latency_p99_ms=entry.latency.p99_ms * factor * 1.2,
            )
            for entry in new_entries(12)
        ]
        return new_table(tuple(entries))

    diff = Diff(with_intervals(1.0), with_intervals(1.3))
    assert all(change.latency_p50_ms.sign == 0 for change in diff.configs)
    assert "common" in {one.kind for one in diff.regressions}
    assert diff.common is not None
    assert diff.common.relative == pytest.approx(0.3)


def test_an_interval_narrower_than_the_noise_floor_is_not_trusted(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    def narrow(factor: float) -> LookupTable:
        entries = [slowed(entry, factor) for entry in table]
        return new_table(
            tuple(
                entry.with_values(
                    latency_p50_low_ms=entry.latency.p50_ms,
                    latency_p50_high_ms=entry.latency.p50_ms,
                )
                for entry in entries
            )
        )

    exact = Diff(narrow(1.0), narrow(1.03), session_spread=0.0)
    assert table.protocol["noise_floor"] == 0.02
    assert all(change.latency_p50_ms.sign == 0 for change in exact.configs)


def spread_of(table: LookupTable, spread: float) -> LookupTable:
    """As measured by nas.measure --conditions repeated."""
    measured = {"conditions": {"repeated": {"session_spread": spread}}}
    return replace(table, protocol={**table.protocol, **measured})


def test_sessions_differ_by_what_was_measured(table: LookupTable) -> None:
    assert Diff(table, table).spread == 0.025
    assert Diff(spread_of(table, 0.01), table).spread == 0.01
    assert Diff(spread_of(table, 0.01), spread_of(table, 0.04)).spread == 0.04
    assert Diff(spread_of(table, 0.01), table, session_spread=0.0).spread == 0.0


def test_the_intervals_of_repeated_sessions_hold_their_spread(table: LookupTable) -> None:
    entries = [replace(entry, conditions={"repeated": entry.latency}) for entry in table]
    both = replace(spread_of(table, 0.04), entries=tuple(entries)).under("repeated")
    assert Diff(both, both).spread == 0.0


def test_other_targets_are_a_regression_where_asked_for(
    table: LookupTable,
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
) -> None:
    diff = Diff(table, new_table(target=new_target(device="another")))
    (target,) = diff.regressions
    assert target.kind == "target"
    assert "another" in target.text
    assert target.text.endswith("; device: test CPU, 2 threads -> another")
    assert {one.kind for one in diff.regressions} <= set(KINDS)


@pytest.mark.parametrize("name", ["session_spread", "max_latency_regress", "max_top1_drop"])
def test_an_allowance_is_0_or_more(name: str, table: LookupTable) -> None:
    for wrong in (-0.1, float("nan")):
        with pytest.raises(InvalidValue, match=f"`{name}` must be 0 or more"):
            Diff(table, table, **{name: wrong})


def test_tables_without_a_common_config_are_compared_by_budget(
    table: LookupTable, new_table: Callable[..., LookupTable]
) -> None:
    old, new = new_table(table.entries[:4]), new_table(table.entries[4:])
    diff = Diff(old, new)
    assert diff.common is None
    assert diff.configs == ()
    assert {one.kind for one in diff.regressions} == {"budget", "removed"}
