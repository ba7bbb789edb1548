"""Open the runs, lookup tables and books of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

from planner import Candidate, DamagedTable, LookupTable, read_candidates, read_tables

TABLE_OF_A_RUN = Path("search") / "lookup_table.json"
CANDIDATES_OF_A_RUN = Path("search") / "candidates.csv"
EXPORTED = Path("artifacts") / "lookup_table.json"
"""What `nas.export RUN` writes beside the artifacts."""
Stamp = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """One table with its candidates and artifacts; compares by identity."""

    table: LookupTable
    candidates: tuple[Candidate, ...]
    """The table's entries, then for a run the other candidates; config_ids are unique."""
    artifacts: Path | None
    """The folder of the table's artifacts; None for an uploaded table, which has no folder."""
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
    if (path / EXPORTED).is_file():
        table = _with_artifacts(table, LookupTable.read(path / EXPORTED))
    csv = path / CANDIDATES_OF_A_RUN
    others = read_candidates(csv) if csv.is_file() else []
    new = tuple(c for c in others if c.config_id not in table.by_config_id)
    return [Source(table, table.entries + new, path / "artifacts", path / TABLE_OF_A_RUN)]


def _with_artifacts(table: LookupTable, exported: LookupTable) -> LookupTable:
    """Add the artifacts of `exported`: they hold weights and a config, whatever was timed since."""
    if table.supernet["weights_sha256"] != exported.supernet["weights_sha256"]:
        return table
    by_id = exported.by_config_id
    entries = tuple(
        replace(entry, artifact=by_id[entry.config_id].artifact)
        if entry.artifact is None and entry.config_id in by_id
        else entry
        for entry in table
    )
    return replace(table, entries=entries)


def under(source: Source, condition: str) -> Source:
    """The source with the latencies of a condition; of its candidates only the table's have them.

    Raises InvalidValue if the table was not measured under it.
    """
    table = source.table.under(condition)
    if table is source.table:
        return source
    return replace(source, table=table, candidates=table.entries)


def stamp(path: Path) -> Stamp:
    """What changes with the files that `path` refers to, even if their times are set back."""
    files = [path, path / TABLE_OF_A_RUN, path / CANDIDATES_OF_A_RUN, path / EXPORTED]
    found = [file.stat() for file in files if file.exists()]
    return tuple(
        number
        for status in found
        for number in (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    )


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
