"""Measurements of a made-up device."""

from typing import Any

import pytest

from nas.runtimes.from_pixels import INPUT_FORM
from planner import LookupTable


def latency(p50_ms: float, tied_with: list[str]) -> dict[str, Any]:
    return {
        "p50_ms": p50_ms,
        "p90_ms": 2 * p50_ms,
        "p99_ms": 3 * p50_ms,
        "p50_low_ms": 0.9 * p50_ms,
        "p50_high_ms": 1.1 * p50_ms,
        "num_samples": 50,
        "tied_with": tied_with,
    }


@pytest.fixture
def measurements(table: LookupTable) -> dict[str, Any]:
    """Of a device on which the order is the other way round."""
    return {
        "weights_sha256": table.supernet["weights_sha256"],
        "target": {
            "device": "Cortex-A76",
            "runtime": "onnxruntime",
            "runtime_version": "1.20",
            "batch_size": 1,
            "dtype": "float32",
            "num_threads": 4,
            "details": {"governor": "performance", "input": INPUT_FORM},
        },
        "protocol": {"noise_floor": 0.02, "num_rounds": 9, "num_samples": 100, "warmup": 6},
        "latencies": {
            "w0.5-r8": latency(9.0, ["w1-r8"]),
            "w1-r8": latency(8.0, ["w0.5-r8"]),
        },
    }
