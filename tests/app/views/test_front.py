from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import P50, TOP1
from planner import Limits, select

Open = Callable[..., AppTest]


def test_a_budget_shows_the_planner_s_choice(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source})
    for budget in (0.5, 2.0, 8.0):
        page.number_input(key="budget").set_value(budget).run()
        entry = select(source.table, Limits(max_latency_ms=budget))
        assert page.subheader[0].value == f"Chosen: {entry.config_id}"
        assert page.metric[0].value == TOP1.shown(entry.accuracy.top1)
        assert page.metric[1].value == P50.shown(entry.latency.p50_ms)


def test_dragging_and_typing_agree(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source})
    drag = page.select_slider(key="drag")
    drag.set_value(drag.options[150] if not isinstance(drag.options[150], str) else 5.0).run()
    assert page.number_input(key="budget").value == page.session_state["drag"]
    page.number_input(key="budget").set_value(1.0).run()
    assert page.session_state["drag"] == pytest.approx(1.0, rel=0.05)


def test_a_limit_on_macs_changes_the_choice(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=4.0)
    page.number_input(key="max_macs").set_value(0.5).run()
    expected = select(source.table, Limits(max_latency_ms=4.0, max_macs=0.5e6))
    assert page.subheader[0].value == f"Chosen: {expected.config_id}"


def test_a_budget_that_nothing_keeps_says_so(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=0.0001)
    assert "the fastest" in page.warning[0].value
    assert not page.metric


def test_the_gain_of_one_more_millisecond_is_shown(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=1.0)
    assert any("1 ms more" in markdown.value for markdown in page.markdown)
    page.number_input(key="budget").set_value(1000.0).run()
    assert any("gains nothing" in markdown.value for markdown in page.markdown)
