"""What Linux tells of the CPU's clock, its temperature and its throttling at this moment.

Virtual machines tell little of it, and other systems nothing.

Standard library only, because the kit packs this file.
"""

from collections.abc import Iterator
from pathlib import Path

from nas.meter.machine import observations

SYSTEM = Path("/sys")
"""Where Linux has its devices; tests set up others."""


def heat() -> dict[str, float]:
    """`cpu_mhz`, of the fastest core; `temperature_c`, of the hottest sensor; `num_throttles`, how
    often the cores were slowed down for their heat since the start. Without what is not known."""
    clocks = [khz / 1e3 for khz in _numbers("devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")]
    if not clocks and isinstance(mhz := observations().get("cpu_mhz"), float):
        clocks = [mhz]
    sensors = [millidegrees / 1e3 for millidegrees in _numbers("class/thermal/thermal_zone*/temp")]
    throttles = list(_numbers("devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"))
    return {
        **({"cpu_mhz": max(clocks)} if clocks else {}),
        **({"temperature_c": max(sensors)} if sensors else {}),
        **({"num_throttles": sum(throttles)} if throttles else {}),
    }


def _numbers(pattern: str) -> Iterator[int]:
    """The numbers in the files of this pattern that can be read."""
    for path in sorted(SYSTEM.glob(pattern)):
        try:
            yield int(path.read_text())
        except (OSError, ValueError):
            continue
