"""The comparison of loaders, with a few small photos."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.training import loader


def test_photos_are_those_of_the_seed_and_as_detailed_as_real_ones() -> None:
    first, again, other = (
        loader.photo(160, 120, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first.size == (160, 120)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    for channel in first.split():
        assert 30 < np.asarray(channel).std() < 70


def test_each_photo_has_as_many_copies(tmp_path: Path) -> None:
    loader.write_photos(tmp_path, 40, 30, 80, 2 * loader.NUM_DIFFERENT)
    files = list((tmp_path / "train").rglob("*.jpg"))
    assert len(files) == 2 * loader.NUM_DIFFERENT
    assert len({path.read_bytes() for path in files}) == loader.NUM_DIFFERENT


@pytest.mark.slow
def test_all_ways_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "KINDS", {(80, 60): (80, 128)})
    monkeypatch.setattr(loader, "BATCH_SIZE", 16)
    out = tmp_path / "result.json"
    monkeypatch.setattr(sys, "argv", ["loader", "--num-rounds", "1", "--out", str(out)])
    loader.main()
    found = json.loads(out.read_text())["photos"]["80x60"]
    assert found["num_files"] == 128
    assert set(found["images_per_s"]) == set(found["ours_against"]) | {"ours"}
    assert min(found["images_per_s"].values()) > 0
