"""candidates.csv: one row per candidate, one column per value, widths as `0.25_0.5_1`."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from planner.atomic import write_atomically
from planner.candidate import LATER, VALUES, Candidate
from planner.errors import DamagedTable, InvalidValue, shown

COLUMNS = tuple(VALUES)
TEXTS = ("config_id", "origin", "kind")
COUNTS = ("resolution", "macs", "num_params", "num_samples")


def widths_to_text(width_mults: Iterable[float]) -> str:
    """Format `(0.25, 0.5, 1.0)` as `0.25_0.5_1`; `widths_from_text` restores the exact numbers."""
    return "_".join(repr(float(width)).removesuffix(".0") for width in width_mults)


def widths_from_text(text: str) -> tuple[float, ...]:
    """The inverse of `widths_to_text`; raises ValueError for a part that isn't a number."""
    return tuple(float(part) for part in text.split("_"))


def to_row(candidate: Candidate) -> dict[str, str]:
    """Convert a candidate to text by column; unknown values become empty strings."""
    row = candidate.values()
    row["width_mults"] = widths_to_text(row["width_mults"])
    return {name: "" if row[name] is None else str(row[name]) for name in COLUMNS}


def _parser(name: str) -> Callable[[str], object]:
    if name in TEXTS:
        return str
    if name in COUNTS:
        return int
    if name == "width_mults":
        return widths_from_text
    if name == "peak_memory_bytes":
        return lambda text: int(text) if text else None
    if name == "dtype":
        return lambda text: text or None
    return float


PARSERS = {name: _parser(name) for name in COLUMNS}


def from_row(row: Mapping[str, str]) -> Candidate:
    """Parse one row; raise InvalidValue that names the invalid column."""
    values: dict[str, object] = {}
    row = dict.fromkeys(LATER, "") | dict(row)
    for name, parse in PARSERS.items():
        try:
            values[name] = parse(row[name])
        except (KeyError, ValueError, TypeError) as error:
            got = shown(row.get(name))
            raise InvalidValue(f"column `{name}` must hold a valid value, but got {got}") from error
    return Candidate.from_values(**values)


def write_candidates(path: str | Path, candidates: Iterable[Candidate]) -> None:
    """Write candidates.csv atomically, in the given order."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(to_row, candidates))
    write_atomically(Path(path), stream.getvalue().encode("ascii"))


def read_candidates(path: str | Path) -> list[Candidate]:
    """Read candidates in file order; raise DamagedTable that names the invalid line."""
    path = Path(path)
    found: dict[str, Candidate] = {}
    line = 1
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            for row in rows:
                line = rows.line_num
                candidate = from_row(row)
                if candidate.config_id in found:
                    raise InvalidValue(f"`config_id` {candidate.config_id} must occur once")
                found[candidate.config_id] = candidate
    except OSError as error:
        raise DamagedTable(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise DamagedTable(f"{path}, line {line}: {error}") from error
    return list(found.values())
