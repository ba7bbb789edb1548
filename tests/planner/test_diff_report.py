import json
from collections.abc import Callable

import pytest

from planner import Diff, Entry, LookupTable, Target
from planner.diff import KINDS
from planner.diff_report import failures, to_json, to_markdown, to_text
from planner.plain_text import in_markdown


@pytest.fixture
def diff(table: LookupTable, new_table: Callable[..., LookupTable]) -> Diff:
    entries = [
        entry.with_values(
            **{n: v * 1.1 for n, v in entry.values().items() if n.startswith("latency_")}
        )
        for entry in table
    ]
    return Diff(table, new_table(tuple(entries)))


def test_text_tells_each_change_and_the_verdict(diff: Diff) -> None:
    text = to_text(diff, KINDS)
    assert text.splitlines()[0] == "8 configs in both, 0 added, 0 removed"
    assert "together: +10.0% " in text
    assert text.count("(+10.0%)") == 8 * 2
    assert "regressions beyond noise and allowance:\n  all 8 common configs got slower" in text
    assert "-> nothing fits" in text
    assert to_text(Diff(diff.old, diff.old), KINDS).endswith("no regression")


def test_json_holds_everything(diff: Diff) -> None:
    values = json.loads(to_json(diff, ["common"]))
    assert values["verdict"] == "regression"
    assert [one["kind"] for one in values["regressions"]] == ["common"]
    assert {one["kind"] for one in values["other_regressions"]} == {"latency", "budget"}
    assert values["common"]["relative"] == pytest.approx(0.1)
    assert values["configs"][0]["latency_p50_ms"]["sign"] == 1
    assert len(values["configs"]) == len(values["budgets"]) == 8
    assert values["budgets"][0]["new"] is None
    assert values["same_target"] is True
    assert values["target_differences"] == []
    assert json.loads(to_json(diff, ["accuracy"]))["verdict"] == "fine"
    assert len(failures(diff, ["latency"])) == 8


def test_markdown_is_a_heading_and_a_table(diff: Diff) -> None:
    text = to_markdown(diff, KINDS)
    assert text.startswith("### Regression in the lookup table")
    assert text.count("\n| `") == 8
    assert text.count("\n- ") == len(diff.regressions)
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert to_markdown(Diff(diff.old, diff.old), KINDS).startswith("### No regression")


def test_markdown_takes_a_device_s_name_as_text(
    table: LookupTable,
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
) -> None:
    evil = "![x](http://example.com/x.png) <b>| &lt; www.example.com"
    text = to_markdown(Diff(table, new_table(target=new_target(device=evil))), KINDS)
    assert evil not in text
    assert in_markdown(evil) in text


def test_markdown_lists_twenty_regressions_at_most(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    fast, slow = (new_table(new_entries(40, slowness=factor)) for factor in (1.0, 2.0))
    diff = Diff(fast, slow)
    text = to_markdown(diff, KINDS)
    assert text.count("\n- ") == 21
    assert f"\n- and {len(diff.regressions) - 20} more\n" in text
