from pathlib import Path

import pytest
from choreographer.browsers.chromium import Chromium

from nas.health.heat_map import heat_map, write_figure

REPORT = {
    "num_images": 100,
    "widths": [0.5, 1.0],
    "resolutions": [8, 12],
    "grid": [[0.5, 0.6], [0.7, 0.65]],
    "not_monotone": [
        {"smaller": "w0.5-r12", "larger": "w1-r12", "top1_lost": 0.05, "significant": True}
    ],
    "calibration": {"w1-r12": {50: 0.6, 100: 0.65}},
}


def test_the_figure_shows_the_grid_and_marks_a_fall() -> None:
    cells = [list(row) for row in heat_map(REPORT).data[0].text]
    assert cells == [["50.0%", "60.0%"], ["70.0%", "65.0% v"]]


@pytest.mark.slow  # it needs a browser
def test_with_a_browser_html_and_png_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if Chromium.find_browser(skip_local=False) is None:
        pytest.skip("no Chrome or Chromium for kaleido: apt-get install chromium")
    html, png = write_figure(heat_map(REPORT), tmp_path / "health")
    assert html.name == "health.html"
    assert png.read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == [html, png]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("missing", ["browser", "kaleido"])
def test_without_browser_or_kaleido_the_html_alone_is_written_and_one_line_says_so(
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if missing == "browser":
        monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    else:
        monkeypatch.setattr("plotly.io._kaleido.kaleido_available", lambda: False)
    (tmp_path / "health.png").write_bytes(b"of an older figure")
    written = write_figure(heat_map(REPORT), tmp_path / "health")
    assert written == list(tmp_path.iterdir()) == [tmp_path / "health.html"]
    (line,) = capsys.readouterr().err.splitlines()
    png = tmp_path / "health.png"
    assert line.startswith(f"skipped {png}: it needs kaleido and Chrome or Chromium")
