"""Charts of the groups' widths for report.html: their importance, and all candidates."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from nas.report.figures import FRONT, GRID, SEARCH
from planner import Candidate


def importance_figure(shares: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Bar chart of each parameter's share of the variance, for each quantity in `shares`."""
    figure = go.Figure()
    for (name, of_parameters), colour in zip(shares.items(), (FRONT, SEARCH, GRID), strict=False):
        figure.add_bar(
            y=[*of_parameters],
            x=[*of_parameters.values()],
            orientation="h",
            name=name,
            marker={"color": colour},
        )
    figure.update_layout(
        template="plotly_white",
        xaxis={"title": "share of the variance", "tickformat": ".0%"},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def parallel_figure(candidates: Sequence[Candidate], names: Sequence[str]) -> go.Figure:
    """Parallel coordinates of the candidates: widths (`names`), resolution, costs and top1."""
    columns = {
        **{name: [_width(each, index) for each in candidates] for index, name in enumerate(names)},
        "resolution": [each.config.resolution for each in candidates],
        "MMACs": [each.macs / 1e6 for each in candidates],
        "latency ms": [each.latency.p50_ms for each in candidates],
        "top-1 %": [100 * each.accuracy.top1 for each in candidates],
    }
    return go.Figure(
        go.Parcoords(
            line={"color": columns["top-1 %"], "colorscale": "Viridis"},
            dimensions=[{"label": name, "values": values} for name, values in columns.items()],
        )
    ).update_layout(margin={"t": 60, "b": 30})


def _width(candidate: Candidate, group: int) -> float:
    widths = candidate.config.width_mults
    return widths[group] if len(widths) > 1 else widths[0]
