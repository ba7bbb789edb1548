from pathlib import Path

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


def test_the_figure_shows_the_grid_and_marks_a_fall(tmp_path: Path) -> None:
    figure = heat_map(REPORT)
    cells = [list(row) for row in figure.data[0].text]
    assert cells == [["50.0%", "60.0%"], ["70.0%", "65.0% v"]]
    write_figure(figure, tmp_path / "health")
    assert {path.name for path in tmp_path.iterdir()} == {"health.html", "health.png"}
