"""The budget's line and the rings of the chosen entry, over a chart that itself stays the same.

`st.plotly_chart` draws a chart from nothing whenever its figure changes, which with many points
is most of what a change of the budget takes, and it tells Python of selected points only. So a
component without a place of its own draws over the chart, and hears of a drag or a click.
"""

import math
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.front_chart import Marks
from app.palette import CHOSEN

_draw_over = st.components.v2.component(
    "mutualnas_budget_line",
    js=Path(__file__).with_suffix(".js").read_text(encoding="ascii"),
)


def draw_over(
    chart: str, marks: Marks, budget: float | None, unit: str, choose: Callable[[float], None]
) -> None:
    """Mark the chart with the key `chart`; call `choose` with the budget it is given by mouse.

    The line is drawn where there is a `budget`, a value on the x axis. Of a clicked point the
    budget is the point's own place, so that the point keeps it.
    """
    key = f"{chart}_line"

    def moved() -> None:
        place = st.session_state[key].get("budget")
        if isinstance(place, int | float) and place > 0:
            choose(rounded_up(place))

    data = {
        "chart": chart,
        "budget": budget,
        "unit": unit,
        "chosen": marks.chosen,
        "tied": marks.tied,
        "colour": CHOSEN,
    }
    _draw_over(key=key, data=data, on_budget_change=moved)


def rounded_up(value: float) -> float:
    """To 4 significant digits, never below the value."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return float(f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.4g}")
