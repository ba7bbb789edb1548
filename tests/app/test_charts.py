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


def test_long_names_are_cut() -> None:
    assert charts.short("a" * 60) == "a" * 60
    assert charts.short("a" * 61) == "a" * 57 + "..."
