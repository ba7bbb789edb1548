from typing import Any

import pytest
import streamlit as st

from app.front_chart import Marks
from app.views import budget_line


def test_a_drag_sets_the_budget_and_a_click_picks_the_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: dict[str, Any] = {}
    chosen: list[object] = []
    monkeypatch.setattr(budget_line, "_draw_over", lambda **options: drawn.update(options))
    monkeypatch.setattr(
        st, "session_state", {"front_line": {"budget": 0.12341, "config": "w1-r28"}}
    )
    marks = Marks((0.1, 90.0), [])
    budget_line.draw_over("front", marks, 0.2, "ms", chosen.append, chosen.append)
    drawn["on_budget_change"]()
    drawn["on_config_change"]()
    assert chosen == [0.1235, "w1-r28"]
    assert drawn["data"]["budget"] == 0.2
