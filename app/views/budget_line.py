"""Draw the budget line and the rings of the chosen entry over an unchanged chart.

`st.plotly_chart` redraws the whole chart whenever its figure changes, which with many points
takes most of the time of a budget change, and it only reports selected points to Python. An
invisible component therefore draws over the chart and reports drags and clicks.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.frames import rounded_up
from app.front_chart import Marks
from app.palette import CHOSEN

_draw_over = st.components.v2.component(
    "mutualnas_budget_line",
    js=Path(__file__).with_suffix(".js").read_text(encoding="ascii"),
)


def draw_over(
    chart: str,
    marks: Marks,
    budget: float | None,
    unit: str,
    choose: Callable[[float], None],
    pick: Callable[[str], None],
) -> None:
    """Draw marks over the chart with the key `chart`.

    `budget` is a value on the x axis; None draws no line. `choose` is called with the budget to
    which the line was dragged, `pick` with the config_id of a point that was clicked.
    """
    key = f"{chart}_line"

    def moved() -> None:
        place = st.session_state[key].get("budget")
        if isinstance(place, int | float) and place > 0:
            choose(rounded_up(place))

    def clicked() -> None:
        name = st.session_state[key].get("config")
        if isinstance(name, str):
            pick(name)

    data = {
        "chart": chart,
        "budget": budget,
        "unit": unit,
        "chosen": marks.chosen,
        "tied": marks.tied,
        "colour": CHOSEN,
    }
    _draw_over(key=key, data=data, on_budget_change=moved, on_config_change=clicked)
