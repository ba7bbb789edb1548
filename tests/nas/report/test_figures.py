from dataclasses import replace

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


def test_number_types_differ_in_shape(table: LookupTable, candidates: list[Candidate]) -> None:
    target = replace(table.target, dtype="float32+int8")
    number_types = ("float32", "int8", "float32")
    mixed = [
        replace(each, config=replace(each.config, dtype=dtype))
        for each, dtype in zip(candidates, number_types, strict=True)
    ]
    entries = tuple(
        replace(each, config=replace(each.config, dtype=dtype))
        for each, dtype in zip(table, number_types[:2], strict=True)
    )
    figure = front_figure(replace(table, target=target, entries=entries), mixed)
    in_float, in_int8, grid, search, front = figure.data
    assert (in_float.name, in_int8.name) == ("float32", "int8")
    assert in_float.marker.symbol != in_int8.marker.symbol
    assert [*grid.marker.symbol, *search.marker.symbol] == [
        {"float32": in_float, "int8": in_int8}[each.config.dtype or ""].marker.symbol
        for origin in ("grid", "search")
        for each in mixed
        if each.origin == origin
    ]
    assert [*front.marker.symbol] == [in_float.marker.symbol, in_int8.marker.symbol]


def test_the_front_of_the_grid_is_beside_the_entries(table: LookupTable) -> None:
    accuracy = {"top1": 0.85, "top1_low": 0.83, "top1_high": 0.86}
    numbers = {"config_id": "w0.8-r8", "latency_p50_ms": 3.0, **accuracy}
    provenance = {**table.provenance, "uniform_grid": [numbers]}
    grid, entries = grid_figure(replace(table, provenance=provenance)).data
    assert (list(grid.x), list(grid.y)) == ([3.0], [0.85])
    assert list(grid.error_y.arrayminus) == pytest.approx([0.02])
    assert list(entries.y) == [0.8, 0.9]
    assert not len(grid_figure(table).data[0].x), "no grid was timed"


def test_selection_and_report_are_shown_apart(table: LookupTable) -> None:
    chosen, reported = curse_figure(table).data
    assert list(chosen.y) == [entry.top1_selection for entry in table]
    assert list(reported.y) == [entry.accuracy.top1 for entry in table]
    assert list(reported.error_y.array) == pytest.approx([0.01, 0.01])
