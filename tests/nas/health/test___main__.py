import json
import shutil
from pathlib import Path

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
    written = f"{run / 'supernet' / 'health.json'}, {run / 'supernet' / 'health.html'}"
    assert out.splitlines()[-1] == f"written: {written}"
    assert err.splitlines()[-1].startswith(f"skipped {run / 'supernet' / 'health.png'}: it needs")
    report = json.loads((run / "supernet" / "health.json").read_text())
    assert report["widths"] == [0.25, 0.625, 1.0]
    assert report["resolutions"] == [8, 12]
    assert all(0.1 < top1 < 1 for row in report["grid"] for top1 in row)
    assert set(report["calibration"]) == {"w1-r12", "w0.25-r12", "w1-r8", "w0.25-r8"}
    # All calibration images are the same ones as in the grid.
    assert report["calibration"]["w1-r12"]["2000"] == report["grid"][1][2]
    assert report["calibration_images_that_suffice"] in (50, 100, 200, 500, 1000, 2000)
    assert not (run / "supernet" / "health.png").exists()
    assert "plotly" in (run / "supernet" / "health.html").read_text()[:5000]


def test_a_folder_without_a_supernet_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "must hold a trained supernet" in capsys.readouterr().err
