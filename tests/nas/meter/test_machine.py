import platform
from pathlib import Path

import pytest

import nas.meter.machine
from nas.meter.machine import cpu_name, governor, machine_details


@pytest.mark.parametrize("line", ["model name\t: Cortex-A76", "Model\t\t: Cortex-A76"])
def test_the_cpu_and_its_governor_are_read_where_linux_tells(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{line}\n")
    (tmp_path / "governor").write_text("performance\n")
    monkeypatch.setattr(nas.meter.machine, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(nas.meter.machine, "GOVERNOR", tmp_path / "governor")
    assert (cpu_name(), governor()) == ("Cortex-A76", "performance")


def test_elsewhere_they_are_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas.meter.machine, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(nas.meter.machine, "GOVERNOR", tmp_path / "none")
    assert governor() == "unknown"
    assert cpu_name() in (platform.processor(), platform.machine())


def test_every_detail_is_told() -> None:
    details = machine_details()
    assert set(details) == {"cpu", "governor", "machine", "os", "python"}
    assert all(details.values())
