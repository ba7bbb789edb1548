"""DataFrames -> Plotly figures; pure functions, independent of Streamlit."""

import math

import pandas as pd
import plotly.graph_objects as go

from app.names import short, short_names
from app.palette import CHOSEN, FAINT, GREY, VERDICTS, device_style
from app.quantities import LATENCIES, P50, P99, TOP1
from planner.plain_text import in_html

MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
MAX_LABEL = 32
"""Characters of a label beside or below an axis."""
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}


def new_figure(height: int = 440) -> go.Figure:
    """An empty chart with the explorer's margins, legend and grid."""
    figure = go.Figure()
    figure.update_layout(height=height, margin=MARGIN, legend=LEGEND, hovermode="closest")
    figure.update_xaxes(automargin=True, gridcolor=FAINT, zeroline=False)
    figure.update_yaxes(automargin=True, gridcolor=FAINT, zeroline=False)
    return figure


def scale_of(values: "pd.Series[float]") -> dict[str, object]:
    """A linear axis, or a log axis with ticks at 1, 2 and 5 if max / min exceeds 20."""
    low, high = values.min(), values.max()
    if not (low > 0 and high / low > 20):
        return {"type": "linear"}
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _labels(devices: "pd.Series[str]") -> "pd.Series[str]":
    """Short names of devices that stay different, as text and in lines that fit a phone."""
    names = short_names(devices, MAX_LABEL)
    return devices.map(lambda device: in_html(names[device]).replace(", ", ",<br>"))


def fronts_figure(frame: pd.DataFrame) -> go.Figure:
    """The Pareto fronts of several devices on one latency axis."""
    figure = new_figure()
    names = short_names(frame["device"])
    for index, (device, rows) in enumerate(frame.groupby("device", sort=False)):
        colour, dash, symbol = device_style(index)
        figure.add_scatter(
            x=rows["latency_p50_ms"],
            y=rows["top1"] * 100,
            mode="lines+markers",
            name=in_html(names[str(device)]),
            line={"shape": "hv", "color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 7},
            customdata=rows["config_id"].map(short),
            hovertemplate="<b>%{customdata}</b><br>%{y:.2f} % at %{x:.4g} ms",
        )
    figure.update_xaxes(title=P50.label, **scale_of(frame["latency_p50_ms"]))
    figure.update_yaxes(title=TOP1.label)
    return figure


def order_figure(frame: pd.DataFrame, chosen: str | None) -> go.Figure:
    """Each shared config as a line through its ranks; crossing lines show a reversed order."""
    figure = new_figure(max(320, 17 * frame["config_id"].nunique() + 60))
    frame = frame.assign(device=_labels(frame["device"]))
    for config_id, rows in frame.groupby("config_id", sort=False):
        is_chosen = config_id == chosen
        figure.add_scatter(
            x=rows["device"],
            y=rows["rank"],
            mode="lines+markers",
            line={"color": CHOSEN if is_chosen else GREY, "width": 4 if is_chosen else 1.5},
            marker={"size": 10 if is_chosen else 7},
            opacity=1.0 if is_chosen else 0.7,
            name=short(str(config_id)),
            customdata=rows["latency_p50_ms"],
            hovertemplate=f"<b>{short(str(config_id))}</b><br>rank %{{y}}, %{{customdata:.4g}} ms"
            "<extra></extra>",
            showlegend=False,
        )
    figure.update_yaxes(
        title="Rank by latency (1: fastest)", range=[frame["rank"].max() + 0.5, 0.5], dtick=1
    )
    return figure


def config_figure(frame: pd.DataFrame) -> go.Figure:
    """One config's median with its confidence interval, p90 and p99 on each device."""
    figure = new_figure(120 + 56 * len(frame))
    devices = _labels(frame["device"])
    for percentile, name, symbol, colour in (
        ("p50", "p50 with 95 % confidence interval", "circle", device_style(0)[0]),
        ("p90", "p90", "diamond-open", device_style(1)[0]),
        ("p99", "p99", "square-open", device_style(2)[0]),
    ):
        figure.add_scatter(
            x=frame[LATENCIES[percentile].column],
            y=devices,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": colour},
            error_x={
                "type": "data",
                "array": frame["latency_p50_high_ms"] - frame[P50.column],
                "arrayminus": frame[P50.column] - frame["latency_p50_low_ms"],
            }
            if percentile == "p50"
            else None,
            hovertemplate=f"{percentile} %{{x:.4g}} ms<extra></extra>",
        )
    scale = scale_of(pd.concat([frame[P50.column], frame[P99.column]]))
    figure.update_xaxes(title="Latency, ms", **scale)
    figure.update_yaxes(autorange="reversed")
    return figure


def diff_figure(frame: pd.DataFrame) -> go.Figure:
    """The change of each config's median latency, styled by verdict."""
    figure = new_figure()
    for verdict, (colour, symbol) in VERDICTS.items():
        rows = frame[frame["latency"] == verdict]
        if len(rows):
            figure.add_scatter(
                x=rows["old_ms"],
                y=rows["latency_change"],
                mode="markers",
                name=verdict,
                marker={"color": colour, "symbol": symbol, "size": 10},
                customdata=rows["config_id"].map(short),
                hovertemplate="<b>%{customdata}</b><br>%{x:.4g} ms, %{y:+.1f} %<extra></extra>",
            )
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    figure.update_xaxes(title="Old latency p50, ms", **scale_of(frame["old_ms"]))
    figure.update_yaxes(title="Change of latency p50, %")
    return figure


def budgets_figure(frame: pd.DataFrame) -> go.Figure:
    """The highest top1 under each budget in the old and the new table."""
    figure = new_figure(340)
    for index, (column, name) in enumerate((("old", "old table"), ("new", "new table"))):
        colour, dash, symbol = device_style(index)
        figure.add_scatter(
            x=frame["max_latency_ms"],
            y=frame[column],
            mode="lines+markers",
            line={"shape": "hv", "color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 7},
            name=name,
            hovertemplate="%{y:.2f} % within %{x:.4g} ms",
        )
    figure.update_xaxes(title="Budget for latency p50, ms", **scale_of(frame["max_latency_ms"]))
    figure.update_yaxes(title="Highest top-1 accuracy, %")
    return figure
