"""Everything that is wrong with a file, not only the first of its faults."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from planner.artifacts import check_artifact
from planner.book import read_tables
from planner.errors import PlannerError
from planner.json_file import read_json
from planner.schema import check_all, schema_faults
from planner.table import LookupTable

MAX_FAULTS = 100


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What is in a file, and what is wrong with it."""

    file: str
    num_targets: int
    """0 for a file that can't be read."""
    num_entries: int
    faults: tuple[str, ...]
    """At most 100, one line each; empty for a valid file."""

    @property
    def is_valid(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def check_file(path: Path, artifacts: Path | None = None) -> FileCheck:
    """Check a table or a book against the schema and all rules; never raises PlannerError.

    With `artifacts`, the size and sha256 of each entry's file in that folder are checked, too.
    """
    try:
        tables = read_tables(path)
        for table in tables:
            check_all(table.to_json())
    except PlannerError as error:
        faults = tuple(islice(_schema_faults(path), MAX_FAULTS)) or (str(error),)
        return FileCheck(file=str(path), num_targets=0, num_entries=0, faults=faults)
    return FileCheck(
        file=str(path),
        num_targets=len(tables),
        num_entries=sum(map(len, tables)),
        faults=tuple(islice(_artifact_faults(tables, artifacts), MAX_FAULTS)),
    )


def _schema_faults(path: Path) -> Iterator[str]:
    """The faults that the schema finds; none if the file isn't JSON, or for a rule beyond it."""
    try:
        values: Any = read_json(path)
    except PlannerError:
        return
    if isinstance(values, dict) and isinstance(values.get("tables"), list):
        for index, table in enumerate(values["tables"]):
            yield from (f"{path}: table {index}: {fault}" for fault in schema_faults(table))
    else:
        yield from (f"{path}: {fault}" for fault in schema_faults(values))


def _artifact_faults(tables: tuple[LookupTable, ...], folder: Path | None) -> Iterator[str]:
    if folder is None:
        return
    for table in tables:
        for entry in table:
            try:
                check_artifact(entry, folder)
            except PlannerError as error:
                yield str(error)
