"""Read untrusted JSON: bounded in size and memory, and unambiguous."""

import json
import stat
from pathlib import Path
from typing import NoReturn

from planner.errors import DamagedTable, shown

MAX_BYTES = 128 * 2**20
# One of these precedes every value but the first; 100,000 entries have 3 million.
MARKS = (b",", b"[", b"{")
MAX_MARKS = 6_000_000


def read_json(path: Path) -> object:
    """Read the value in a file; raise DamagedTable unless it is plain, finite, unambiguous JSON.

    Rejects files over 128 MiB or 6 million values, NaN and Infinity, duplicate keys, text that
    isn't UTF-8 and anything but a regular file. `check_storable` finds overflowing numbers and
    lone surrogates.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DamagedTable(f"{path} must be a file, but it is a folder or a device")
        if status.st_size > MAX_BYTES:
            raise DamagedTable(
                f"{path} must have at most {MAX_BYTES} bytes, but it has {status.st_size}"
            )
        return parse_json(path.read_bytes())
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    except DamagedTable as error:
        raise DamagedTable(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def parse_json(content: bytes) -> object:
    """Parse `content`; raises DamagedTable as `read_json` does."""
    num_marks = sum(map(content.count, MARKS))
    if num_marks > MAX_MARKS:
        raise DamagedTable(f"it must have at most {MAX_MARKS} values, but it has {num_marks}")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_not_finite,
        )
    except DamagedTable:
        raise
    except RecursionError as error:
        raise DamagedTable("it must be JSON, but it is nested too deeply") from error
    except ValueError as error:
        raise DamagedTable(f"it must be JSON, but {_one_line(error)}") from error
    return value


def _one_line(error: ValueError) -> str:
    if isinstance(error, UnicodeError):
        return "it isn't UTF-8"
    return str(error).partition("\n")[0][:200]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise DamagedTable(f"keys must be unique, but one repeats in {shown(sorted(values))}")
    return values


def _not_finite(text: str) -> NoReturn:
    raise DamagedTable(f"numbers must be finite, but got {text}")


def check_storable(value: object) -> None:
    """Raise DamagedTable for an infinite number (1e999 parses as one) or a lone surrogate."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise DamagedTable("text must be valid Unicode, but one has a lone surrogate") from error
    except ValueError as error:
        raise DamagedTable("numbers must be finite, but one is too large") from error
