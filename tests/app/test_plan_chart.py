from app.opening import Source
from app.plan_chart import plan_figure, regret_figure
from app.plan_frames import regret_frame, served_frame
from planner import make_plans
from planner.plan import default_budgets


def test_the_regret_chart_rings_the_chosen_plan(sources: dict[str, Source]) -> None:
    plans = make_plans([source.table for source in sources.values()], 4)
    figure = regret_figure(regret_frame(plans), 2)
    ring = next(trace for trace in figure.data if trace.name == "this plan")
    assert list(ring.x) == [2]
    assert list(ring.y) == [plans[1].regret * 100]


def test_shipping_every_entry_is_drawn_above_the_plan(source: Source) -> None:
    plan = make_plans([source.table], 3)[-1]
    frame = served_frame(source.table, plan, default_budgets(source.table))
    everything, shipped, _ = plan_figure(frame).data
    assert (everything.y >= shipped.y).all()
    assert shipped.fill == "tonexty"


def test_a_single_budget_is_a_point(source: Source) -> None:
    plan = make_plans([source.table], 1)[0]
    frame = served_frame(source.table, plan, [(5.0, 1.0)] * 3)
    assert plan_figure(frame).data[1].mode == "markers"
