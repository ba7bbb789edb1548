"""Describes the target: everything that a latency depends on besides the network."""

from typing import Any

import torch

from nas.meter.gpu import gpu_facts
from nas.meter.machine import machine_details, observations
from nas.runtimes import Runtime
from nas.runtimes.from_pixels import INPUT_FORM
from planner import Target


def describe_target(runtime: Runtime, batch_size: int) -> Target:
    """The target of `runtime` on this machine, with `batch_size` images per batch.

    What changes latencies systematically goes into its details, the rest is only observed:
    docs/measuring.md has the rule.
    """
    machine = machine_details()
    device, gpu, gpu_now = machine["cpu"], dict[str, Any](), dict[str, Any]()
    if runtime.device == "cuda":
        device, gpu, gpu_now = _gpu(torch.cuda.get_device_properties(torch.cuda.current_device()))
    return Target(
        device=device,
        runtime=runtime.name,
        runtime_version=runtime.version,
        batch_size=batch_size,
        dtype=runtime.dtype,
        num_threads=runtime.num_threads,
        details={
            **machine,
            **gpu,
            "torch": torch.__version__,
            "input": INPUT_FORM,
            **runtime.details,
        },
        observed={**observations(), **gpu_now},
    )


def _gpu(properties: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name, details and observations of a GPU, from PyTorch's properties of it."""
    details, observed = gpu_facts(str(properties.uuid))
    versions = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    known = {
        "gpu_capability": f"{properties.major}.{properties.minor}",
        "gpu_multiprocessors": properties.multi_processor_count,
        **{name: str(each) for name, each in versions.items() if each is not None},
    }
    return (
        str(properties.name),
        known | details,
        {"gpu_memory_bytes": properties.total_memory} | observed,
    )
