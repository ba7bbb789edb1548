"""Charts of the front for report.html: on `report`, against the uniform grid, winner's curse."""

import itertools
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from planner import Candidate, LookupTable

# Okabe and Ito's palette, which is safe for colour-blind readers.
GRID, SEARCH, FRONT = "#999999", "#E69F00", "#0072B2"
SHAPES = ("circle", "triangle-up", "square", "cross")


def front_figure(table: LookupTable, candidates: Sequence[Candidate]) -> go.Figure:
    """Top-1 over latency: all candidates on `selection`, the front on `report` with intervals.

    Of several number types, each has a shape of its own.
    """
    figure = go.Figure()
    shapes = _shapes(table)
    for dtype, shape in shapes.items() if len(shapes) > 1 else ():
        marker = {"color": "#000000", "symbol": shape, "size": 9}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=dtype, marker=marker)
    for origin, colour, name in (("grid", GRID, "uniform grid"), ("search", SEARCH, "search")):
        some = [candidate for candidate in candidates if candidate.origin == origin]
        figure.add_scatter(
            x=[candidate.latency.p50_ms for candidate in some],
            y=[candidate.accuracy.top1 for candidate in some],
            mode="markers",
            name=f"{name} ({len(some)}), on selection",
            marker={
                "color": colour,
                "size": 7,
                "opacity": 0.7,
                "symbol": [_shape(shapes, candidate) for candidate in some],
            },
            customdata=[_hover(candidate) for candidate in some],
            hovertemplate="%{customdata}",
        )
    entries = list(table)
    figure.add_scatter(
        x=[entry.latency.p50_ms for entry in entries],
        y=[entry.accuracy.top1 for entry in entries],
        error_y=_bars([_top1(entry) for entry in entries]),
        error_x=_bars(
            [(e.latency.p50_low_ms, e.latency.p50_ms, e.latency.p50_high_ms) for e in entries]
        ),
        mode="lines+markers",
        name=f"front ({len(entries)}), on report",
        line={"color": FRONT, "width": 1, "dash": "dot"},
        marker={"size": 9, "symbol": [_shape(shapes, entry) for entry in entries]},
        customdata=[_hover(entry) for entry in entries],
        hovertemplate="%{customdata}",
    )
    target = table.target
    figure.update_layout(
        title=f"{table.supernet['model']} on {table.supernet['data']}: "
        f"{target.device}, {target.runtime} {target.runtime_version}"
    )
    return _on_latency(figure, "top-1")


def grid_figure(table: LookupTable) -> go.Figure:
    """The entries and the uniform grid's front, timed side by side, with their top1 on `report`."""
    grid = table.provenance.get("uniform_grid", [])
    figure = go.Figure()
    figure.add_scatter(
        x=[each["latency_p50_ms"] for each in grid],
        y=[each["top1"] for each in grid],
        error_y=_bars([(each["top1_low"], each["top1"], each["top1_high"]) for each in grid]),
        mode="lines+markers",
        name=f"uniform grid ({len(grid)})",
        line={"color": GRID, "dash": "dot"},
        marker={"size": 9, "symbol": "square"},
        customdata=[each["config_id"] for each in grid],
        hovertemplate="%{customdata}: %{y:.1%} in %{x:.3f} ms<extra></extra>",
    )
    figure.add_scatter(
        x=[entry.latency.p50_ms for entry in table],
        y=[entry.accuracy.top1 for entry in table],
        error_y=_bars([_top1(entry) for entry in table]),
        mode="lines+markers",
        name=f"entries ({len(list(table))})",
        line={"color": FRONT},
        marker={"size": 9},
        customdata=[_hover(entry) for entry in table],
        hovertemplate="%{customdata}",
    )
    return _on_latency(figure, "top-1 on report")


def curse_figure(table: LookupTable) -> go.Figure:
    """Top1 of each entry on `selection`, which it was selected by, and on the held-out `report`."""
    entries = list(table)
    names = [entry.config_id for entry in entries]
    figure = go.Figure()
    figure.add_scatter(
        x=names,
        y=[entry.top1_selection for entry in entries],
        mode="markers",
        name="selection split (used to select)",
        marker={"color": SEARCH, "size": 9, "symbol": "circle-open"},
    )
    figure.add_scatter(
        x=names,
        y=[entry.accuracy.top1 for entry in entries],
        error_y=_bars([_top1(entry) for entry in entries]),
        mode="markers",
        name="report split (held out)",
        marker={"color": FRONT, "size": 9},
    )
    figure.update_layout(
        template="plotly_white",
        yaxis={"title": "top-1", "tickformat": ".1%"},
        xaxis={"tickangle": -45, "automargin": True},
        legend={"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom"},
    )
    return figure


def _shapes(table: LookupTable) -> dict[str, str]:
    """The shape of each number type of the table's target."""
    return dict(zip(table.target.dtypes, itertools.cycle(SHAPES)))


def _shape(shapes: Mapping[str, str], candidate: Candidate) -> str:
    return shapes.get(candidate.config.dtype or "", SHAPES[0])


def _on_latency(figure: go.Figure, top1: str) -> go.Figure:
    return figure.update_layout(
        template="plotly_white",
        xaxis={
            "title": "latency of one batch, median (ms)",
            "type": "log",
            "tickvals": [digit * 10.0**power for power in range(-4, 6) for digit in (1, 2, 5)],
        },
        yaxis={"title": top1, "tickformat": ".0%"},
        legend={"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom"},
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


def _top1(candidate: Candidate) -> tuple[float, float, float]:
    accuracy = candidate.accuracy
    return accuracy.top1_low, accuracy.top1, accuracy.top1_high


def _hover(candidate: Candidate) -> str:
    low, top1, high = _top1(candidate)
    return (
        f"<b>{candidate.config_id}</b><br>"
        f"top-1 {top1:.1%} ({low:.1%} .. {high:.1%})<br>"
        f"latency {candidate.latency.p50_ms:.3f} ms, p90 {candidate.latency.p90_ms:.3f} ms<br>"
        f"{candidate.macs / 1e6:.2f} MMACs, {candidate.num_params:,} parameters"
        "<extra></extra>"
    )
