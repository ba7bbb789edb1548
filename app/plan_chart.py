"""The charts of the page Plan."""

import pandas as pd
import plotly.graph_objects as go

from app.charts import new_figure, scale_of
from app.names import short
from app.palette import CHOSEN, GREY, device_style


def regret_figure(frame: pd.DataFrame, chosen: int) -> go.Figure:
    """Regret by number of entries, with the chosen plan ringed and the lower bound dashed."""
    figure = new_figure(360)
    figure.add_scatter(
        x=frame["num_entries"],
        y=frame["regret"],
        mode="lines+markers",
        name="regret",
        line={"color": device_style(0)[0], "width": 2},
        marker={"size": 9},
        hovertemplate="%{x} entries lose %{y:.3f} points<extra></extra>",
    )
    if (frame["regret"] - frame["bound"]).max() > 1e-6:
        figure.add_scatter(
            x=frame["num_entries"],
            y=frame["bound"],
            mode="lines",
            name="lower bound",
            line={"color": GREY, "dash": "dash"},
        )
    row = frame[frame["num_entries"] == chosen]
    figure.add_scatter(
        x=row["num_entries"],
        y=row["regret"],
        mode="markers",
        name="this plan",
        marker={"symbol": "circle-open", "size": 20, "color": CHOSEN, "line": {"width": 3}},
        hoverinfo="skip",
    )
    figure.update_xaxes(title="Number of entries shipped", dtick=1)
    figure.update_yaxes(title="Regret (expected loss of top-1), points", rangemode="tozero")
    return figure


def plan_figure(frame: pd.DataFrame) -> go.Figure:
    """top1 under each budget, for all entries and for the plan; the gap between them is the loss.

    `frame` is `plan_frames.served_frame`. The strip below the chart marks the budgets.
    """
    figure = new_figure(360)
    colour = device_style(0)[0]
    for column, name, line, fill in (
        ("all", "all entries", {"color": GREY, "dash": "dot", "width": 2}, None),
        ("plan", "this plan", {"color": colour, "width": 3}, "tonexty"),
    ):
        figure.add_scatter(
            x=frame["max_latency_ms"],
            y=frame[column],
            mode="lines" if frame["max_latency_ms"].nunique() > 1 else "markers",
            line=line | {"shape": "hv"},
            fill=fill,
            fillcolor="rgba(224, 102, 44, 0.25)",
            name=name,
            customdata=frame["config_id"].map(short),
            hovertemplate="%{y:.2f} % within %{x:.4g} ms"
            + ("<br>%{customdata}" if column == "plan" else ""),
        )
    figure.add_scatter(
        x=frame["max_latency_ms"],
        y=[0.0] * len(frame),
        yaxis="y2",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 9, "color": GREY},
        name="budgets",
        hoverinfo="skip",
    )
    figure.update_layout(
        yaxis={"domain": [0.12, 1], "title": "Top-1 accuracy, %"},
        yaxis2={"domain": [0, 0.06], "visible": False, "fixedrange": True},
        xaxis={"anchor": "y2"},
    )
    figure.update_xaxes(title="Budget for latency p50, ms", **scale_of(frame["max_latency_ms"]))
    return figure
