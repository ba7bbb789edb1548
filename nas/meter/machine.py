"""Describes this machine's hardware and software. Standard library only: the kit packs it.

What changes latencies systematically identifies a target (`machine_details`); what may differ from
one day to the next is only recorded (`observations`). docs/measuring.md has the rule.
"""

import os
import platform
import re
from pathlib import Path

from nas.meter.cpu import CPU_INFO, cpu_details
from supernet.cores import usable_cores

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
CLOCK = re.compile(r"^cpu MHz\s*:\s*([\d.]+)", re.MULTILINE)
MICROCODE = re.compile(r"^microcode\s*:\s*(\S+)", re.MULTILINE)


def cpu_name() -> str:
    """The CPU's name from the system, else from Python's `platform`, else "unknown"."""
    return cpu_details().get("cpu") or _plain_name()


def governor() -> str:
    """Linux's CPU frequency governor ("performance" keeps the clock steady), or "unknown"."""
    return GOVERNOR.read_text().strip() if GOVERNOR.is_file() else "unknown"


def machine_details() -> dict[str, str]:
    """What identifies this machine: the CPU (`cpu_details`), governor, architecture, operating
    system and Python version."""
    return {
        "cpu": _plain_name(),
        **cpu_details(),
        "governor": governor(),
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
    }


def observations() -> dict[str, str | int | float]:
    """What is recorded of this machine without identifying it, where the system tells.

    `num_usable_cores`, by `core_limits`; `memory_bytes`, all of the machine's; `cpu_mhz`, the
    fastest core's clock at this moment; `microcode`.
    """
    cores, text = usable_cores(), _cpu_info()
    found: dict[str, str | int | float] = {
        "num_usable_cores": cores.num_usable,
        "core_limits": str(cores),
    }
    if memory := _memory_bytes():
        found["memory_bytes"] = memory
    if clocks := CLOCK.findall(text):
        found["cpu_mhz"] = max(map(float, clocks))
    if microcode := MICROCODE.search(text):
        found["microcode"] = microcode[1]
    return found


def _plain_name() -> str:
    return platform.processor() or platform.machine() or "unknown"


def _cpu_info() -> str:
    if not CPU_INFO.is_file():
        return ""
    return CPU_INFO.read_text(encoding="utf-8", errors="replace")


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, or a name that the system lacks
        return None
