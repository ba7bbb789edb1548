import os
import platform
from pathlib import Path

import pytest

import nas.meter.cpu
import nas.meter.machine
from nas.meter.machine import cpu_name, governor, machine_details, observations
from planner.rules import is_number, is_text
from supernet.cores import usable_cores


@pytest.mark.parametrize("line", ["model name\t: Cortex-A76", "Model\t\t: Cortex-A76"])
def test_the_cpu_and_its_governor_are_read_where_linux_tells(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{line}\n")
    (tmp_path / "governor").write_text("performance\n")
    monkeypatch.setattr(nas.meter.cpu, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(nas.meter.machine, "GOVERNOR", tmp_path / "governor")
    assert (cpu_name(), governor()) == ("Cortex-A76", "performance")


def test_elsewhere_they_are_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas.meter.cpu, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(nas.meter.machine, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr("sys.platform", "plan9")
    monkeypatch.setattr(nas.meter.machine, "GOVERNOR", tmp_path / "none")
    assert governor() == "unknown"
    assert cpu_name() in (platform.processor(), platform.machine())
    assert not {"instruction_sets", "caches", "cpu_family"} & machine_details().keys()
    assert not {"cpu_mhz", "microcode"} & observations().keys()


def test_every_detail_is_told() -> None:
    details = machine_details()
    assert set(details) >= {"cpu", "governor", "machine", "os", "python"}
    assert all(map(is_text, details.values()))


def test_what_may_differ_tomorrow_is_observed_and_identifies_nothing() -> None:
    observed = observations()
    assert observed["num_usable_cores"] == usable_cores().num_usable
    assert all(is_text(value) or is_number(value) for value in observed.values())
    assert not observed.keys() & machine_details().keys()


def test_memory_and_clocks_are_read_where_the_system_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text("microcode\t: 0x1\ncpu MHz\t: 800.5\n\ncpu MHz : 3100.0\n")
    monkeypatch.setattr(nas.meter.machine, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.get)
    observed = observations()
    assert (observed["cpu_mhz"], observed["microcode"]) == (3100.0, "0x1")
    assert observed["memory_bytes"] == 4_096_000
    monkeypatch.delattr(os, "sysconf")
    assert "memory_bytes" not in observations()
