"""Creates the lookup table of another target from new measurements of a table's entries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.errors import NasError
from nas.measure.measurements import measure_here
from nas.runtimes import Runtime
from nas.runtimes.from_pixels import INPUT_FORM
from planner import Accuracy, Entry, Latency, LookupTable, Preprocessing, Target
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
    """Time the entries of `table` in `runtime` on this machine; return the new table.

    Args:
        table: a table of `supernet`; its MACs and parameters are kept, and its accuracy in the same
            dtype. In another, the accuracy is that of the networks that are timed.
        supernet: in eval mode; it is moved to the runtime's device.
        data: the data it was trained on, for calibration.
        runtime: from `nas.runtimes.load_runtime`.
        max_s: seconds of timing for all entries together.
        allow_noisy: whether to measure even on a busy machine, and mark the table as noisy.

    Raises NasError if the table belongs to another supernet, NoisyMachineError like
    `measure_latency`.
    """
    measurements = measure_here(
        table, supernet, data, runtime, max_s=max_s, allow_noisy=allow_noisy
    )
    return table_of(replace(table, supernet=_described(table, data)), measurements)


def table_of(table: LookupTable, measurements: Mapping[str, Any]) -> LookupTable:
    """`table` with the target, protocol and latencies of `measurements` (measurements.json).

    MACs and parameters are kept; memory, energy and the latencies under further conditions are
    those of the new target or unknown. Accuracy is kept, too, unless the measurements are in
    another dtype and hold the accuracy in it; files in the old one are then no longer the entries'.
    Entries are sorted by their new latency. All are kept, even those that are dominated on the new
    target, for comparison.

    Raises:
        NasError: the measurements are of another supernet, in another dtype without the accuracy in
            it, of networks without normalisation, or lack an entry.
    """
    weights = table.supernet["weights_sha256"]
    if measurements.get("weights_sha256") != weights:
        raise NasError(
            "the measurements must be of the table's supernet, but have different weights; "
            "create a new kit of this run, or pass the run of the table's supernet as --supernet"
        )
    target = Target(**measurements["target"])
    accuracies = measurements.get("accuracies", {})
    if target.dtype != table.target.dtype and not accuracies:
        raise NasError(
            f"the measurements must be in the table's {table.target.dtype}, which its accuracy "
            f"belongs to, but are in {target.dtype}; search again with --dtypes "
            f"{' '.join(target.dtypes)}"
        )
    if table.preprocessing is not None and target.details.get("input") != INPUT_FORM:
        raise NasError(
            "the measurements must be of networks that normalise their images, as the table's do, "
            "but come from an older kit; create a new kit of this run"
        )
    latencies = measurements.get("latencies", {})
    missing = [entry.config_id for entry in table if entry.config_id not in latencies]
    if missing:
        raise NasError(
            f"the measurements must hold every entry, but {missing[0]} is missing; "
            "create a new kit of this run"
        )
    ids = {entry.config_id for entry in table}
    entries = [
        _timed(_scored(entry, accuracies.get(entry.config_id)), latencies[entry.config_id], ids)
        for entry in table
    ]
    entries.sort(key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))
    return replace(table, target=target, protocol=measurements["protocol"], entries=tuple(entries))


def _described(table: LookupTable, data: Data) -> Mapping[str, Any]:
    """The table's supernet, with the preprocessing that a table from before version 1.1 lacks."""
    steps = Preprocessing(crop_resolution=data.resolution)
    return {**table.supernet, "preprocessing": steps.to_json()}


def _scored(entry: Entry, found: Mapping[str, float] | None) -> Entry:
    """The entry with its accuracy in another dtype, if there is one."""
    if found is None:
        return entry
    values = dict(found)
    top1_selection = values.pop("top1_selection")
    return replace(entry, accuracy=Accuracy(**values), top1_selection=top1_selection, artifact=None)


def _timed(entry: Entry, measured: Mapping[str, Any], ids: set[str]) -> Entry:
    names = set(fields_of("latency").values()) - {"kind"}
    return replace(
        entry,
        latency=Latency(**{name: measured[name] for name in names}),
        tied_with=tuple(other for other in measured["tied_with"] if other in ids),
        budget_probability=None,
        peak_memory_bytes=measured.get("peak_memory_bytes"),
        energy_mj=measured.get("energy_mj"),
        conditions={
            name: Latency(**values) for name, values in measured.get("conditions", {}).items()
        },
    )
