"""Locate the artifacts of a table's entries inside their folder and check their content."""

import hashlib
from pathlib import Path

from planner.entry import Entry
from planner.errors import DamagedTable, InvalidValue

CHUNK = 2**20


def artifact_path(entry: Entry, folder: Path) -> Path:
    """Return the path of the entry's artifact; the file itself need not exist.

    Raises InvalidValue for an entry without an artifact, and DamagedTable for a path that leaves
    `folder`, directly or through a symbolic link.
    """
    if entry.artifact is None:
        raise InvalidValue(
            f"{entry.config_id} must have an artifact, but has none; "
            "export the table with python -m nas.export"
        )
    path = folder / entry.artifact.file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DamagedTable(
            f"{entry.artifact.file} must lie in {folder}, but its path leads out of it"
        )
    return path


def check_size(entry: Entry, folder: Path) -> Path:
    """Return the artifact's path; raise DamagedTable for a file that is missing or another size."""
    path = artifact_path(entry, folder)
    assert entry.artifact is not None
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    if size != entry.artifact.size_bytes:
        raise DamagedTable(f"{path} must have {entry.artifact.size_bytes} bytes, not {size}")
    return path


def check_artifact(entry: Entry, folder: Path) -> Path:
    """Return the artifact's path; raise DamagedTable unless size and sha256 match the table."""
    path = check_size(entry, folder)
    assert entry.artifact is not None
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    if digest != entry.artifact.sha256:
        raise DamagedTable(
            f"{path} must have the sha256 {entry.artifact.sha256}, but has {digest}; export again"
        )
    return path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, reading it in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
