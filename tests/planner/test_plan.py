from collections.abc import Callable
from typing import Any

import pytest

from planner import Entry, InvalidValue, LookupTable, make_plans
from planner.plan import default_budgets


def test_regret_falls_to_zero_as_entries_are_added(table: LookupTable) -> None:
    plans = make_plans([table], 8)
    regrets = [plan.regret for plan in plans]
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[-1] == pytest.approx(0, abs=1e-12)
    assert all(plan.exact for plan in plans)
    assert [len(plan.config_ids) for plan in plans] == list(range(1, 9))


def test_a_plan_by_hand(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    table = new_table(new_entries(3))
    fast, middle, slow = table.entries
    budgets = [(fast.latency.p50_ms, 1), (middle.latency.p50_ms, 2), (slow.latency.p50_ms, 1)]
    (one, two, three) = make_plans([table], 3, budgets=budgets)
    assert one.config_ids == (fast.config_id,)
    fast_top1, middle_top1, slow_top1 = (entry.accuracy.top1 for entry in (fast, middle, slow))
    assert one.regret == pytest.approx((2 * (middle_top1 - fast_top1) + slow_top1 - fast_top1) / 4)
    assert two.config_ids == (fast.config_id, middle.config_id)
    assert two.regret == pytest.approx((slow_top1 - middle_top1) / 4)
    assert three.regret == pytest.approx(0, abs=1e-12)


def test_budgets_no_entry_keeps_cost_nothing(table: LookupTable) -> None:
    (plan,) = make_plans([table], 1, budgets=[(1e-6, 1.0), (1e6, 1.0)])
    assert plan.config_ids == (table.entries[-1].config_id,)
    assert plan.regret == 0


def test_default_budgets_span_the_front(table: LookupTable) -> None:
    budgets = default_budgets(table)
    assert len(budgets) == 100
    assert budgets[0][0] == table.entries[0].latency.p50_ms
    assert budgets[-1][0] == table.entries[-1].latency.p50_ms


def test_targets_that_agree_are_planned_as_one(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    one, twin = new_table(), new_table(new_entries(8, slowness=2.0))
    alone = make_plans([one], 4)
    both = make_plans([one, twin], 4, weights=[3, 1])
    for single, plan in zip(alone, both, strict=True):
        assert plan.regret == pytest.approx(single.regret, rel=0.02)
        assert plan.regret_bound <= plan.regret + 1e-12


def test_a_target_that_nobody_has_hardly_counts(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    one, other = new_table(), new_table(new_entries(8, seed=5, slowness=3.0))
    assert one.by_config_id.keys() == other.by_config_id.keys()
    (rare,) = make_plans([one, other], 1, weights=[1, 1e-9])
    (alone,) = make_plans([one], 1)
    assert rare.config_ids == alone.config_ids


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_entries": 0}, "`num_entries` must be 1 or more"),
        ({"weights": [1.0, 2.0]}, "`weights` must be one number"),
        ({"weights": [0.0]}, "`weights` must be one number"),
        ({"budgets": []}, "`budgets` must be"),
        ({"budgets": [(0.0, 1.0)]}, "`budgets` must be"),
        ({"tables": []}, "`weights` must be one number"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    table: LookupTable, changes: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {"tables": [table], "num_entries": 2} | changes
    with pytest.raises(InvalidValue, match=words):
        make_plans(arguments.pop("tables"), arguments.pop("num_entries"), **arguments)


def test_tables_without_a_shared_config_are_refused(
    new_table: Callable[..., LookupTable], new_entry: Callable[..., Entry]
) -> None:
    tables = [new_table((new_entry(config_id=name),)) for name in "ab"]
    with pytest.raises(InvalidValue, match=r"nas\.measure"):
        make_plans(tables, 1)


def test_an_empty_table_is_refused(new_table: Callable[..., LookupTable]) -> None:
    with pytest.raises(InvalidValue, match="share entries"):
        make_plans([new_table(())], 1)
