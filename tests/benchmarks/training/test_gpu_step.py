"""On the CPU: a recorder that remembers the work stands for CUDA's."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.training import gpu_step


class Remembered:
    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work


def test_all_ways_are_timed_and_compared_with_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_step, "NUM_BLOCKS", 1)
    found = gpu_step.compared(4, {"depth": 10, "widen": 1}, "cpu", Remembered(), 2)
    assert all(value > 0 for value in found.values())
    assert found["macs_of_step_by_full"] > 1
    assert 2 < found["num_graphs"] <= 9


def test_without_a_gpu_it_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_step", "--out", str(tmp_path / "result.json")])
    gpu_step.main()
    assert capsys.readouterr().err == "skipped: PyTorch sees no CUDA device\n"
    assert not list(tmp_path.iterdir())
