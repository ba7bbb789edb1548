from dataclasses import replace
from pathlib import Path

from app.front_chart import drawn_frame, front_figure, marks_of
from app.opening import Source, open_path
from app.quantities import MACS, MEMORY, P50, SELECTED, TOP1
from planner import Selector


def test_the_front_has_every_candidate(run: Path) -> None:
    (source,) = open_path(run)
    figure = front_figure(source, P50, SELECTED)
    drawn = [trace for trace in figure.data if trace.text is not None]
    assert sum(len(trace.x) for trace in drawn) == len(drawn_frame(source, P50, SELECTED)) == 80
    assert figure.layout.xaxis.title.text == "Latency p50 (median), ms"
    chosen = source.table.entries[5]
    assert any(chosen.config_id in text for trace in drawn for text in trace.text)


def test_the_chart_is_the_same_at_every_budget(source: Source) -> None:
    """What isn't drawn anew takes no time."""
    assert front_figure(source, P50, TOP1) is front_figure(source, P50, TOP1)


def test_the_chosen_entry_and_those_tied_with_it_are_marked_on_the_axes(source: Source) -> None:
    one, two, *rest = source.table.entries
    tied = replace(one, tied_with=(two.config_id,))
    unknown = replace(two, peak_memory_bytes=None)
    table = replace(source.table, entries=(tied, unknown, *rest))
    source = Source(table, table.entries, source.artifacts, source.path)
    marks = marks_of(source, tied, P50, TOP1)
    assert marks.chosen == (one.latency.p50_ms, one.accuracy.top1 * 100)
    assert marks.tied == [(two.latency.p50_ms, two.accuracy.top1 * 100)]
    assert marks_of(source, two, MACS, TOP1).chosen == (two.macs * 1e-6, two.accuracy.top1 * 100)
    assert marks_of(source, None, P50, TOP1).chosen is None
    assert marks_of(source, unknown, MEMORY, TOP1).chosen is None
    names = {trace.name for trace in front_figure(source, P50, TOP1).data}
    assert {"chosen", "tied in latency"} <= names


def test_the_table_s_entries_have_error_bars_and_differ_in_shape(run: Path) -> None:
    (source,) = open_path(run)
    figure = front_figure(source, MACS, TOP1)
    named = {trace.name: trace for trace in figure.data}
    assert named["search"].error_y.array is not None
    assert named["search"].error_x.array is None
    figure = front_figure(source, MACS, SELECTED)
    named = {trace.name: trace for trace in figure.data}
    assert named["search, not in the table"].error_y.array is None
    assert named["search"].marker.symbol != named["uniform grid"].marker.symbol


def test_number_types_differ_in_shape(source: Source) -> None:
    """And not in colour alone; where there is only one, nothing changes."""
    number_types = ("float32", "int8")
    entries = tuple(
        replace(each, config=replace(each.config, dtype=number_types[place % 2]))
        for place, each in enumerate(source.table.entries)
    )
    target = replace(source.table.target, dtype="float32+int8")
    table = replace(source.table, target=target, entries=entries)
    figure = front_figure(Source(table, entries, source.artifacts, source.path), P50, TOP1)
    named = {trace.name: trace for trace in figure.data if trace.text is not None}
    assert all(name.endswith(number_types) for name in named)
    assert sum(len(trace.x) for trace in named.values()) == len(entries)
    symbols = [trace.marker.symbol for trace in named.values()]
    assert len({*symbols}) == len(symbols) >= 3
    alone = front_figure(source, P50, TOP1).data
    assert {trace.name for trace in alone if trace.text is not None} <= {
        *("uniform grid", "search", "baseline")
    }


def test_wide_axes_are_logarithmic_with_whole_ticks(source: Source) -> None:
    figure = front_figure(source, P50, TOP1)
    assert figure.layout.xaxis.type == "log"
    assert "0.5" in figure.layout.xaxis.ticktext
    assert figure.layout.yaxis.type == "linear"


def test_the_chosen_entry_lies_on_the_front_s_line(run: Path) -> None:
    """Candidates have an accuracy on other images than entries, which put them above it."""
    (source,) = open_path(run)
    figure = front_figure(source, P50, TOP1)
    line = next(trace for trace in figure.data if trace.name == "Pareto front")
    for entry in Selector(source.table.entries).front:
        assert marks_of(source, entry, P50, TOP1).chosen in set(zip(line.x, line.y, strict=True))
