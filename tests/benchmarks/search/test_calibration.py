from pathlib import Path

import pytest

import benchmarks.search.calibration
from benchmarks.search.calibration import compared
from nas.evaluate.trained import load_trained


def test_fewer_images_are_compared_with_all(
    trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks.search.calibration, "SIZES", (8, 10**6))
    monkeypatch.setattr(benchmarks.search.calibration, "NUM_DRAWS", 1)
    monkeypatch.setattr(benchmarks.search.calibration, "NUM_RANDOM", 1)
    found = compared(load_trained(trained_run))
    assert list(found["by_size"]) == ["8"], "more than there are can't be drawn"
    assert len(found["top1_with_all"]) in (4, 5), "the corners, and a random one"
    few = found["by_size"]["8"]
    assert -1 <= few["worst"] <= few["mean"] <= 1
    assert few["seconds"] > 0
    assert found["all"]["num"] > 8
