"""What a table has of conditions; nas.measure measures them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from planner import Entry, InvalidValue, Latency, Limits, LookupTable, Selector, select
from planner.conditions import are_conditions, conditions_from_json, conditions_to_json
from planner.schema import check_all, load_schema


def latency(p50_ms: float) -> Latency:
    return Latency(
        p50_ms=p50_ms,
        p90_ms=p50_ms * 2,
        p99_ms=p50_ms * 3,
        p50_low_ms=p50_ms * 0.9,
        p50_high_ms=p50_ms * 1.1,
        num_samples=20,
    )


@pytest.fixture
def measured(table: LookupTable) -> LookupTable:
    """Under `after_pause` the order is the other way round; the last entry was not measured."""
    *most, last = table.entries
    entries = [
        replace(entry, conditions={"after_pause": latency(40.0 - index), "contended": latency(7)})
        for index, entry in enumerate(most)
    ]
    return replace(table, entries=(*entries, last))


def test_json_gives_the_latencies_back() -> None:
    given = {"after_pause": latency(2.0), "first_call": latency(80.0)}
    values = json.loads(json.dumps(conditions_to_json(given)))
    assert values["after_pause"]["latency_p50_ms"] == 2.0
    assert conditions_from_json(values) == given
    assert are_conditions(given)
    assert not are_conditions(values)


GOOD = conditions_to_json({"x": latency(1.0)})["x"]


@pytest.mark.parametrize(
    "values",
    [
        [],
        None,
        {"x": None},
        {"x": {}},
        {"x": {"latency_p50_ms": 1.0}},
        {"x": GOOD | {"more": 1}},
        {"x": GOOD | {"latency_p50_ms": -1.0}},
        {"x": GOOD | {"num_samples": 1.5}},
        {"../x": GOOD},
        {"": GOOD},
    ],
)
def test_what_is_wrong_is_refused_by_the_entry_and_by_the_schema(
    new_entry: Callable[..., Entry], values: Any
) -> None:
    entry = new_entry().to_json() | {"conditions": values}
    with pytest.raises(InvalidValue) as error:
        Entry.from_json(entry)
    assert "\n" not in str(error.value)
    schema = load_schema()["$defs"]["entry"] | {"$defs": load_schema()["$defs"]}
    assert not Draft202012Validator(schema).is_valid(entry)


def test_a_wrong_latency_is_named(new_entry: Callable[..., Entry]) -> None:
    values = {"after_pause": GOOD | {"latency_p90_ms": 0.5}}
    with pytest.raises(InvalidValue, match="under 'after_pause': `latency_p50_ms <= "):
        Entry.from_json(new_entry().to_json() | {"conditions": values})


def test_a_file_gives_the_table_back(measured: LookupTable, tmp_path: Path) -> None:
    measured.write(tmp_path / "x.json")
    assert LookupTable.read(tmp_path / "x.json") == measured
    check_all(measured.to_json())
    assert measured.conditions == ("steady", "after_pause", "contended")
    assert "conditions" not in measured.entries[-1].to_json()
    assert hash(measured.entries[0]) == hash(replace(measured.entries[0], conditions={}))


def test_an_entry_must_not_name_the_tables_own_condition_again(table: LookupTable) -> None:
    entries = [replace(entry, conditions={"steady": latency(1.0)}) for entry in table]
    with pytest.raises(InvalidValue, match=r"`conditions` of .* must not repeat the table's own"):
        replace(table, entries=tuple(entries))


def test_under_a_condition_it_is_a_table_of_those_latencies(measured: LookupTable) -> None:
    under = measured.under("after_pause")
    assert [entry.config_id for entry in under] == [
        entry.config_id for entry in reversed(measured.entries[:-1])
    ]
    assert under.condition == "after_pause"
    assert under.entries[0].latency == latency(40.0 - len(under) + 1)
    assert all(entry.tied_with == () for entry in under)
    assert LookupTable.from_json(under.to_json()) == under
    check_all(under.to_json())


def test_nothing_is_lost_on_the_way_back(measured: LookupTable) -> None:
    back = measured.under("after_pause").under("contended").under("steady")
    assert [e.latency for e in back] == [e.latency for e in measured.entries[:-1]]
    assert [e.conditions for e in back] == [e.conditions for e in measured.entries[:-1]]
    assert measured.under("steady") is measured


def test_a_condition_that_was_not_measured_is_refused(measured: LookupTable) -> None:
    with pytest.raises(InvalidValue) as error:
        measured.under("sustained")
    assert str(error.value) == (
        "the condition must be one that was measured, steady, after_pause, contended, "
        "but got 'sustained'; measure it with python -m nas.measure --conditions"
    )


@pytest.mark.parametrize("wrong", [-0.1, "0.1", None])
def test_a_wrong_spread_is_refused(table: LookupTable, wrong: object) -> None:
    measured = {"conditions": {"repeated": {"session_spread": wrong}}}
    with pytest.raises(InvalidValue, match=r"`protocol.conditions.repeated.session_spread`"):
        replace(table, protocol={**table.protocol, **measured})


def test_selecting_under_a_condition_is_selecting_from_that_table(measured: LookupTable) -> None:
    under = measured.under("after_pause")
    assert select(under, Limits(max_latency_ms=40.0)).accuracy.top1 == max(
        entry.accuracy.top1 for entry in measured.entries[:-1]
    )
    assert len(Selector(under).front) == 1  # the fastest after a pause is the most accurate
    assert len(Selector(measured).front) == len(measured)
