from app import charts, frames
from app.opening import Source
from planner import Diff


def test_each_device_has_a_line_and_the_chosen_config_is_wider(sources: dict[str, Source]) -> None:
    figure = charts.fronts_figure(frames.fronts_frame(sources))
    assert [trace.name for trace in figure.data] == list(sources)
    order = frames.order_frame(sources)
    chosen = order["config_id"].iloc[0]
    lines = charts.order_figure(order, chosen).data
    assert sum(line.line.width == 4 for line in lines) == 1
    one = charts.config_figure(frames.config_frame(sources, chosen))
    assert [len(trace.x) for trace in one.data] == [2, 2, 2]


def test_a_diff_is_drawn_by_config_and_by_budget(sources: dict[str, Source]) -> None:
    diff = Diff(*(source.table for source in sources.values()))
    (slower,) = charts.diff_figure(frames.diff_frame(diff)).data
    assert slower.name == "slower"
    assert len(slower.x) == 40
    old, new = charts.budgets_figure(frames.budgets_frame(diff)).data
    assert (old.name, new.name) == ("old table", "new table")


def test_devices_whose_names_begin_alike_stay_apart(sources: dict[str, Source]) -> None:
    """A name cut to its first 60 characters was one category for both."""
    alike = {
        "CPU " * 30 + name: source for name, source in zip("ab", sources.values(), strict=True)
    }
    fronts = charts.fronts_figure(frames.fronts_frame(alike))
    assert len({trace.name for trace in fronts.data}) == 2
    order = frames.order_frame(alike)
    (line, *_) = charts.order_figure(order, None).data
    assert len(set(line.x)) == 2
    one = charts.config_figure(frames.config_frame(alike, order["config_id"].iloc[0]))
    assert len(set(one.data[0].y)) == 2


def test_a_device_s_name_is_text(sources: dict[str, Source]) -> None:
    hostile = dict(zip(("<a href='x'>a</a>", "b"), sources.values(), strict=True))
    figure = charts.fronts_figure(frames.fronts_frame(hostile))
    assert figure.data[0].name.startswith("&lt;a")
    order = charts.order_figure(frames.order_frame(hostile), None)
    assert order.data[0].x[0].startswith("&lt;a")


def test_the_lines_of_two_tables_run_forward(sources: dict[str, Source]) -> None:
    diff = Diff(*(source.table for source in sources.values()))
    for line in charts.budgets_figure(frames.budgets_frame(diff)).data:
        assert list(line.x) == sorted(line.x)
