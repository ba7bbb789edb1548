from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.plan_frames import even_budgets
from app.quantities import points
from planner import make_plans

Open = Callable[..., AppTest]


def test_it_shows_the_planner_s_plans(open_page: Open, source: Source) -> None:
    page = open_page("plan", {"test CPU": source})
    plans = make_plans([source.table], 12)
    for k in (1, 3, 5):
        page.slider(key="k").set_value(k).run()
        assert page.dataframe[0].value["Config"].tolist() == list(plans[k - 1].config_ids)
        assert any(points(plans[k - 1].regret) in text.value for text in page.markdown)
    assert any("exact" in caption.value for caption in page.caption)


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
