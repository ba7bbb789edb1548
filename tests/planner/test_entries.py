import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planner import DamagedTable, Entry, InvalidValue
from planner.entries import _are_valid, _columns, read_entries
from planner.entry import ENTRY_FIELDS

Entries = Callable[..., tuple[Entry, ...]]

VALUES = st.sampled_from(
    [None, True, False, 0, 1, -1, 0.5, 0.0, 2, 1e300, float("nan"), float("inf"), 2**63, 2**63 - 1]
) | st.sampled_from(
    ["", "a", "a\n", "grid", "predicted", [], [1], [0.5, True], [0], ["a", "a"], ["a"], {}, "../a"]
)


def test_entries_read_together_equal_entries_read_one_by_one(new_entries: Entries) -> None:
    rows = [entry.to_json() for entry in new_entries(20)]
    rows[3] |= {"budget_probability": 0.5}
    rows[4] |= {"budget_probability": 0.5, "energy_mj": 2.0}
    columns = _columns(rows)
    assert columns is not None
    assert _are_valid(columns)
    entries = read_entries(rows)
    assert entries == tuple(map(Entry.from_json, rows))
    assert [entry.to_json() for entry in entries] == rows
    assert read_entries([]) == ()


@given(
    changes=st.dictionaries(st.sampled_from(ENTRY_FIELDS), VALUES, max_size=2),
    dropped=st.sampled_from([*ENTRY_FIELDS, ""]),
    row=st.integers(0, 2),
)
@example(changes={"dtype": []}, dropped="", row=0)
def test_checking_together_accepts_nothing_that_checking_one_by_one_refuses(
    changes: dict[str, Any], dropped: str, row: int
) -> None:
    rows = json.loads(THREE)
    rows[row] |= changes
    rows[row].pop(dropped, None)
    columns = _columns(rows)
    together = columns is not None and _are_valid(columns)
    try:
        alone = tuple(map(Entry.from_json, rows))
    except InvalidValue:
        assert not together
        with pytest.raises(DamagedTable, match=f"^entry {row}: "):
            read_entries(rows)
    else:
        assert read_entries(rows) == alone


THREE = json.dumps(
    [
        {
            "config_id": f"w1-r{index}",
            "origin": "grid",
            "width_mults": [1.0],
            "resolution": 28,
            "top1": 0.9,
            "top1_low": 0.8,
            "top1_high": 0.95,
            "macs": 100,
            "num_params": 10,
            "latency_p50_ms": 1.0,
            "latency_p90_ms": 1.0,
            "latency_p99_ms": 1.0,
            "latency_p50_low_ms": 1.0,
            "latency_p50_high_ms": 1.0,
            "num_samples": 10,
            "kind": "measured",
            "peak_memory_bytes": None,
            "top1_selection": 0.9,
            "tied_with": [],
            "artifact": None,
        }
        for index in range(3)
    ]
)


@pytest.mark.parametrize("rows", [[None], ["entry"], [{}], [[]]])
def test_what_is_no_object_of_an_entry_is_refused(rows: list[Any]) -> None:
    with pytest.raises(DamagedTable, match=r"^entry 0: an entry must"):
        read_entries(rows)
