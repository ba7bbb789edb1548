"""A table's entries on another target."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.errors import NasError
from nas.measure.measurements import measure_here
from nas.runtimes import Runtime
from planner import Entry, Latency, LookupTable, Target
from planner.candidate import fields_of
from supernet import Supernet
from supernet.data import Data


def measure(
    table: LookupTable,
    supernet: Supernet,
    data: Data,
    runtime: Runtime,
    *,
    max_s: float = 60.0,
    allow_noisy: bool = False,
) -> LookupTable:
    """Time the entries of `table` in `runtime` on this machine; return its table.

    Args:
        table: of `supernet`; accuracy, MACs and parameters stay as they are in it.
        supernet: in eval mode; it is moved to the runtime's device.
        data: what it was trained on, for calibration.
        runtime: from `nas.runtimes.load_runtime`; it computes in the table's dtype.
        max_s: seconds of timing for all entries together.
        allow_noisy: whether to measure on a busy machine, too, and mark the table.

    Raises NasError where the table is another supernet's, NoisyMachineError like `measure_latency`.
    """
    measurements = measure_here(
        table, supernet, data, runtime, max_s=max_s, allow_noisy=allow_noisy
    )
    return table_of(table, measurements)


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
    entries.sort(key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))
    return replace(table, target=target, protocol=measurements["protocol"], entries=tuple(entries))


def _timed(entry: Entry, measured: Mapping[str, Any], ids: set[str]) -> Entry:
    names = set(fields_of("latency").values()) - {"kind"}
    return replace(
        entry,
        latency=Latency(**{name: measured[name] for name in names}),
        tied_with=tuple(other for other in measured["tied_with"] if other in ids),
        budget_probability=None,
        peak_memory_bytes=measured.get("peak_memory_bytes"),
        energy_mj=measured.get("energy_mj"),
    )
