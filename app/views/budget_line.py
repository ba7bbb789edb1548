"""Draw the budget line and the rings of the chosen entry over an unchanged chart.

`st.plotly_chart` redraws the whole chart whenever its figure changes, which with many points
takes most of the time of a budget change, and it only reports selected points to Python. An
invisible component therefore draws over the chart and reports drags and clicks.
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
    """Draw marks over the chart with the key `chart`; call `choose` with a budget set by mouse.

    `budget` is a value on the x axis; None draws no line. Clicking a point sets the budget to
    its x value, rounded up so that the point fits it.
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
    """Round up to 4 significant digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return float(f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.4g}")
