import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nas.health.__main__ import main


def test_a_run_gets_its_report_without_a_browser(
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    assert main([str(run), "--num-widths", "3", "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    names = ("health.json", "health.html", "confusion.csv", "confusion.html")
    written = ", ".join(str(run / "supernet" / name) for name in names)
    assert out.splitlines()[-1] == f"written: {written}"
    for line, name in zip(err.splitlines()[-2:], ("health.png", "confusion.png"), strict=True):
        assert line.startswith(f"skipped {run / 'supernet' / name}: it needs")
    report = json.loads((run / "supernet" / "health.json").read_text())
    assert report["widths"] == [0.25, 0.65, 1.0]
    assert report["resolutions"] == [8, 12]
    assert all(0.1 < top1 < 1 for row in report["grid"] for top1 in row)
    assert set(report["calibration"]) == {"w1-r12", "w0.25-r12", "w1-r8", "w0.25-r8"}
    # All calibration images are the same ones as in the grid.
    assert report["calibration"]["w1-r12"]["2000"] == report["grid"][1][2]
    assert report["calibration_images_that_suffice"] in (50, 100, 200, 500, 1000, 2000)
    assert not (run / "supernet" / "health.png").exists()
    check_classes(run, report, out)
    assert "plotly" in (run / "supernet" / "health.html").read_text()[:5000]


def check_classes(run: Path, report: dict[str, Any], out: str) -> None:
    """The classes' images are those of `report`, and all files and the table say the same."""
    assert list(report["classes"]) == list(report["calibration"])
    assert report["num_report_images"] == 5000
    full = report["classes"]["w1-r12"]
    assert [record["num_images"] for record in full] == [500] * 10
    assert all(r["top1_low"] < r["top1"] < r["top1_high"] for r in full)
    with (run / "supernet" / "confusion.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for config_id, records in report["classes"].items():
        of_config = [row for row in rows if row["config_id"] == config_id]
        assert sum(int(row["num_images"]) for row in of_config) == 5000
        for record in records:
            counts = {
                row["predicted"]: int(row["num_images"])
                for row in of_config
                if row["class"] == record["class"]
            }
            assert counts.get(record["class"], 0) == record["num_correct"]
            assert record["taken_for"].items() <= counts.items()
    worst = min(full, key=lambda record: record["top1"])
    (line,) = [line for line in out.splitlines() if line.startswith(worst["class"])]
    assert f"{100 * worst['top1']:.1f} " in line
    assert max(map(len, out.splitlines()[:-1])) <= 80


def test_a_folder_without_a_supernet_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "must hold a trained supernet" in capsys.readouterr().err
