"""What a latency depends on besides the network, so that unlike tables are never mixed."""

import platform
from pathlib import Path

import torch

from nas.runtimes import Runtime
from planner import Target

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe_target(runtime: Runtime, batch_size: int) -> Target:
    """This machine with `runtime` on it, timed `batch_size` images at a time."""
    return Target(
        device=_gpu_name() if runtime.device == "cuda" else cpu_name(),
        runtime=runtime.name,
        runtime_version=runtime.version,
        batch_size=batch_size,
        dtype="float32",
        num_threads=runtime.num_threads,
        details={
            "cpu": cpu_name(),
            "governor": governor(),
            "machine": platform.machine(),
            "os": platform.platform(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            **runtime.details,
        },
    )


def cpu_name() -> str:
    """Model of the CPU as Linux names it, else what Python knows of it."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def governor() -> str:
    """Linux's policy for the CPU's clock ("performance" is steady), or "unknown"."""
    return GOVERNOR.read_text().strip() if GOVERNOR.is_file() else "unknown"


def _gpu_name() -> str:
    return torch.cuda.get_device_name()
