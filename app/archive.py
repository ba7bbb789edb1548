"""Zip the artifacts of some entries with their table, in memory."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from planner import Entry, InvalidValue, LookupTable
from planner.artifacts import check_artifact
from planner.export import to_json

MAX_BYTES = 500 * 10**6


def part_of(table: LookupTable, config_ids: Sequence[str]) -> LookupTable:
    """Reduce the table to these entries and the ties between them."""
    kept = set(config_ids)
    entries = tuple(
        replace(entry, tied_with=tuple(name for name in entry.tied_with if name in kept))
        for entry in table
        if entry.config_id in kept
    )
    return replace(table, entries=entries)


def zipped(table: LookupTable, folder: Path) -> bytes:
    """Return a zip of lookup_table.json and every entry's artifact, named as in the table.

    Raises InvalidValue over 500 MB or for an entry without an artifact, and DamagedTable for a
    file that doesn't match the table.
    """
    size = sum(entry.artifact.size_bytes for entry in table if entry.artifact is not None)
    if size > MAX_BYTES:
        raise InvalidValue(
            f"a zip must be at most {MAX_BYTES / 1e6:.0f} MB, but these artifacts take "
            f"{size / 1e6:.0f} MB; choose fewer entries"
        )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("lookup_table.json", to_json(table))
        for entry in table:
            path = check_artifact(entry, folder)
            assert entry.artifact is not None
            archive.write(path, entry.artifact.file)
    return stream.getvalue()


def with_artifacts(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that have an artifact."""
    return [entry for entry in entries if entry.artifact is not None]
