from typing import Any

import pytest
from jsonschema import Draft202012Validator

from planner import DamagedTable, LookupTable, UnknownVersion
from planner.schema import check_all, check_header, check_version, load_schema


def test_the_schema_is_valid_json_schema() -> None:
    Draft202012Validator.check_schema(load_schema())


def test_a_table_fits_it(table: LookupTable) -> None:
    check_all(table.to_json())


@pytest.mark.parametrize(
    ("macs_thop", "error"), [(None, ""), (12, ""), (-1, r"^`supernet\.full_network\.macs_thop`")]
)
def test_a_second_count_of_the_full_network_may_be_there(
    table: LookupTable, macs_thop: int | None, error: str
) -> None:
    values = table.to_json()
    values["supernet"]["full_network"] = {
        "macs": 12,
        "macs_thop": macs_thop,
        "differing_layers": [{"layer": "", "macs": 12, "macs_thop": 0, "reason": "attention"}],
    }
    if not error:
        check_all(values)
        return
    with pytest.raises(DamagedTable, match=error):
        check_header(values)


def test_a_wrong_entry_is_named(table: LookupTable) -> None:
    values = table.to_json()
    values["entries"][3]["top1"] = "high"
    check_header(values)
    with pytest.raises(DamagedTable, match=r"^`entries.3.top1`: 'high' is not"):
        check_all(values)


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None])
def test_what_has_no_version_is_no_table(version: Any) -> None:
    with pytest.raises(DamagedTable, match="schema_version"):
        check_version({"schema_version": version}, 1)


def test_a_later_version_is_refused() -> None:
    check_version({"schema_version": 1}, 1)
    with pytest.raises(UnknownVersion, match="at most 1, but got 2"):
        check_version({"schema_version": 2}, 1)


def test_a_later_minor_version_is_refused_and_an_earlier_one_is_not() -> None:
    for minor in ({}, {"schema_minor": 0}, {"schema_minor": 1}):
        check_version({"schema_version": 1, **minor}, 1, 1)
    with pytest.raises(UnknownVersion, match="`schema_minor` must be at most 1, but got 2"):
        check_version({"schema_version": 1, "schema_minor": 2}, 1, 1)


@pytest.mark.parametrize("minor", [-1, "1", 0.5, None])
def test_a_wrong_minor_version_is_refused(table: LookupTable, minor: object) -> None:
    with pytest.raises(DamagedTable, match="schema_minor"):
        LookupTable.from_json(table.to_json() | {"schema_minor": minor})


def test_a_table_from_before_minor_versions_loads(table: LookupTable) -> None:
    values = table.to_json()
    assert values.pop("schema_minor") == 4
    assert LookupTable.from_json(values) == table
