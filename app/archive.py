"""Zip the artifacts of some entries with their table, piece by piece: no more is held in memory."""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from planner import DamagedTable, Entry, LookupTable
from planner.artifacts import CHUNK, artifact_path, check_size
from planner.export import to_json

OLDEST = (1980, 1, 1, 0, 0, 0)
"""A zip of the same table is the same to the byte."""


def part_of(table: LookupTable, config_ids: Sequence[str]) -> LookupTable:
    """Reduce the table to these entries and the ties between them."""
    kept = set(config_ids)
    entries = tuple(
        replace(entry, tied_with=tuple(name for name in entry.tied_with if name in kept))
        for entry in table
        if entry.config_id in kept
    )
    return replace(table, entries=entries)


def check_sizes(table: LookupTable, folder: Path) -> int:
    """Return the bytes of all artifacts; DamagedTable for one that is missing or of another size.

    Reads no file: what each one holds is checked while it is sent.
    """
    for entry in table:
        check_size(entry, folder)
    return sum(entry.artifact.size_bytes for entry in table if entry.artifact)


class _Sent(io.RawIOBase):
    """What zipfile writes, until it is taken."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def zipped(table: LookupTable, folder: Path) -> Iterator[bytes]:
    """Yield a zip of lookup_table.json and every entry's artifact, named as in the table.

    Raises DamagedTable, which ends a download unfinished, for a file that doesn't match the table.
    """
    sent = _Sent()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr(zipfile.ZipInfo("lookup_table.json", OLDEST), to_json(table))
        for entry in table:
            assert entry.artifact is not None
            name = zipfile.ZipInfo(entry.artifact.file, OLDEST)
            name.file_size = entry.artifact.size_bytes
            with archive.open(name, "w") as member:
                for piece in _checked(entry, folder):
                    member.write(piece)
                    yield sent.take()
    yield sent.take()


def _checked(entry: Entry, folder: Path) -> Iterator[bytes]:
    """The pieces of the entry's artifact; DamagedTable after the last if they aren't its own."""
    path = artifact_path(entry, folder)
    assert entry.artifact is not None
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(CHUNK):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    if digest.hexdigest() != entry.artifact.sha256:
        raise DamagedTable(
            f"{path} must have the sha256 {entry.artifact.sha256}, but has {digest.hexdigest()}; "
            "export again"
        )


def with_artifacts(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that have an artifact."""
    return [entry for entry in entries if entry.artifact is not None]
