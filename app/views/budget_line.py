"""Takes the budget from the chart: its line is dragged, or a point is clicked.

`st.plotly_chart` tells Python of selected points only, so a component without a look of its own
listens to the chart beside it.
"""

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

CONFIG: dict[str, Any] = {"displaylogo": False, "edits": {"shapePosition": True}}
"""Of the chart whose first shape is the budget's line."""

_LISTEN = """
export default function({ data, setTriggerValue }) {
  let chart, timer;
  const moved = change => {
    const places = [change['shapes[0].x0'], change['shapes[0].x1']].map(Number);
    const place = places.find(x => x > 0 && Math.abs(x / data.budget - 1) > 1e-9);
    if (place) setTriggerValue('budget', place);
  };
  const clicked = event => setTriggerValue('budget', event.points[0].x);
  const listen = () => {
    chart = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (!chart?.on) { timer = setTimeout(listen, 100); return; }
    chart.on('plotly_relayout', moved);
    chart.on('plotly_click', clicked);
  };
  listen();
  return () => {
    clearTimeout(timer);
    chart?.removeListener?.('plotly_relayout', moved);
    chart?.removeListener?.('plotly_click', clicked);
  };
}
"""
_listener = st.components.v2.component("mutualnas_budget_line", js=_LISTEN)


def listen_to(chart: str, budget: float, choose: Callable[[float], None]) -> None:
    """Call `choose` with the budget that the chart with the key `chart` is dragged to.

    Of a clicked point it is the point's own place, so that the point keeps the budget.
    """
    key = f"{chart}_line"

    def moved() -> None:
        place = st.session_state[key].get("budget")
        if isinstance(place, int | float) and place > 0:
            choose(rounded_up(place))

    _listener(key=key, data={"chart": chart, "budget": budget}, on_budget_change=moved)


def rounded_up(value: float) -> float:
    """To 4 significant digits, never below the value."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return float(f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.4g}")
