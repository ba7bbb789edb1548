"""Energy of an inference, where the machine counts it: RAPL for a CPU, NVML for NVIDIA's GPUs.

The counters know no processes: what else runs is counted too, and so is what the chip takes when
it waits. RAPL counts the package without its memory and, on most machines, only for root. Virtual
machines have neither. Where nothing can be read the energy is unknown, not zero.
"""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
SAMPLE_S = 1.0  # the counters are brought up to date every 1 ms (RAPL) to 100 ms (NVML)

Counter = Callable[[], float]
"""Millijoules since the counter was made."""


def energy_mj(
    run: Callable[[], None],
    counter: Counter | None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float | None:
    """Millijoules of one `run()`, the mean over a second of runs; None without a counter."""
    if counter is None:
        return None
    run()
    before, start, num_runs = counter(), clock(), 0
    while clock() - start < SAMPLE_S:
        run()
        num_runs += 1
    return (counter() - before) / num_runs


def rapl(folder: Path = POWERCAP) -> Counter | None:
    """Energy of all CPU packages by Linux's powercap; None where it can't be read."""
    try:
        zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if _is_package(zone)]
        sizes = [1 + _number(zone / "max_energy_range_uj") for zone in zones]
        start = [_number(zone / "energy_uj") for zone in zones]
    except OSError:
        return None

    def spent() -> float:
        now = [_number(zone / "energy_uj") for zone in zones]
        # A counter begins anew at its end, which takes minutes.
        microjoules = [(n - s) % size for n, s, size in zip(now, start, sizes, strict=True)]
        return sum(microjoules) / 1000

    return spent if zones else None


def _is_package(zone: Path) -> bool:
    """Not a part of one, nor the whole platform, which would be counted twice."""
    return (zone / "name").read_text().startswith("package")


def _number(path: Path) -> int:
    return int(path.read_text())


def nvml(uuid: str) -> Counter | None:
    """Energy of the GPU with this UUID, by NVIDIA's driver; None where it can't be read.

    Needs nvidia-ml-py (the extra `energy`) and a GPU since Volta.
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
