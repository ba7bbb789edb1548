"""Write a file so that a reader sees the old one or the new one, never half.

Standard library only: the kit for other devices carries this file. Where the planner is installed,
`planner.atomic` is the one to call.
"""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to a temporary file beside `path`, sync it and rename it; OSError as usual."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
