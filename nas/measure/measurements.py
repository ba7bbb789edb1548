"""Measurements of a table's entries on one target: the content of a measurements.json.

They come from a kit's file, from this machine or, one network at a time, from a command.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from nas.conversions import planner_accuracy, subnet_config
from nas.errors import NasError
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.lookup_table import measure_with_bar
from nas.evaluate.target import describe_target
from nas.meter.latency import Measurement
from nas.runtimes import CompiledNetwork, Runtime
from planner import Entry, LookupTable, Target
from supernet import Supernet
from supernet.bar import Bar
from supernet.checkpoint import weights_sha256
from supernet.data import Data
from supernet.evaluate.accuracy import Images, accuracy

FIELDS = {"weights_sha256", "target", "protocol", "latencies"}


def read_measurements(path: Path) -> dict[str, Any]:
    """Read the measurements.json of a kit; raise NasError if the file is not one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise NasError(
            f"{path} must be the measurements.json of a kit, but is not JSON: {error}"
        ) from error
    return check_measurements(values, str(path))


def check_measurements(values: object, source: str) -> dict[str, Any]:
    """Return `values` if they have the fields of measurements, else raise NasError."""
    if not isinstance(values, dict) or not values.keys() >= FIELDS:
        raise NasError(f"{source} must be the measurements.json of a kit, but lacks its fields")
    return values


def measure_here(
    table: LookupTable,
    supernet: Supernet,
    data: Data,
    runtime: Runtime,
    *,
    max_s: float,
    allow_noisy: bool,
) -> dict[str, Any]:
    """Time all entries of `table` in interleaved rounds in `runtime`, at the table's batch size.

    `supernet` must be the one of the table; it is moved to the runtime's device. If the runtime
    computes in another dtype than the table's, the result holds the accuracy in it, too: top1 with
    its interval, and top1_selection. Raises NoisyMachineError like `measure_latency`.
    """
    batch_size = table.target.batch_size
    device = torch.device(runtime.device)
    evaluator = Evaluator(
        supernet.to(device), Images(data, device), runtime, batch_size=batch_size, seed=0
    )
    networks = [
        evaluator.compile(subnet_config(entry)) for entry in Bar(table, "prepare", unit="config")
    ]
    found = measure_with_bar(evaluator, networks, max_s, allow_noisy)
    more = [
        {
            "peak_memory_bytes": network.peak_memory_bytes(),
            "energy_mj": evaluator.energy_mj(network),
        }
        for network in networks
    ]
    target, ids = describe_target(runtime, batch_size), [entry.config_id for entry in table]
    measurements = as_measurements(weights_sha256(supernet), target, found, ids, more)
    if runtime.dtype != table.target.dtype:
        bar = Bar(zip(table, networks, strict=True), "score", len(ids), unit="config")
        scored = {entry.config_id: _scored(evaluator, entry, one) for entry, one in bar}
        measurements["accuracies"] = scored
    return measurements


def as_measurements(
    digest: str,
    target: Target,
    found: Measurement,
    ids: Sequence[str],
    more: Sequence[Mapping[str, Any]],
    conditions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What was `found` on this machine in the form of a measurements.json.

    Args:
        digest: SHA-256 of the supernet's weights.
        target: where it was found.
        found: the steady latencies of the networks.
        ids: the networks' config_ids.
        more: what else is known of each network, such as its `peak_memory_bytes`.
        conditions: how each further condition was measured, if any was.
    """
    ties, protocol = found.ties(ids), dict[str, Any](found.protocol())
    if conditions:
        protocol["conditions"] = dict(conditions)
    return {
        "weights_sha256": digest,
        "target": _fields(target.to_json()),
        "protocol": protocol,
        "latencies": {
            name: {**asdict(latency), "tied_with": ties[name], **values}
            for name, latency, values in zip(ids, found.latencies, more, strict=True)
        },
    }


def _scored(evaluator: Evaluator, entry: Entry, network: CompiledNetwork) -> dict[str, float]:
    side = entry.config.resolution
    on_selection = accuracy(network.logits, evaluator.images.pixels("selection", side))
    on_report = planner_accuracy(evaluator.report_accuracy(network, side))
    return asdict(on_report) | {"top1_selection": on_selection.top1}


def _fields(target: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in target.items() if name != "fingerprint"}
