"""RAPL's files as Linux writes them; NVML by a stand-in, for there is no GPU to ask."""

import sys
import types
from pathlib import Path

import pytest

from nas.meter.energy import energy_mj, nvml, rapl

SIZE = 262143328850  # of a counter, as recorded on a Xeon


def zone(folder: Path, number: str, name: str, energy_uj: int) -> Path:
    path = folder / f"intel-rapl:{number}"
    path.mkdir(exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "max_energy_range_uj").write_text(f"{SIZE}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    return path


def test_packages_are_added_up_but_not_their_parts_nor_the_platform(tmp_path: Path) -> None:
    zones = {"0": "package-0", "0:0": "dram", "1": "package-1", "2": "psys"}
    for number, name in zones.items():
        zone(tmp_path, number, name, 1_000_000)
    counter = rapl(tmp_path)
    assert counter is not None
    for number, name in zones.items():
        zone(tmp_path, number, name, 3_500_000)
    assert counter() == 5000


def test_a_counter_that_began_anew_is_no_loss(tmp_path: Path) -> None:
    zone(tmp_path, "0", "package-0", SIZE - 999_999)
    counter = rapl(tmp_path)
    assert counter is not None
    zone(tmp_path, "0", "package-0", 1_000_000)
    assert counter() == 2000


def test_what_can_not_be_read_is_unknown(tmp_path: Path) -> None:
    assert rapl(tmp_path / "absent") is None
    (zone(tmp_path, "0", "package-0", 5) / "energy_uj").unlink()
    assert rapl(tmp_path) is None
    assert energy_mj(lambda: None, None) is None


def test_energy_is_that_of_one_run() -> None:
    now, spent = 0.0, 100.0

    def run() -> None:
        nonlocal now, spent
        now, spent = now + 0.25, spent + 5

    assert energy_mj(run, lambda: spent, clock=lambda: now) == 5


class FakeNvml(types.ModuleType):
    """The four names that are used, as nvidia-ml-py documents them."""

    class NVMLError(Exception):
        pass

    millijoules = 7000

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid != "GPU-1f":
            raise self.NVMLError("not found")
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: str) -> int:
        return self.millijoules


def test_the_driver_counts_for_the_gpu_with_this_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeNvml("pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", library)
    counter = nvml("1f")
    assert counter is not None
    library.millijoules = 9500
    assert counter() == 2500
    assert nvml("another") is None


def test_without_the_library_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml("1f") is None
