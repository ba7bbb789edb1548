from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.plan_frames import even_budgets
from app.quantities import points
from planner import Plan, make_plans

Open = Callable[..., AppTest]


def test_it_shows_the_planner_s_plans(open_page: Open, source: Source) -> None:
    page = open_page("plan", {"test CPU": source})
    plans = make_plans([source.table], 12)
    for k in (1, 3, 5):
        page.slider(key="k").set_value(k).run()
        assert page.dataframe[0].value["Config"].tolist() == list(plans[k - 1].config_ids)
        assert points(plans[k - 1].regret) in page.header[0].value
    assert any("proved" in caption.value for caption in page.caption)


def test_a_device_of_no_weight_is_left_out(open_page: Open, sources: dict[str, Source]) -> None:
    page = open_page("plan", sources)
    assert len(page.dataframe[0].value.columns) == 6
    page.slider(key="weight2").set_value(0).run()
    assert len(page.dataframe[0].value.columns) == 4
    page.slider(key="weight1").set_value(0).run()
    assert "all devices count equally" in page.info[0].value


def test_budgets_in_a_range(open_page: Open, source: Source) -> None:
    page = open_page(
        "plan", {"test CPU": source}, budgets="a range", budget_from=1.0, budget_to=5.0
    )
    page.slider(key="k").set_value(2).run()
    plans = make_plans([source.table], 12, budgets=even_budgets(1.0, 5.0))
    assert page.dataframe[0].value["Config"].tolist() == list(plans[1].config_ids)


def test_plans_are_computed_once_for_each_question(
    open_page: Open, sources: dict[str, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve plans were computed anew at every interaction."""
    asked = []

    def counted(*arguments: Any, **options: Any) -> list[Plan]:
        asked.append(options["weights"])
        return make_plans(*arguments, **options)

    monkeypatch.setattr("app.views.planning.make_plans", counted)
    page = open_page("plan", sources)
    for k in (1, 5, 2):
        page.slider(key="k").set_value(k).run()
    page.slider(key="weight2").set_value(3).run()
    page.slider(key="k").set_value(4).run()
    page.slider(key="weight2").set_value(1).run()
    assert asked == [(1.0, 1.0), (1.0, 3.0)]


def test_the_gap_is_shown_where_a_plan_is_not_proved_best(
    open_page: Open, sources: dict[str, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unproved(*arguments: Any, **options: Any) -> list[Plan]:
        plans = make_plans(*arguments, **options)
        return [replace(plan, regret_bound=plan.regret / 2) for plan in plans]

    monkeypatch.setattr("app.views.planning.make_plans", unproved)
    page = open_page("plan", sources)
    assert any(text.value.startswith("Not proved best") for text in page.caption)
