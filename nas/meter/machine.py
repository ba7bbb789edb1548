"""What this machine is, as far as it tells. Standard library only: the kit carries this file."""

import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cpu_name() -> str:
    """Model of the CPU as Linux names it, else what Python knows of it."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def governor() -> str:
    """Linux's policy for the CPU's clock ("performance" is steady), or "unknown"."""
    return GOVERNOR.read_text().strip() if GOVERNOR.is_file() else "unknown"


def machine_details() -> dict[str, str]:
    """What a latency depends on besides the network and its runtime."""
    return {
        "cpu": cpu_name(),
        "governor": governor(),
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
    }
