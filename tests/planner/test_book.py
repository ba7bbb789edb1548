import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Book, DamagedTable, Entry, InvalidValue, LookupTable, Target, read_tables


@pytest.fixture
def book(
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
    new_entries: Callable[..., tuple[Entry, ...]],
) -> Book:
    slow = new_table(new_entries(8, slowness=3.0), target=new_target(device="slow CPU"))
    return Book((new_table(), slow))


def test_a_file_gives_the_book_back(tmp_path: Path, book: Book) -> None:
    book.write(tmp_path / "book.json")
    assert read_tables(tmp_path / "book.json") == book.tables
    assert next(iter(json.loads((tmp_path / "book.json").read_text()))) == "schema_version"
    assert Book.from_json(book.to_json()) == book


def test_a_table_is_read_as_one(tmp_path: Path, table: LookupTable) -> None:
    table.write(tmp_path / "table.json")
    assert read_tables(tmp_path / "table.json") == (table,)


def test_other_weights_are_refused(new_table: Callable[..., LookupTable]) -> None:
    table = new_table()
    other = new_table(supernet=dict(table.supernet) | {"weights_sha256": "00" * 32})
    with pytest.raises(InvalidValue, match="must come from one supernet"):
        Book((table, other))


def test_one_target_twice_is_refused(table: LookupTable) -> None:
    with pytest.raises(InvalidValue, match="different targets"):
        Book((table, table))


def test_an_empty_book_is_refused() -> None:
    with pytest.raises(InvalidValue, match="1 to 100 tables"):
        Book(())


def test_damage_is_told_with_the_table_and_the_entry(tmp_path: Path, book: Book) -> None:
    values = book.to_json()
    values["tables"][1]["entries"][2]["macs"] = -1
    path = tmp_path / "book.json"
    path.write_text(json.dumps(values))
    with pytest.raises(DamagedTable) as caught:
        read_tables(path)
    assert str(caught.value) == (
        f"{path}: table 1: entry 2: `macs` must be a whole number, 0 or more, but got -1"
    )


@pytest.mark.parametrize(
    "changes", [{"tables": {}}, {"tables": []}, {"tables": [{}] * 101}, {"more": 1}]
)
def test_what_is_no_book_is_refused(book: Book, changes: dict[str, object]) -> None:
    with pytest.raises(DamagedTable, match="a book must have"):
        Book.from_json(book.to_json() | changes)


def test_a_path_may_be_text(tmp_path: Path, book: Book) -> None:
    path = str(tmp_path / "book.json")
    book.write(path)
    assert read_tables(path) == book.tables
    book.tables[0].write(str(tmp_path / "table.json"))
    assert LookupTable.read(str(tmp_path / "table.json")) == book.tables[0]
