"""The chart of one config: width and multiply-adds of each channel group."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import LEGEND, MARGIN
from app.palette import FAINT, device_style
from app.quantities import MACS

MAX_LABELLED = 12
"""The most bars that still have room for labels."""


def network_figure(groups: pd.DataFrame, resolution: int, full_resolution: int) -> go.Figure:
    """Draw `network_frame.groups_frame` from input to output, in front of the full network.

    The upper bars show each group's share of its channels, the lower bars its multiply-adds, if
    the table records them.
    """
    has_macs = bool(groups["macs"].notna().any())
    figure = make_subplots(
        rows=1 + has_macs,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.14,
        row_heights=[0.5, 0.5] if has_macs else None,
        subplot_titles=["Width, % of the full network's", "Multiply-adds, millions"][
            : 1 + has_macs
        ],
    )
    names = ["input", *groups["group"]]
    shares = [100 * resolution / full_resolution, *groups["width"]]
    texts = [f"{resolution} px", *(f"{width:.3g} %" for width in groups["width"])]
    layers = ["the image", *groups["layers"]]
    _bars(figure, 1, names, [100.0] * len(names), shares, texts, layers, centred=True)
    if has_macs:
        macs = groups["macs"] * MACS.factor
        texts = [
            f"{m:.3g} ({100 * part:.0f} %)"
            for m, part in zip(
                macs, groups["macs"] / groups["full_macs"].clip(lower=1), strict=True
            )
        ]
        full = groups["full_macs"] * MACS.factor
        _bars(figure, 2, names[1:], list(full), list(macs), texts, layers[1:], centred=False)
        figure.update_yaxes(gridcolor=FAINT, zeroline=False, row=2, col=1)
    figure.update_layout(
        height=260 + 240 * has_macs,
        margin=MARGIN | {"t": 56},
        legend=LEGEND | {"y": 1.1},
        barmode="overlay",
        bargap=0.3,
    )
    figure.update_annotations(x=0, xanchor="left", font_size=14)
    figure.update_xaxes(showgrid=False, showticklabels=len(names) <= MAX_LABELLED or None)
    figure.update_yaxes(visible=False, range=[-52, 52], row=1, col=1)
    return figure


def _bars(
    figure: go.Figure,
    row: int,
    names: list[str],
    full: list[float],
    mine: list[float],
    texts: list[str],
    layers: list[str],
    *,
    centred: bool,
) -> None:
    colour = device_style(0)[0]
    few = len(names) <= MAX_LABELLED
    for values, name, fill in (
        (full, "full network", FAINT),
        (mine, "this config", colour),
    ):
        is_mine = name == "this config"
        figure.add_bar(
            x=names,
            y=values,
            base=[-value / 2 for value in values] if centred else None,
            name=name,
            legendgroup=name,
            showlegend=row == 1,
            marker={"color": fill, "line": {"width": 0 if is_mine else 1, "color": "#8A8F98"}},
            text=texts if is_mine and few else None,
            textposition="inside" if centred else "outside",
            insidetextanchor="middle",
            customdata=list(zip(texts, layers, strict=True)) if is_mine else None,
            hovertemplate="<b>%{x}</b>: %{customdata[0]}<br>%{customdata[1]}<extra></extra>"
            if is_mine
            else None,
            hoverinfo=None if is_mine else "skip",
            row=row,
            col=1,
        )
