"""What an ONNX file says about itself, for whoever has the file alone."""

import json
from typing import Any

from planner import Entry, LookupTable

NUMBERS = (
    *("config_id", "width_mults", "resolution", "macs", "num_params"),
    *("top1", "top1_low", "top1_high"),
    *("latency_p50_ms", "latency_p90_ms", "latency_p99_ms"),
    *("latency_p50_low_ms", "latency_p50_high_ms"),
)
"""An entry's fields that do not depend on the other entries."""


def artifact_metadata(table: LookupTable, entry: Entry) -> dict[str, str]:
    """The metadata_props of the entry's file: names and meaning as in the table, values in JSON.

    A text is written without quotes. `num_report_images` is the number that top1 was scored on;
    `target` says where the latencies were measured.
    """
    supernet, values = table.supernet, entry.to_json()
    said: dict[str, Any] = {
        "input": "uint8 RGB (batch, height, width, 3): decode and resize, but do not normalise",
        "preprocessing": supernet["preprocessing"],
        "normalisation_in_graph": supernet["normalisation"],
        "class_names": supernet["class_names"],
        "model": supernet["model"],
        "data": supernet["data"],
        "weights_sha256": supernet["weights_sha256"],
        "num_report_images": table.splits["report"],
        "target": table.target.to_json(),
        **{name: values[name] for name in NUMBERS},
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()
    }
