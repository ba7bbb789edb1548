"""Open the runs, lookup tables and books of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from planner import Candidate, DamagedTable, LookupTable, read_candidates, read_tables

TABLE_OF_A_RUN = Path("search") / "lookup_table.json"


@dataclass(frozen=True, eq=False)
class Source:
    """One table with its candidates and artifacts; compares by identity."""

    table: LookupTable
    candidates: tuple[Candidate, ...]
    """The table's entries, then for a run the other candidates; config_ids are unique."""
    artifacts: Path
    """The folder of the table's artifacts."""
    path: Path
    """The file that the table was read from."""


def open_path(path: Path) -> list[Source]:
    """Open the tables of a run's folder or of a file; raises TableError."""
    if not path.is_dir():
        tables = read_tables(path)
        return [Source(table, table.entries, path.parent, path) for table in tables]
    if not (path / TABLE_OF_A_RUN).is_file():
        raise DamagedTable(
            f"{path} must be a run with {TABLE_OF_A_RUN}, but has none; "
            f"make one with python -m nas.search --out {path}"
        )
    table = LookupTable.read(path / TABLE_OF_A_RUN)
    csv = path / "search" / "candidates.csv"
    others = read_candidates(csv) if csv.is_file() else []
    new = tuple(c for c in others if c.config_id not in table.by_config_id)
    return [Source(table, table.entries + new, path / "artifacts", path / TABLE_OF_A_RUN)]


def open_paths(paths: Sequence[Path]) -> list[Source]:
    """Open the tables of all paths, in order; TableError for the first unreadable one."""
    return [source for path in paths for source in open_path(path)]


def unique_names(sources: Sequence[Source]) -> list[str]:
    """Name each source by its target; with several, only by distinguishing traits and runtime.

    Repeated names are extended by the file and, if necessary, by a number.
    """
    traits: list[tuple[str, ...]] = [source.table.target.traits for source in sources]
    columns = [len(set(column)) > 1 for column in zip(*traits, strict=True)]
    if len(sources) > 1 and any(columns):
        columns[1] = True
        traits = [tuple(compress(each, columns)) for each in traits]
    names = [", ".join(each) for each in traits]
    if len(set(names)) < len(names):
        names = [f"{name} ({s.path})" for name, s in zip(names, sources, strict=True)]
    return [
        f"{name} #{index + 1}" if names.count(name) > 1 else name
        for index, name in enumerate(names)
    ]
