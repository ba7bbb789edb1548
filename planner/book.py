"""Book: the lookup tables of one supernet on several targets, in one JSON file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.atomic import write_atomically
from planner.collector import paused_collector
from planner.errors import DamagedTable, InvalidValue, PlannerError, shown
from planner.json_file import read_json
from planner.schema import check_version
from planner.table import SCHEMA_VERSION, LookupTable, to_text

MAX_TABLES = 100


@dataclass(frozen=True)
class Book:
    """Tables of one supernet on different targets; raises InvalidValue for any other tables."""

    tables: tuple[LookupTable, ...]

    def __post_init__(self) -> None:
        """Raise InvalidValue for no tables, differing weights or a repeated target."""
        if not 0 < len(self.tables) <= MAX_TABLES:
            raise InvalidValue(f"a book must have 1 to {MAX_TABLES} tables, not {len(self.tables)}")
        weights = {table.supernet["weights_sha256"] for table in self.tables}
        if len(weights) != 1:
            raise InvalidValue(
                "the tables of a book must come from one supernet, but their `weights_sha256` are "
                + ", ".join(sorted(digest[:12] for digest in weights))
            )
        if len({table.target for table in self.tables}) != len(self.tables):
            raise InvalidValue("the tables of a book must have different targets, but one repeats")

    def __iter__(self) -> Iterator[LookupTable]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def to_json(self) -> dict[str, Any]:
        """Return the book as JSON values, `schema_version` first."""
        tables = [table.to_json() for table in self.tables]
        return {"schema_version": SCHEMA_VERSION, "tables": tables}

    @classmethod
    def from_json(cls, values: Any) -> "Book":
        """The inverse of `to_json`; raise DamagedTable or UnknownVersion."""
        check_version(values, SCHEMA_VERSION)
        tables = values.get("tables")
        if values.keys() != {"schema_version", "tables"} or not isinstance(tables, list):
            raise DamagedTable(
                "a book must have `schema_version` and a list of `tables`, "
                f"but got {shown(sorted(values))}"
            )
        if len(tables) > MAX_TABLES:
            raise DamagedTable(f"a book must have 1 to {MAX_TABLES} tables, not {len(tables)}")
        read: list[LookupTable] = []
        try:
            read.extend(map(LookupTable.from_json, tables))
        except PlannerError as error:
            raise type(error)(f"table {len(read)}: {error}") from error
        try:
            return cls(tuple(read))
        except InvalidValue as error:
            raise DamagedTable(str(error)) from error

    def write(self, path: str | Path) -> None:
        """Write the file atomically, one entry per line."""
        tables = ",\n".join(to_text(table.to_json()).strip() for table in self.tables)
        text = f'{{\n"schema_version": {SCHEMA_VERSION},\n"tables": [\n{tables}\n]\n}}\n'
        write_atomically(Path(path), text.encode("ascii"))


@paused_collector()
def read_tables(path: str | Path) -> tuple[LookupTable, ...]:
    """Read a lookup table or all tables of a book; raises TableError."""
    path = Path(path)
    values = read_json(path)
    try:
        if isinstance(values, Mapping) and "tables" in values:
            return Book.from_json(values).tables
        return (LookupTable.from_json(values),)
    except PlannerError as error:
        raise type(error)(f"{path}: {error}") from error


def read_all(paths: Iterable[str | Path]) -> tuple[LookupTable, ...]:
    """Read the tables of several files, in order; raises TableError."""
    return tuple(table for path in paths for table in read_tables(path))
