"""Open what the command line names: a run's folder, a table, a book, or several of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from planner import Candidate, DamagedTable, LookupTable, read_candidates, read_tables

TABLE_OF_A_RUN = Path("search") / "lookup_table.json"


@dataclass(frozen=True, eq=False)
class Source:
    """One table with what belongs to it; equal to itself only."""

    table: LookupTable
    candidates: tuple[Candidate, ...]
    """The table's entries and, of a run, whatever else the search tried; config_ids differ."""
    artifacts: Path
    """The folder in which the table's artifacts are looked for."""
    path: Path
    """The file the table came from."""


def open_path(path: Path) -> list[Source]:
    """The tables of a run's folder or of a file; raise TableError with what to do."""
    if not path.is_dir():
        tables = read_tables(path)
        return [Source(table, table.entries, path.parent, path) for table in tables]
    if not (path / TABLE_OF_A_RUN).is_file():
        raise DamagedTable(
            f"{path} must be a run with {TABLE_OF_A_RUN}, but has none; "
            f"make one with python -m nas.search --out {path}"
        )
    table = LookupTable.read(path / TABLE_OF_A_RUN)
    tried = path / "search" / "candidates.csv"
    others = read_candidates(tried) if tried.is_file() else []
    new = tuple(c for c in others if c.config_id not in table.by_config_id)
    return [Source(table, table.entries + new, path / "artifacts", path / TABLE_OF_A_RUN)]


def open_paths(paths: Sequence[Path]) -> list[Source]:
    """All tables of all paths, in order; raise TableError for the first that can't be read."""
    return [source for path in paths for source in open_path(path)]


def unique_names(sources: Sequence[Source]) -> list[str]:
    """A name for each source: of several, only what tells them apart and the runtime.

    Those that still repeat get their file or their number as well.
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
