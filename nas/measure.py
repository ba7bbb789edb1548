"""`python -m nas.measure`: a table's entries on another target."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.errors import NasError
from planner import Entry, LookupTable, PlannerError, Target

EXAMPLE = """example:
  python -m nas.kit runs/default --out kit.zip          and on the device: python measure.py
  python -m nas.measure runs/default/search/lookup_table.json --from measurements.json --out pi.json
"""


def table_of(table: LookupTable, measurements: Mapping[str, Any]) -> LookupTable:
    """`table` with the target, the protocol and the latencies of measurements.json.

    Accuracy and cost stay. Entries are ordered by their new latency; none is left out, so one that
    is on this device neither faster nor better than another stays for comparison.

    Raises:
        NasError: the measurements are of another supernet, or not of all entries.
    """
    weights = table.supernet["weights_sha256"]
    if measurements.get("weights_sha256") != weights:
        raise NasError(
            "the measurements must be of the table's supernet, but its weights are others; "
            "make a new kit of this run"
        )
    latencies = measurements.get("latencies", {})
    missing = [entry.config_id for entry in table if entry.config_id not in latencies]
    if missing:
        raise NasError(
            f"the measurements must hold every entry, but {missing[0]} is missing; "
            "make a new kit of this run"
        )
    ids = {entry.config_id for entry in table}
    entries = [_timed(entry, latencies[entry.config_id], ids) for entry in table]
    return replace(
        table,
        target=Target(**measurements["target"]),
        protocol=measurements["protocol"],
        entries=tuple(sorted(entries, key=lambda entry: (entry.latency_p50_ms, entry.top1))),
    )


def _timed(entry: Entry, latency: Mapping[str, Any], ids: set[str]) -> Entry:
    return replace(
        entry,
        latency_p50_ms=latency["p50_ms"],
        latency_p90_ms=latency["p90_ms"],
        latency_p99_ms=latency["p99_ms"],
        latency_p50_low_ms=latency["p50_low_ms"],
        latency_p50_high_ms=latency["p50_high_ms"],
        num_samples=latency["num_samples"],
        tied_with=tuple(other for other in latency["tied_with"] if other in ids),
        kind="measured",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise NasError(
            f"{path} must be the measurements.json of a kit, but is no JSON: {error}"
        ) from error
    if not isinstance(values, dict) or not {"target", "protocol", "latencies"} <= values.keys():
        raise NasError(f"{path} must be the measurements.json of a kit, but lacks its fields")
    return values


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.measure",
        description="Make the lookup table of a device that has measured a kit (nas.kit).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, metavar="TABLE", help="the lookup table that the kit was made of")
    add("--from", type=Path, required=True, dest="measurements", metavar="FILE")
    add("--out", type=Path, required=True, metavar="TABLE2")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        table = table_of(LookupTable.read(args.table), _read(args.measurements))
        table.write(args.out)
    except (NasError, PlannerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written: {args.out}, {len(table)} entries on {table.target.device}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
