import pytest

from nas.report.figures import curse_figure, front_figure, grid_figure
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


def test_the_front_of_the_grid_alone_is_beside_that_of_all(candidates: list[Candidate]) -> None:
    grid, everything = grid_figure([*candidates[1:], candidates[0]]).data
    assert list(grid.x) == [1.0, 4.0]
    assert list(everything.y) == [0.8, 0.9]
    assert "2 of 3" in everything.name


def test_selection_and_report_are_shown_apart(table: LookupTable) -> None:
    chosen, reported = curse_figure(table).data
    assert list(chosen.y) == [entry.top1_selection for entry in table]
    assert list(reported.y) == [entry.accuracy.top1 for entry in table]
    assert list(reported.error_y.array) == pytest.approx([0.01, 0.01])
