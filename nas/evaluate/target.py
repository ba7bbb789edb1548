"""What a latency depends on besides the network, so that unlike tables are never mixed."""

import torch

from nas.meter.machine import cpu_name, machine_details
from nas.runtimes import Runtime
from planner import Target


def describe_target(runtime: Runtime, batch_size: int) -> Target:
    """This machine with `runtime` on it, timed `batch_size` images at a time."""
    return Target(
        device=torch.cuda.get_device_name() if runtime.device == "cuda" else cpu_name(),
        runtime=runtime.name,
        runtime_version=runtime.version,
        batch_size=batch_size,
        dtype=runtime.dtype,
        num_threads=runtime.num_threads,
        details={**machine_details(), "torch": torch.__version__, **runtime.details},
    )
