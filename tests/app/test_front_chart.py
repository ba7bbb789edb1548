import math
from pathlib import Path

import pytest

from app import frames
from app.front_chart import drawn_frame, front_figure
from app.opening import Source, open_path
from app.quantities import MACS, P50, TOP1


def test_the_front_has_every_candidate_the_budget_and_the_chosen(run: Path) -> None:
    (source,) = open_path(run)
    frame = drawn_frame(source, P50, TOP1)
    chosen = source.table.entries[5]
    ring_of = frames.row_of(source, chosen.config_id)
    figure = front_figure(frame, P50, TOP1, budget=2.0, chosen=ring_of)
    drawn = [trace for trace in figure.data if trace.mode == "markers" and trace.name != "chosen"]
    assert sum(len(trace.x) for trace in drawn) == len(frame)
    ring = next(trace for trace in figure.data if trace.name == "chosen")
    assert list(ring.x) == [chosen.latency_p50_ms]
    assert list(ring.y) == [chosen.top1 * 100]
    assert figure.layout.shapes[0].x0 == 2.0
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(2.0))  # the axis is log
    assert "budget 2 ms" in figure.layout.annotations[0].text
    assert figure.layout.xaxis.title.text == "Latency p50 (median), ms"
    assert any(chosen.config_id in text for trace in drawn for text in trace.text)


def test_the_table_s_entries_have_error_bars_and_differ_in_shape(run: Path) -> None:
    (source,) = open_path(run)
    frame = drawn_frame(source, MACS, TOP1)
    figure = front_figure(frame, MACS, TOP1)
    named = {trace.name: trace for trace in figure.data}
    assert named["search"].error_y.array is not None
    assert named["search"].error_x.array is None
    assert named["search, not in the table"].error_y.array is None
    assert named["search"].marker.symbol != named["uniform grid"].marker.symbol


def test_wide_axes_are_logarithmic_with_whole_ticks(source: Source) -> None:
    frame = drawn_frame(source, P50, TOP1)
    figure = front_figure(frame, P50, TOP1)
    assert figure.layout.xaxis.type == "log"
    assert "0.5" in figure.layout.xaxis.ticktext
    assert figure.layout.yaxis.type == "linear"
