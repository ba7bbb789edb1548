"""`python -m nas.measure`: a table's entries on another target."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.errors import NasError
from planner import Entry, LookupTable, Target


def table_of(table: LookupTable, measurements: Mapping[str, Any]) -> LookupTable:
    """`table` with the target, the protocol and the latencies of measurements.json.

    Accuracy, MACs and parameters stay; memory and energy are the new target's or unknown. Entries
    are ordered by their new latency; none is left out, so one that is on this device neither faster
    nor better than another stays for comparison.

    Raises:
        NasError: the measurements are of another supernet or in another dtype, which would change
            its accuracy, or not of all entries.
    """
    weights = table.supernet["weights_sha256"]
    if measurements.get("weights_sha256") != weights:
        raise NasError(
            "the measurements must be of the table's supernet, but its weights are others; "
            "make a new kit of this run, or give the run of its supernet with --supernet"
        )
    target = Target(**measurements["target"])
    if target.dtype != table.target.dtype:
        raise NasError(
            f"the measurements must be in the table's {table.target.dtype}, which its accuracy "
            f"belongs to, but are in {target.dtype}; search anew with --dtype {target.dtype}"
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
        target=target,
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
        budget_probability=None,
        peak_memory_bytes=latency.get("peak_memory_bytes"),
        energy_mj=latency.get("energy_mj"),
    )
