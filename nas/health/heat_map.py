"""Figure of the health report: top-1 over widths and resolutions, and over calibration sizes."""

import sys
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from planner.atomic import write_atomically

PNG_SIZE = {"width": 1200, "height": 500}
"""Of figures that set no height of their own."""


def heat_map(report: dict[str, Any]) -> go.Figure:
    """Heat map of the grid, with significant drops marked, beside a chart of the calibration."""
    figure = make_subplots(
        rows=1,
        cols=2,
        column_widths=[0.62, 0.38],
        horizontal_spacing=0.12,
        subplot_titles=(
            f"top-1 on {report['num_images']} selection images (v: worse than a smaller config)",
            "top-1 over calibration images",
        ),
    )
    drops = {drop["larger"] for drop in report["not_monotone"] if drop["significant"]}
    widths = [f"{width:g}" for width in report["widths"]]
    sides = [str(side) for side in report["resolutions"]]
    text = [
        [f"{top1:.1%}{' v' if f'w{width}-r{side}' in drops else ''}" for width, top1 in of_side]
        for side, of_side in (
            (side, list(zip(widths, row, strict=True)))
            for side, row in zip(sides, report["grid"], strict=True)
        )
    ]
    figure.add_heatmap(
        x=widths,
        y=sides,
        z=report["grid"],
        text=text,
        texttemplate="%{text}",
        colorscale="Cividis",
        showscale=False,
        row=1,
        col=1,
    )
    for config_id, by_size in report["calibration"].items():
        figure.add_scatter(
            x=list(by_size), y=list(by_size.values()), name=config_id, mode="lines+markers",
            row=1, col=2,
        )  # fmt: skip
    figure.update_xaxes(title="width", type="category", row=1, col=1)
    figure.update_yaxes(title="resolution (px)", type="category", row=1, col=1)
    figure.update_xaxes(title="images", type="log", tickvals=list(by_size), row=1, col=2)
    figure.update_yaxes(title="top-1", tickformat=".1%", row=1, col=2)
    return figure.update_layout(template="plotly_white", legend={"x": 1.01})


def write_figure(figure: go.Figure, stem: Path) -> list[Path]:
    """Write `stem`.html, which is self-contained, and `stem`.png; return the files written.

    Without kaleido or a browser to render with, no PNG is written, an old one is removed, and one
    line on stderr says so.
    """
    html, png = stem.with_suffix(".html"), stem.with_suffix(".png")
    page = figure.to_html(include_plotlyjs=True, default_height="95vh")
    write_atomically(html, page.encode("utf-8"))
    png.unlink(missing_ok=True)
    try:
        size = PNG_SIZE | ({"height": figure.layout.height} if figure.layout.height else {})
        image = figure.to_image("png", scale=2, **size)
    except Exception as error:  # kaleido and its browser raise many kinds
        reason = str(error).strip().partition("\n")[0]
        print(f"skipped {png}: it needs kaleido and Chrome or Chromium ({reason})", file=sys.stderr)
        return [html]
    write_atomically(png, image)
    return [html, png]
