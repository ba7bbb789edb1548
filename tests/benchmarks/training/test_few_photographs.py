"""The comparison on few photographs, with tiny images and no pretrained network."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.page import marks
from benchmarks.training import few_photographs
from supernet.models import build_model


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """60 of each of three classes in two splits; of `a` brighter, of `b` darker."""
    rng = np.random.default_rng(0)
    for number in range(180):
        label, split = number % 3, ("train", "test")[number % 2]
        path = tmp_path / "data" / split / "abc"[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(100 - 100 * label, 256 - 50 * label, (32, 32, 3)).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "data"


def test_the_photographs_are_drawn_by_the_seed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few_photographs, "CLASSES", ("a", "c"))
    monkeypatch.setattr(few_photographs, "NUM_EACH", 25)

    def rows(seed: int) -> list[dict[str, str]]:
        file = tmp_path / f"{seed}.jsonl"
        few_photographs.draw(photos, seed, file)
        return [json.loads(line) for line in file.read_text().splitlines()]

    found = rows(0)
    assert len({row["path"] for row in found}) == 120
    assert found == rows(0)
    assert found != rows(1)
    for label in "ac":
        splits = [row["split"] for row in found if row["label"] == label]
        assert (splits.count("train"), splits.count("test")) == (25, 35)


@pytest.mark.slow
def test_all_systems_are_scored_on_the_other_photographs(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights, out = tmp_path / "weights.pt", tmp_path / "result.json"
    torch.save(build_model("wide_resnet", 7, {"depth": 10, "widen": 1}).state_dict(), weights)
    words = ["few_photographs", "--data", str(photos), "--weights", str(weights)]
    monkeypatch.setattr(few_photographs, "CLASSES", ("a", "b"))
    monkeypatch.setattr(few_photographs, "NUM_EACH", 40)
    words += [
        "--runs",
        str(tmp_path / "runs"),
        "--out",
        str(out),
        "--epochs",
        "1",
        "--resolutions",
        "32",
        "24",
    ]
    words += ["--model", "wide_resnet", "--model-args", "depth=10", "widen=1"]
    monkeypatch.setattr(sys, "argv", words)
    few_photographs.main()
    first = json.loads(out.read_text())
    names = ["probe", *(system.name for system in few_photographs.SYSTEMS)]
    assert [(run["system"], run["seed"]) for run in first["runs"]] == [
        (name, seed) for name in names for seed in (0, 1)
    ]
    assert all(run["num_images"]["report"] == 40 for run in first["runs"])
    assert first["runs"][0]["correct"]["w1-r32"]["report"] >= 38, "brightness tells the classes"
    rates = [
        json.loads((tmp_path / "runs" / f"{name}-0" / "supernet" / "supernet.json").read_text())
        ["job"]["hyperparameters"]["body_lr"]
        for name in names[1:]
    ]  # fmt: skip
    assert rates == [1.0, 0.1, 1.0]
    few_photographs.main()
    assert json.loads(out.read_text()) == first, "nothing is trained again"
    printed = capsys.readouterr().out
    assert "| probe | 100.0 (" in printed
    assert "| px | 1, seed 0 | 1, seed 1 | 0.75, seed 0 |" in printed

    page = tmp_path / "photographs.md"
    page.write_text("\n".join(["# A page", "", *marks(few_photographs.SCRIPT)]))
    monkeypatch.setattr(few_photographs, "PAGE", page)
    monkeypatch.setattr(sys, "argv", [*words[:5], "--page", "--out", str(out)])
    few_photographs.main()
    assert "| 32 | " in page.read_text()
    assert "72 photographs to train on, 1 epochs, 40 photographs to report on" in page.read_text()
