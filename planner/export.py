"""Export a table as JSON, CSV or Markdown, or with pandas as a DataFrame or Parquet."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.accuracy import Accuracy
from planner.atomic import write_atomically
from planner.candidates_csv import widths_to_text
from planner.entry import ENTRY_FIELDS, Entry
from planner.errors import InvalidValue, shown
from planner.plain_text import in_csv, in_markdown
from planner.table import LookupTable, to_text

if TYPE_CHECKING:
    from pandas import DataFrame

ARTIFACT_COLUMNS = ("artifact_file", "artifact_sha256")
FLAT_FIELDS = tuple(name for name in ENTRY_FIELDS if name not in ("artifact", "conditions"))
MARKDOWN: dict[str, Callable[[Entry], str]] = {
    "config": lambda entry: f"`{entry.config_id}`",
    "top1, %": lambda entry: f"{entry.accuracy.top1:.2%}".rstrip("%"),
    "95 % interval": lambda entry: _percent_interval(entry.accuracy),
    "p50, ms": lambda entry: f"{entry.latency.p50_ms:.4g}",
    "p90, ms": lambda entry: f"{entry.latency.p90_ms:.4g}",
    "p99, ms": lambda entry: f"{entry.latency.p99_ms:.4g}",
    "MMACs": lambda entry: f"{entry.macs / 1e6:.4g}",
    "parameters": lambda entry: f"{entry.num_params:,}",
}


def _percent_interval(accuracy: Accuracy) -> str:
    return f"{accuracy.top1_low * 100:.2f}-{accuracy.top1_high * 100:.2f}"


def to_row(entry: Entry) -> dict[str, Any]:
    """Flatten an entry: widths and ties as text, the artifact as its file and sha256.

    Latencies under other conditions are left out: export `table.under(condition)` for these.
    """
    row = entry.values()
    artifact, _ = row.pop("artifact"), row.pop("conditions")
    row["width_mults"] = widths_to_text(row["width_mults"])
    row["tied_with"] = " ".join(entry.tied_with)
    return row | {
        "artifact_file": artifact.file if artifact else None,
        "artifact_sha256": artifact.sha256 if artifact else None,
    }


def to_csv(table: LookupTable) -> bytes:
    """Return the entries as CSV, one column per value; unknown values are empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*FLAT_FIELDS, *ARTIFACT_COLUMNS], lineterminator="\n")
    writer.writeheader()
    for entry in table:
        writer.writerow({name: in_csv(value) for name, value in to_row(entry).items()})
    return stream.getvalue().encode("ascii")


def to_json(table: LookupTable) -> bytes:
    """Return the content of the lookup table's JSON file."""
    return to_text(table.to_json()).encode("ascii")


def to_markdown(table: LookupTable) -> bytes:
    """Return the entries as a Markdown table below a line that describes the target."""
    target = table.target
    head = [
        in_markdown(
            f"{target.device}, {target.runtime} {target.runtime_version}, "
            f"batch {target.batch_size}, {target.dtype}"
        ),
        "",
        "| " + " | ".join(MARKDOWN) + " |",
        "|---" + "|---:" * (len(MARKDOWN) - 1) + "|",
    ]
    rows = ["| " + " | ".join(show(e) for show in MARKDOWN.values()) + " |" for e in table]
    return ("\n".join([*head, *rows]) + "\n").encode("utf-8")


def to_frame(table: LookupTable) -> "DataFrame":
    """Return the entries as a pandas DataFrame, one row per entry; needs pandas."""
    from pandas import DataFrame

    rows = [to_row(entry) for entry in table]
    return DataFrame(rows, columns=[*FLAT_FIELDS, *ARTIFACT_COLUMNS])


def to_parquet(table: LookupTable) -> bytes:
    """Return the DataFrame as Parquet; needs pandas and pyarrow."""
    return to_frame(table).to_parquet(index=False)


FORMATS: dict[str, Callable[[LookupTable], bytes]] = {
    ".json": to_json,
    ".csv": to_csv,
    ".md": to_markdown,
    ".parquet": to_parquet,
}


def export(table: LookupTable, path: str | Path) -> None:
    """Write the table in the format of the file's suffix; raise InvalidValue for an unknown one."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InvalidValue(
            f"the file must end with one of {', '.join(FORMATS)}, but got {shown(path.name)}"
        )
    try:
        content = FORMATS[path.suffix](table)
    except ImportError as error:
        raise InvalidValue(f"{path.suffix} needs pandas and pyarrow: {error}") from error
    write_atomically(path, content)
