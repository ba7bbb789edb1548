"""Tables that were dropped on the page: read for this session only, and never written to it."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from app.opening import Source, open_path
from planner import TableError


class Upload(Protocol):
    """A file that the browser sent."""

    name: str
    file_id: str

    def getvalue(self) -> bytes:
        """All its bytes."""


class Uploaded(NamedTuple):
    """The sources of the files that could be read, and what was wrong with the others."""

    sources: list[Source]
    errors: list[str]


def open_uploads(uploads: Sequence[Upload]) -> Uploaded:
    """Open each file as a lookup table or a book; without artifacts, which weren't sent."""
    found = Uploaded([], [])
    for upload in uploads:
        try:
            found.sources.extend(_opened(upload.file_id, upload.name, upload.getvalue()))
        except TableError as error:
            found.errors.append(str(error))
    return found


@lru_cache(maxsize=16)
def _opened(file_id: str, name: str, content: bytes) -> tuple[Source, ...]:
    """Read a file again only where the browser sends it again, which has another `file_id`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.json"
        path.write_bytes(content)
        try:
            sources = open_path(path)
        except TableError as error:
            raise type(error)(str(error).replace(str(path), name)) from error
    own = Path(Path(name).name)
    return tuple(replace(source, artifacts=None, path=own) for source in sources)
