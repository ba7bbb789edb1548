"""Describes this machine's hardware and software. Standard library only: the kit packs it."""

import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cpu_name() -> str:
    """CPU model from /proc/cpuinfo, else from Python's `platform`, else "unknown"."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def governor() -> str:
    """Linux's CPU frequency governor ("performance" keeps the clock steady), or "unknown"."""
    return GOVERNOR.read_text().strip() if GOVERNOR.is_file() else "unknown"


def machine_details() -> dict[str, str]:
    """The CPU, governor, architecture, operating system and Python version."""
    return {
        "cpu": cpu_name(),
        "governor": governor(),
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
    }
