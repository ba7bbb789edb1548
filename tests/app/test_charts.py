from app import charts, frames
from app.opening import Source
from planner import Diff, make_plans
from planner.plan import default_budgets


def test_devices(sources: dict[str, Source]) -> None:
    figure = charts.fronts_figure(frames.fronts_frame(sources))
    assert [trace.name for trace in figure.data] == list(sources)
    order = frames.order_frame(sources)
    chosen = order["config_id"].iloc[0]
    lines = charts.order_figure(order, chosen).data
    assert sum(line.line.width == 4 for line in lines) == 1
    one = charts.config_figure(frames.config_frame(sources, chosen))
    assert [len(trace.x) for trace in one.data] == [2, 2, 2]


def test_regret(sources: dict[str, Source]) -> None:
    plans = make_plans([source.table for source in sources.values()], 4)
    figure = charts.regret_figure(frames.regret_frame(plans), 2)
    ring = next(trace for trace in figure.data if trace.name == "this plan")
    assert list(ring.x) == [2]
    assert list(ring.y) == [plans[1].regret * 100]


def test_a_plan_under_what_everything_gives(source: Source) -> None:
    plan = make_plans([source.table], 3)[-1]
    frame = frames.served_frame(source.table, plan, default_budgets(source.table))
    everything, shipped, _ = charts.plan_figure(frame).data
    assert (everything.y >= shipped.y).all()
    assert shipped.fill == "tonexty"


def test_diffs(sources: dict[str, Source]) -> None:
    diff = Diff(*(source.table for source in sources.values()))
    (slower,) = charts.diff_figure(frames.diff_frame(diff)).data
    assert slower.name == "slower"
    assert len(slower.x) == 40
    old, new = charts.budgets_figure(frames.budgets_frame(diff)).data
    assert (old.name, new.name) == ("old table", "new table")


def test_long_names_are_cut() -> None:
    assert charts.short("a" * 60) == "a" * 60
    assert charts.short("a" * 61) == "a" * 57 + "..."
