"""What one target measured of a table's entries: the content of a measurements.json.

It comes from a kit's file, from this machine or, one network at a time, from a command.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from nas.errors import NasError
from nas.evaluate.evaluator import Bench
from nas.evaluate.lookup_table import measure_with_bar
from nas.evaluate.target import describe_target
from nas.evaluate.trained import Trained
from nas.runtimes import Runtime
from planner import LookupTable
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Images

FIELDS = {"weights_sha256", "target", "protocol", "latencies"}


def read_measurements(path: Path) -> dict[str, Any]:
    """The measurements.json that a kit wrote; raise NasError where it is another file."""
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise NasError(
            f"{path} must be the measurements.json of a kit, but is no JSON: {error}"
        ) from error
    return check_measurements(values, str(path))


def check_measurements(values: object, source: str) -> dict[str, Any]:
    """`values`, where they have the fields of measurements; raise NasError where not."""
    if not isinstance(values, dict) or not values.keys() >= FIELDS:
        raise NasError(f"{source} must be the measurements.json of a kit, but lacks its fields")
    return values


def measure_here(
    table: LookupTable, trained: Trained, runtime: Runtime, *, max_s: float, allow_noisy: bool
) -> dict[str, Any]:
    """Time all entries of `table` side by side in `runtime`, at the table's batch size.

    `trained` is the table's supernet. Raises NoisyMachineError like `measure_latency`.
    """
    batch_size = table.target.batch_size
    device = torch.device(runtime.device)
    images = Images(trained.data, device)
    bench = Bench(trained.supernet.to(device), images, runtime, batch_size=batch_size, seed=0)
    networks = [
        bench.compile(SubnetConfig(width_mults=entry.width_mults, resolution=entry.resolution))
        for entry in tqdm(table, "prepare", unit="config")
    ]
    found = measure_with_bar(bench, networks, max_s, allow_noisy)
    ids = [entry.config_id for entry in table]
    return {
        "weights_sha256": trained.document["weights_sha256"],
        "target": _fields(describe_target(runtime, batch_size).to_json()),
        "protocol": found.protocol(),
        "latencies": {
            name: asdict(found.latencies[index])
            | {
                "peak_memory_bytes": networks[index].peak_memory_bytes(),
                "energy_mj": bench.energy_mj(networks[index]),
                "tied_with": [
                    other
                    for place, other in enumerate(ids)
                    if place != index and found.is_tied(index, place)
                ],
            }
            for index, name in enumerate(ids)
        },
    }


def _fields(target: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in target.items() if name != "fingerprint"}
