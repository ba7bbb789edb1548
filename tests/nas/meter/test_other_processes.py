"""The system's account where it tells one; a file in its form where a machine is made up."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nas.meter.other_processes
from nas.meter.other_processes import STAT, OtherProcesses

SPIN = "while True: pass"


def spent(file: Path, *ticks: int) -> None:
    """user nice system idle iowait irq softirq steal: what all cores spent."""
    file.write_text(f"cpu  {' '.join(map(str, ticks))} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account of a machine on which a second has passed and this process did nothing."""
    file = tmp_path / "stat"
    monkeypatch.setattr(nas.meter.other_processes, "STAT", file)
    monkeypatch.setattr(os, "times", lambda: os.times_result((3.0, 1.0, 0.5, 0.5, 9.0)))
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    seconds = iter([5.0, 6.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    return file


def test_what_was_computed_is_told_in_cores(account: Path) -> None:
    spent(account, 1000, 200, 300, 9000, 50, 10, 20, 40)
    others = OtherProcesses()
    spent(account, 1040, 210, 320, 9100, 60, 12, 28, 90)
    assert others.busy_cores() == pytest.approx(0.40 + 0.10 + 0.20 + 0.02 + 0.08)


def test_waiting_and_what_a_hypervisor_takes_is_not_counted(account: Path) -> None:
    spent(account, 1000, 0, 0, 9000, 50, 0, 0, 40)
    others = OtherProcesses()
    spent(account, 1000, 0, 0, 9100, 99, 0, 0, 90)
    assert others.busy_cores() == 0


def test_what_this_process_computes_is_not_counted(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent(account, 1000, 0, 0, 9000, 0, 0, 0, 0)
    others = OtherProcesses()
    monkeypatch.setattr(os, "times", lambda: os.times_result((3.5, 1.2, 0.6, 0.6, 9.0)))
    spent(account, 1150, 0, 0, 9000, 0, 0, 0, 0)
    assert others.busy_cores() == pytest.approx(1.5 - 0.5 - 0.2 - 0.1 - 0.1)


@pytest.mark.parametrize("content", [None, "", "cpu  12 x\n", "cpu  1 2 3\n"])
def test_a_system_that_does_not_tell_is_not_guessed_at(account: Path, content: str | None) -> None:
    if content is not None:
        account.write_text(content)
    assert OtherProcesses().busy_cores() is None


@pytest.mark.skipif(not STAT.exists(), reason="this system has no /proc/stat")
def test_a_busy_process_is_seen_on_this_machine() -> None:
    with subprocess.Popen([sys.executable, "-c", SPIN]) as busy:
        try:
            others = OtherProcesses()
            time.sleep(0.5)
            found = others.busy_cores()
        finally:
            busy.kill()
    assert found is not None
    assert found > 0.3  # it has a core, or shares one
