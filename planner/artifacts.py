"""The files that a table's entries name: found in their own folder only, and checked."""

import hashlib
from pathlib import Path

from planner.entry import Entry
from planner.errors import DamagedTable, InvalidValue

CHUNK = 2**20


def artifact_path(entry: Entry, folder: Path) -> Path:
    """Where the entry's artifact lies; raise InvalidValue if it has none, DamagedTable if away.

    The path may not leave `folder`, not by a symbolic link either.
    """
    if entry.artifact is None:
        raise InvalidValue(
            f"{entry.config_id} must have an artifact, but has none; "
            "make them with python -m nas.export"
        )
    path = folder / entry.artifact.file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DamagedTable(f"{entry.artifact.file} must lie in {folder}, but leads out of it")
    return path


def check_artifact(entry: Entry, folder: Path) -> Path:
    """The artifact's path when its size and sha256 are the table's; else raise DamagedTable."""
    path = artifact_path(entry, folder)
    assert entry.artifact is not None
    try:
        size = path.stat().st_size
        if size != entry.artifact.size_bytes:
            raise DamagedTable(f"{path} must have {entry.artifact.size_bytes} bytes, not {size}")
        digest = sha256_of(path)
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    if digest != entry.artifact.sha256:
        raise DamagedTable(
            f"{path} must have the sha256 {entry.artifact.sha256}, but has {digest}; export again"
        )
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()
