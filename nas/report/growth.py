"""Chart of the hypervolume's growth during a search, for report.html."""

import math
from collections.abc import Sequence
from itertools import accumulate

import plotly.graph_objects as go

from nas.evaluate.evaluation import Evaluation
from nas.report.figures import FRONT, SEARCH
from planner import Candidate, hypervolume


def growth_figure(evaluations: Sequence[Evaluation]) -> go.Figure:
    """Hypervolume, as a share of its final value, over evaluations and over worker time."""
    candidates = [each.candidate for each in evaluations]
    shares = hypervolume_shares(candidates)
    spent_min = list(accumulate(each.duration_s / 60 for each in evaluations))
    numbers = list(range(1, len(shares) + 1))
    figure = go.Figure()
    for axis, x, colour, name in (
        ("x", numbers, FRONT, "by evaluations"),
        ("x2", spent_min, SEARCH, "by worker time"),
    ):
        figure.add_scatter(
            x=x, y=shares, xaxis=axis, mode="lines", name=name, line={"color": colour}
        )
    num_grid = sum(candidate.origin == "grid" for candidate in candidates)
    if 0 < num_grid < len(candidates):
        figure.add_vline(x=num_grid, line_dash="dot", annotation_text="end of the uniform grid")
    figure.update_layout(
        template="plotly_white",
        xaxis={"title": "evaluations"},
        xaxis2={
            "title": "worker time (minutes, sum over workers)",
            "overlaying": "x",
            "side": "top",
        },
        yaxis={"title": "hypervolume", "tickformat": ".1%"},
        legend={"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom"},
    )
    return figure


def hypervolume_shares(candidates: Sequence[Candidate]) -> list[float]:
    """Hypervolume of the first 1, 2, ... candidates, as shares of that of all candidates.

    It is the area of top1 over log latency; the reference point is the worst of both.
    """
    points = [(each.accuracy.top1, math.log(each.latency.p50_ms)) for each in candidates]
    worst = min(top1 for top1, _ in points), max(cost for _, cost in points)
    whole = hypervolume(points, worst) or 1.0
    return [hypervolume(points[: end + 1], worst) / whole for end in range(len(points))]
