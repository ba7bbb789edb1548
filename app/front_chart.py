"""The chart of the page Front: candidates by origin, the front, a budget and what it chooses."""

import pandas as pd
import plotly.graph_objects as go

from app.charts import new_figure, scale_of, short
from app.frames import error_columns
from app.palette import CHOSEN, GREY, ORIGINS
from app.quantities import MACS, P50, PARAMS, TOP1, Quantity, interval

MAX_ERROR_BARS = 60


def front_figure(
    frame: pd.DataFrame,
    x: Quantity,
    y: Quantity,
    *,
    budget: float | None = None,
    chosen: str | None = None,
) -> go.Figure:
    """All candidates of `frames.thinned` by origin, the front as steps, the chosen one ringed.

    `budget` is a value on the x axis, in its unit.
    """
    figure = new_figure()
    front = frame[frame["on_front"]].sort_values([x.column, y.column])
    figure.add_scatter(
        x=front[x.column] * x.factor,
        y=front[y.column] * y.factor,
        mode="lines",
        line={"shape": "hv", "color": GREY, "width": 1.5},
        name="Pareto front",
        hoverinfo="skip",
    )
    for origin, (label, colour, symbol) in ORIGINS.items():
        for in_table in (False, True):
            rows = frame[(frame["origin"] == origin) & (frame["in_table"] == in_table)]
            if len(rows):
                _add_points(figure, rows, x, y, (label, colour, symbol), in_table)
    _add_chosen(figure, frame[frame["config_id"] == chosen], x, y)
    if budget is not None:
        figure.add_vline(
            x=budget,
            line={"color": CHOSEN, "dash": "dash", "width": 1.5},
            annotation={"text": f"budget {x.number(budget / x.factor)} {x.unit}"},
            annotation_position="bottom right",
        )
    figure.update_xaxes(title=x.label, **scale_of(frame[x.column] * x.factor))
    figure.update_yaxes(title=y.label, **scale_of(frame[y.column] * y.factor))
    return figure


def _add_points(
    figure: go.Figure,
    rows: pd.DataFrame,
    x: Quantity,
    y: Quantity,
    style: tuple[str, str, str],
    in_table: bool,
) -> None:
    label, colour, symbol = style
    bars = in_table and len(rows) <= MAX_ERROR_BARS
    figure.add_trace(
        go.Scatter(
            x=rows[x.column] * x.factor,
            y=rows[y.column] * y.factor,
            mode="markers",
            name=label if in_table else f"{label}, not in the table",
            marker={
                "color": colour,
                "symbol": symbol if in_table else f"{symbol}-open",
                "size": 9 if in_table else 6,
                "opacity": 1.0 if in_table else 0.55,
            },
            error_x=_error_bars(rows, x, colour) if bars else None,
            error_y=_error_bars(rows, y, colour) if bars else None,
            text=[_hover(row) for row in rows.itertuples()],
            customdata=rows["config_id"],
            hovertemplate="%{text}<extra></extra>",
        )
    )


def _error_bars(rows: pd.DataFrame, quantity: Quantity, colour: str) -> dict[str, object] | None:
    columns = error_columns(quantity)
    if columns is None:
        return None
    low, high = columns
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows[high] - rows[quantity.column]) * quantity.factor,
        "arrayminus": (rows[quantity.column] - rows[low]) * quantity.factor,
        "color": colour,
        "thickness": 0.75,
        "width": 2,
    }


def _hover(row: object) -> str:
    """What the mouse shows of one candidate, a line each."""

    def of(quantity: Quantity) -> str:
        return quantity.shown(getattr(row, quantity.column))

    top1 = interval(TOP1, row.top1_low, row.top1_high)  # type: ignore[attr-defined]
    median = interval(P50, row.latency_p50_low_ms, row.latency_p50_high_ms)  # type: ignore[attr-defined]
    lines = [
        f"<b>{short(row.config_id)}</b>",  # type: ignore[attr-defined]
        f"top-1 {of(TOP1)} {top1}",
        f"p50 {of(P50)} {median}, {row.kind}",  # type: ignore[attr-defined]
        f"{of(MACS)}, {of(PARAMS)} parameters",
    ]
    tied: str = row.tied_with  # type: ignore[attr-defined]
    return "<br>".join([*lines, f"tied in latency with {short(tied)}"] if tied else lines)


def _add_chosen(figure: go.Figure, row: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    figure.add_scatter(
        x=row[x.column] * x.factor,
        y=row[y.column] * y.factor,
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": 22,
            "color": CHOSEN,
            "line": {"width": 3, "color": CHOSEN},
        },
        name="chosen",
        hoverinfo="skip",
        visible=True if len(row) else "legendonly",
    )
