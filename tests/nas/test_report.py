from pathlib import Path

import pytest

from nas.report import front_figure, write_report
from planner import Candidate, LookupTable


def test_the_figure_tells_grid_search_and_front_apart(
    table: LookupTable, candidates: list[Candidate]
) -> None:
    grid, search, front = front_figure(table, candidates).data
    assert list(grid.x) == [1.0, 4.0]
    assert list(search.x) == [2.0]
    assert list(front.y) == [0.8, 0.9]
    assert list(front.error_y.arrayminus) == pytest.approx([0.02, 0.02])
    assert list(front.error_x.array) == pytest.approx([0.2, 0.8])
    assert "w1-r8" in front.customdata[1]
    assert "2.50 MMACs" in grid.customdata[0]


def test_the_page_needs_no_network(
    table: LookupTable, candidates: list[Candidate], tmp_path: Path
) -> None:
    write_report(tmp_path / "report.html", table, candidates)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script src=" not in page
    assert len(page) > 1_000_000  # plotly itself
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
