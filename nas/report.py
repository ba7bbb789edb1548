"""report.html: the front with intervals, and grid against search."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from planner import Candidate, LookupTable
from supernet.checkpoint import replacing

# Okabe and Ito's colours, which colour-blind people can tell apart.
GRID, SEARCH, FRONT = "#999999", "#E69F00", "#0072B2"


def front_figure(table: LookupTable, candidates: Sequence[Candidate]) -> go.Figure:
    """Top-1 over latency: all candidates on `selection`, the front on `report` with intervals."""
    figure = go.Figure()
    for origin, colour, name in (("grid", GRID, "uniform grid"), ("search", SEARCH, "search")):
        some = [candidate for candidate in candidates if candidate.origin == origin]
        figure.add_scatter(
            x=[candidate.latency_p50_ms for candidate in some],
            y=[candidate.top1 for candidate in some],
            mode="markers",
            name=f"{name} ({len(some)}), on selection",
            marker={"color": colour, "size": 7, "opacity": 0.7},
            customdata=[_hover(candidate) for candidate in some],
            hovertemplate="%{customdata}",
        )
    entries = list(table)
    figure.add_scatter(
        x=[entry.latency_p50_ms for entry in entries],
        y=[entry.top1 for entry in entries],
        error_y=_bars([(e.top1_low, e.top1, e.top1_high) for e in entries]),
        error_x=_bars(
            [(e.latency_p50_low_ms, e.latency_p50_ms, e.latency_p50_high_ms) for e in entries]
        ),
        mode="lines+markers",
        name=f"front ({len(entries)}), on report",
        line={"color": FRONT, "width": 1, "dash": "dot"},
        marker={"size": 9},
        customdata=[_hover(entry) for entry in entries],
        hovertemplate="%{customdata}",
    )
    target = table.target
    figure.update_layout(
        template="plotly_white",
        title=f"{table.supernet['model']} on {table.supernet['data']}: "
        f"{target.device}, {target.runtime} {target.runtime_version}",
        xaxis={
            "title": "latency of one batch, median (ms)",
            "type": "log",
            "tickvals": [digit * 10.0**power for power in range(-4, 6) for digit in (1, 2, 5)],
        },
        yaxis={"title": "top-1", "tickformat": ".0%"},
        legend={"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom"},
    )
    return figure


def write_report(path: Path, table: LookupTable, candidates: Sequence[Candidate]) -> None:
    """Write the figure as one HTML file that needs no network."""
    with replacing(path) as temporary:
        front_figure(table, candidates).write_html(
            temporary, include_plotlyjs=True, default_height="95vh"
        )


def _bars(triples: Sequence[tuple[float, float, float]]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "arrayminus": [middle - low for low, middle, _ in triples],
        "array": [high - middle for _, middle, high in triples],
        "thickness": 1,
        "width": 3,
    }


def _hover(candidate: Candidate) -> str:
    return (
        f"<b>{candidate.config_id}</b><br>"
        f"top-1 {candidate.top1:.1%} ({candidate.top1_low:.1%} .. {candidate.top1_high:.1%})<br>"
        f"latency {candidate.latency_p50_ms:.3f} ms, p90 {candidate.latency_p90_ms:.3f} ms<br>"
        f"{candidate.macs / 1e6:.2f} MMACs, {candidate.num_params:,} parameters"
        "<extra></extra>"
    )
