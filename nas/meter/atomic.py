"""Atomic file writes: a reader sees the old content or the new content, never a partial file.

Standard library only, because the kit packs this file. Code that can import the planner uses
`planner.atomic` instead.
"""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to a temporary file beside `path`, sync it and rename it.

    Raises OSError where the folder is missing or cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
