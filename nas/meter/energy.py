"""Energy per inference from hardware counters: RAPL for CPUs, NVML for NVIDIA GPUs.

The counters cover the whole chip: they include other processes and idle power. RAPL covers the CPU
package without DRAM, and most systems let only root read it. Virtual machines usually offer
neither. Without a readable counter the energy is unknown (None), not zero.
"""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
SAMPLE_S = 1.0  # the counters update every 1 ms (RAPL) to 100 ms (NVML)

Counter = Callable[[], float]
"""Returns the millijoules used since the counter was created."""


def energy_mj(
    run: Callable[[], None],
    counter: Counter | None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float | None:
    """Mean millijoules per `run()`, over one second of runs; None without a counter."""
    if counter is None:
        return None
    run()
    before, start, num_runs = counter(), clock(), 0
    while clock() - start < SAMPLE_S:
        run()
        num_runs += 1
    return (counter() - before) / num_runs


def rapl(folder: Path = POWERCAP) -> Counter | None:
    """Counter of all CPU packages, from Linux's powercap; None where it can't be read."""
    try:
        zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if _is_package(zone)]
        sizes = [1 + _number(zone / "max_energy_range_uj") for zone in zones]
        start = [_number(zone / "energy_uj") for zone in zones]
    except OSError:
        return None

    def spent() -> float:
        now = [_number(zone / "energy_uj") for zone in zones]
        # A counter wraps around at its maximum, after some minutes.
        microjoules = [(n - s) % size for n, s, size in zip(now, start, sizes, strict=True)]
        return sum(microjoules) / 1000

    return spent if zones else None


def _is_package(zone: Path) -> bool:
    """Subzones and the platform zone are skipped: they would count the same energy twice."""
    return (zone / "name").read_text().startswith("package")


def _number(path: Path) -> int:
    return int(path.read_text())


def nvml(uuid: str) -> Counter | None:
    """Counter of the GPU with this UUID, from NVIDIA's driver; None where it can't be read.

    Needs nvidia-ml-py (the extra `energy`) and a GPU of the Volta generation or later.
    """
    try:
        library: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        library.nvmlInit()
        gpu = library.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        start = library.nvmlDeviceGetTotalEnergyConsumption(gpu)
    except library.NVMLError:
        return None
    return lambda: float(library.nvmlDeviceGetTotalEnergyConsumption(gpu) - start)
