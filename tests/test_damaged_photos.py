"""A folder with damaged photos, trained on by two processes, and moved."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from supernet.checkpoint import read_document
from supernet.data import load_data

DAMAGED = ["train/dark/3.jpg", "train/light/11.jpg", "val/light/5.jpg"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, name, i in itertools.product(("train", "val"), ("dark", "light"), range(60)):
        path = tmp_path / "photos" / part / name / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = 60 if name == "dark" else 200
        pixels = rng.integers(shade - 50, shade + 50, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    for name in DAMAGED:
        path = tmp_path / "photos" / name
        path.write_bytes(path.read_bytes()[:-300])
    return tmp_path / "photos"


@pytest.mark.slow
def test_two_processes_leave_out_what_either_found(photos: Path) -> None:
    run = photos.parent / "run"
    words = ["--nproc-per-node", "2", "-m", "supernet.train", "--data", str(photos)]
    words += ["--resolutions", "16", "12", "--batch-size", "16", "--epochs", "1"]
    words += ["--device", "cpu", "--out", str(run)]
    command = [sys.executable, "-m", "torch.distributed.run", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("3 images cannot be used, such as train/dark/3.jpg") == 1
    recorded = read_document(run)["data"]
    assert recorded["excluded"] == DAMAGED
    assert recorded["splits"]["train"]["num_images"] == 118
    assert recorded["splits"]["selection"]["num_images"] == 60  # half of val/, the larger one
    assert recorded["splits"]["report"]["num_images"] == 59
    for name in DAMAGED:
        (photos / name).unlink()
    moved = photos.rename(photos.with_name("moved"))
    load_data(str(moved), resolution=16).check_same(recorded)
    command[-1:] = [str(run), "--resume"]
    command[command.index(str(photos))] = str(moved)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
