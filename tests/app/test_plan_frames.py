import pytest

from app.opening import Source
from app.plan_frames import even_budgets, plan_frame, regret_frame, served_frame
from planner import make_plans
from planner.plan import default_budgets


def test_plan_frames_agree_with_the_planners_regret(sources: dict[str, Source]) -> None:
    plans = make_plans([source.table for source in sources.values()], 3)
    curve = regret_frame(plans)
    assert curve["num_entries"].tolist() == [1, 2, 3]
    assert (curve["bound"] <= curve["regret"] + 1e-9).all()
    served = {
        name: served_frame(source.table, plans[-1], default_budgets(source.table))
        for name, source in sources.items()
    }
    shown = plan_frame(sources, plans[-1], served)
    assert shown["Config"].tolist() == list(plans[-1].config_ids)
    assert shown.shape == (3, 6)
    lost = [(rows["all"] - rows["plan"].fillna(0)).mean() for rows in served.values()]
    assert sum(lost) / 2 == pytest.approx(plans[-1].regret * 100)
    shares = shown.filter(like="Budgets").sum()
    assert (shares <= 100 + 1e-9).all()


def test_budgets_are_even_on_a_log_scale() -> None:
    budgets = [budget for budget, _ in even_budgets(0.1, 10.0, 3)]
    assert budgets == pytest.approx([0.1, 1.0, 10.0])
