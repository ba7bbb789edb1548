"""Describes the target: everything that a latency depends on besides the network."""

import torch

from nas.meter.machine import cpu_name, machine_details
from nas.runtimes import Runtime
from nas.runtimes.from_pixels import INPUT_FORM
from planner import Target


def describe_target(runtime: Runtime, batch_size: int) -> Target:
    """The target of `runtime` on this machine, with `batch_size` images per batch."""
    return Target(
        device=torch.cuda.get_device_name() if runtime.device == "cuda" else cpu_name(),
        runtime=runtime.name,
        runtime_version=runtime.version,
        batch_size=batch_size,
        dtype=runtime.dtype,
        num_threads=runtime.num_threads,
        details={
            **machine_details(),
            "torch": torch.__version__,
            "input": INPUT_FORM,
            **runtime.details,
        },
    )
