import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Book, LookupTable, Target
from planner.validation import check_file


@pytest.fixture
def book(new_table: Callable[..., LookupTable], new_target: Callable[..., Target]) -> Book:
    return Book((new_table(), new_table(target=new_target(device="slow CPU"))))


def test_a_valid_file_has_no_faults(tmp_path: Path, book: Book) -> None:
    book.write(tmp_path / "book.json")
    found = check_file(tmp_path / "book.json")
    assert found.is_valid
    assert (found.num_targets, found.num_entries) == (2, 16)


def test_every_fault_of_a_file_is_listed(tmp_path: Path, book: Book) -> None:
    values = book.to_json()
    values["tables"][0]["entries"][3]["macs"] = -1
    values["tables"][1]["entries"][5]["top1"] = 2.0
    values["tables"][1]["splits"] = None
    path = tmp_path / "book.json"
    path.write_text(json.dumps(values))
    found = check_file(path)
    assert not found.is_valid
    assert found.num_targets == 0
    for part in ("table 0: `entries.3.macs`", "table 1: `entries.5.top1`", "table 1: `splits`"):
        assert any(fault.startswith(f"{path}: {part}") for fault in found.faults), found.faults


def test_what_the_schema_can_t_say_is_told_all_the_same(tmp_path: Path, table: LookupTable) -> None:
    values = table.to_json()
    values["entries"].reverse()
    path = tmp_path / "table.json"
    path.write_text(json.dumps(values))
    (fault,) = check_file(path).faults
    assert "`entries` must ascend" in fault


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema_version": 99}', '{"tables": [1, {}]}', "[" * 100_000]
)
def test_nothing_of_a_file_raises(content: str, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(content)
    found = check_file(path)
    assert 0 < len(found.faults) <= 100
    assert all(str(path) in fault and "\n" not in fault for fault in found.faults)
    assert check_file(tmp_path / "missing.json").faults


def test_each_missing_artifact_is_told(tmp_path: Path, table: LookupTable) -> None:
    table.write(tmp_path / "table.json")
    found = check_file(tmp_path / "table.json", tmp_path)
    assert len(found.faults) == len(table)
    assert found.num_entries == len(table)
