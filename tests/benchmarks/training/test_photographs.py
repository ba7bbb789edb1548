"""The comparison on photographs, with a few tiny images and no pretrained network."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.training import photographs
from supernet.models import build_model


@pytest.mark.slow
def test_each_system_is_trained_once_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(120):
        path = tmp_path / "data" / "train" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    weights, out = tmp_path / "weights.pt", tmp_path / "result.json"
    torch.save(build_model("wide_resnet", 7, {"depth": 10, "widen": 1}).state_dict(), weights)
    words = ["photographs", "--data", str(tmp_path / "data"), "--weights", str(weights)]
    words += ["--seeds", "0", "--runs", str(tmp_path / "runs"), "--out", str(out)]
    words += ["--epochs", "1", "--resolutions", "32", "24"]
    words += ["--model", "wide_resnet", "--model-args", "depth=10", "widen=1"]
    monkeypatch.setattr(sys, "argv", words)
    photographs.main()
    first = json.loads(out.read_text())
    assert [run["system"] for run in first["runs"]] == [s.name for s in photographs.SYSTEMS]
    supernet, *alone = first["runs"]
    assert set(supernet["correct"]) == {
        f"w{w}-r{r}" for w in ("1", "0.75", "0.5") for r in (32, 24)
    }
    assert all(len(run["correct"]) == 2 for run in alone)
    assert all(run["epochs"] == 1 and run["training_s"] is not None for run in first["runs"])
    photographs.main()
    assert json.loads(out.read_text()) == first, "nothing is trained again"
    printed = capsys.readouterr().out
    assert "| 0.75 | 0 | " in printed
    assert len(first["by_width"]) == 3
    assert len(first["by_resolution"]) == 2

    def must_not_train(*_: object, **__: object) -> None:
        raise AssertionError

    record = tmp_path / "runs" / "plain-0" / "scores.json"
    without = json.loads(record.read_text())
    del without["correct_images"], without["macs"]
    record.write_text(json.dumps(without))
    monkeypatch.setattr(photographs, "train", must_not_train)
    photographs.main()
    assert json.loads(out.read_text()) == first, "what an older record lacks is scored again"
