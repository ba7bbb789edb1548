"""The chart of the page Front: candidates by kind, Pareto front and positions of the marks."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
import plotly.graph_objects as go

from app.charts import new_figure, scale_of
from app.frames import candidates_frame, error_columns, thinned
from app.names import short
from app.opening import Source
from app.palette import CHOSEN, GREY, ORIGINS, origin_style
from app.quantities import MACS, P50, PARAMS, SELECTED, TOP1, Quantity, interval
from planner import Entry

MAX_ERROR_BARS = 60
OUTSIDE = "not in the table"


@lru_cache(maxsize=32)  # a page asks at every change of the budget; only axes matter
def drawn_frame(source: Source, x: Quantity, y: Quantity) -> pd.DataFrame:
    """The candidates to draw, with their tooltips in the column `hover`.

    The frame is cached: don't modify it.
    """
    frame = thinned(candidates_frame(source), x, y)
    return frame.assign(hover=[_hover(row) for row in frame.itertuples()])


@lru_cache(maxsize=32)
def front_figure(source: Source, x: Quantity, y: Quantity) -> go.Figure:
    """The candidates by origin and the Pareto front as steps, independent of the budget.

    Of several number types, each has shapes of its own. The figure is cached: don't modify it.
    """
    frame = drawn_frame(source, x, y)
    figure = new_figure(460)
    front = frame[frame["on_front"]].sort_values([x.column, y.column])
    figure.add_scatter(
        x=front[x.column] * x.factor,
        y=front[y.column] * y.factor,
        mode="lines",
        line={"shape": "hv", "color": GREY, "width": 2},
        name="Pareto front",
        hoverinfo="skip",
    )
    for (origin, place, in_table), rows in _by_kind(frame, source.table.target.dtypes):
        label, colour, symbol = origin_style(origin, place)
        named = _named(label, rows["dtype"].iloc[0], in_table)
        figure.add_trace(_points(rows, x, y, (named, colour, symbol), in_table))
    figure.add_trace(_named_ring("chosen", 24, 3.5))
    if frame["tied_with"].any():
        figure.add_trace(_named_ring("tied in latency", 16, 1.5))
    figure.update_xaxes(title=x.label, **scale_of(frame[x.column] * x.factor))
    figure.update_yaxes(title=y.label, **scale_of(frame[y.column] * y.factor))
    return figure


def _by_kind(
    frame: pd.DataFrame, dtypes: Sequence[str]
) -> Iterator[tuple[tuple[str, int, bool], pd.DataFrame]]:
    """The rows by origin, place of the number type and whether in the table; no kind is empty."""
    for origin, (place, dtype), in_table in itertools.product(
        ORIGINS, enumerate(dtypes), (False, True)
    ):
        rows = frame[(frame["origin"] == origin) & (frame["in_table"] == in_table)]
        if len(dtypes) > 1:
            rows = rows[rows["dtype"] == dtype]
        if len(rows):
            yield (origin, place, in_table), rows


def _named(label: str, dtype: str | None, in_table: bool) -> str:
    """The name of a kind in the legend."""
    return ", ".join([label, *([dtype] if dtype else []), *([] if in_table else [OUTSIDE])])


Place = tuple[float, float]
"""A position on the x and y axes, in their units."""


@dataclass(frozen=True)
class Marks:
    """The marked positions on the chart; entries with unknown values have none."""

    chosen: Place | None
    tied: list[Place]


def marks_of(source: Source, entry: Entry | None, x: Quantity, y: Quantity) -> Marks:
    """The positions of the chosen entry and of the entries tied with it in latency."""
    if entry is None:
        return Marks(None, [])
    tied = (_place(source.table.by_config_id[name], x, y) for name in entry.tied_with)
    return Marks(_place(entry, x, y), [place for place in tied if place])


def _place(entry: Entry, x: Quantity, y: Quantity) -> Place | None:
    across, up = entry.value(x.column), entry.value(y.column)
    return None if across is None or up is None else (across * x.factor, up * y.factor)


def _points(
    rows: pd.DataFrame, x: Quantity, y: Quantity, style: tuple[str, str, str], in_table: bool
) -> go.Scatter:
    """The candidates of one kind: larger on the front, hollow if not in the table."""
    name, colour, symbol = style
    sizes = rows["on_front"].map({True: 10, False: 7 if in_table else 6})
    front = rows[rows["on_front"]]
    bars = in_table and len(front) <= MAX_ERROR_BARS
    return go.Scatter(
        x=rows[x.column] * x.factor,
        y=rows[y.column] * y.factor,
        mode="markers",
        name=name,
        marker={
            "color": colour,
            "symbol": symbol if in_table else f"{symbol}-open",
            "size": sizes,
            "opacity": rows["on_front"].map({True: 1.0, False: 0.5}),
        },
        error_x=_error_bars(rows, x, colour) if bars else None,
        error_y=_error_bars(rows, y, colour) if bars else None,
        text=rows["hover"],
        customdata=rows["config_id"],
        hovertemplate="%{text}<extra></extra>",
    )


def _error_bars(rows: pd.DataFrame, quantity: Quantity, colour: str) -> dict[str, object] | None:
    """95 % confidence intervals on the front only; more would hide the points."""
    columns = error_columns(quantity)
    if columns is None:
        return None
    low, high = columns
    on_front = rows["on_front"]
    return {
        "type": "data",
        "symmetric": False,
        "array": ((rows[high] - rows[quantity.column]) * quantity.factor).where(on_front, 0.0),
        "arrayminus": ((rows[quantity.column] - rows[low]) * quantity.factor).where(on_front, 0.0),
        "color": colour,
        "thickness": 1,
        "width": 0,
    }


def _hover(row: object) -> str:
    """The tooltip of one candidate."""

    def of(quantity: Quantity) -> str:
        return quantity.shown(getattr(row, quantity.column))

    median = interval(P50, row.latency_p50_low_ms, row.latency_p50_high_ms)  # type: ignore[attr-defined]
    accuracies = [f"top-1 on selection images {of(SELECTED)}"]
    if row.in_table:  # type: ignore[attr-defined]
        top1 = interval(TOP1, row.top1_low, row.top1_high)  # type: ignore[attr-defined]
        accuracies = [f"top-1 {of(TOP1)} {top1}", *accuracies]
    lines = [
        f"<b>{short(row.config_id)}</b>",  # type: ignore[attr-defined]
        *accuracies,
        f"p50 {of(P50)} {median}, {row.kind}",  # type: ignore[attr-defined]
        f"{of(MACS)}, {of(PARAMS)} parameters",
    ]
    tied: str = row.tied_with  # type: ignore[attr-defined]
    return "<br>".join([*lines, f"tied in latency with {short(tied)}"] if tied else lines)


def _named_ring(name: str, size: int, width: float) -> go.Scatter:
    """A legend entry for rings that budget_line.js draws over the chart."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": size,
            "color": CHOSEN,
            "line": {"width": width, "color": CHOSEN},
        },
        name=name,
        hoverinfo="skip",
    )
