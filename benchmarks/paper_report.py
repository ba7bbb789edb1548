"""The comparison's table and its two figures."""

from itertools import cycle
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from benchmarks.paper_systems import EQUAL_MACS
from nas.heat_map import write_figure

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")


def table(result: dict[str, Any]) -> str:
    """Markdown: a row for each system, a column for each MACs budget."""
    budgets = [f"{macs / 1e6:.2f}" for macs in result["macs"]]
    lines = [
        f"top-1 (%) on {result['num_report']} report images, with 95 % intervals over images and "
        "seeds, of the config that is best on selection under each budget of MMACs, over all "
        "resolutions; cost: training MACs against mutual's; volume: area over log MACs likewise",
        "",
        "| " + " | ".join(["system", "seeds", "epochs", "cost", *budgets, "volume"]) + " |",
        "|" + "---|" * (len(budgets) + 5),
    ]
    for system, values in result["systems"].items():
        cells = [
            system,
            str(max(len(top1["seeds"]) for top1 in values["top1"] if top1)),
            str(values["epochs"]),
            f"{values['cost']:.2f}",
            *(_cell(top1) for top1 in values["top1"]),
            f"{values['volume_ratio']:.4f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_where_mutual_is_below(result)]) + "\n"


def _where_mutual_is_below(result: dict[str, Any]) -> list[str]:
    """For each other system, the budgets at which its centre is above `mutual`'s."""
    mutual = result["systems"]["mutual"]["top1"]
    lines = []
    for system, values in result["systems"].items():
        above = [
            f"{macs / 1e6:.2f} (by {100 * (theirs['top1'] - mine['top1']):.2f})"
            for macs, mine, theirs in zip(result["macs"], mutual, values["top1"], strict=True)
            if mine and theirs and theirs["top1"] > mine["top1"]
        ]
        if system != "mutual":
            lines.append(f"- {system} is above mutual at {', '.join(above) or 'no'} MMACs")
    return lines


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value['top1']:.1f} +-{100 * (value['high'] - value['top1']):.1f}"


def fronts(result: dict[str, Any]) -> go.Figure:
    """Top-1 against MACs, with intervals; lower bounds of the width are hidden until clicked at."""
    figure = go.Figure()
    colours = dict.fromkeys(system.removesuffix(EQUAL_MACS) for system in result["systems"])
    colours |= dict(zip(colours, cycle(COLOURS), strict=False))
    for system, values in result["systems"].items():
        pairs = zip(result["macs"], values["top1"], strict=True)
        points = [(macs / 1e6, value) for macs, value in pairs if value is not None]
        figure.add_scatter(
            x=[macs for macs, _ in points],
            y=[value["top1"] for _, value in points],
            error_y=_bars([value for _, value in points]),
            name=system,
            mode="lines+markers",
            line={
                "color": colours[system.removesuffix(EQUAL_MACS)],
                "dash": "dot" if system.endswith(EQUAL_MACS) else "solid",
            },
            visible="legendonly" if system.startswith("mutual ") else True,
        )
    ticks = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
    figure.update_xaxes(title="MMACs", type="log", tickvals=ticks)
    figure.update_yaxes(title="top-1", tickformat=".1%")
    return figure.update_layout(template="plotly_white", title=result["title"])


def boost(result: dict[str, Any]) -> go.Figure:
    """The full network at its highest resolution: by lower bound of width, and trained alone."""
    figure = go.Figure()
    values = result["full_network"]
    figure.add_scatter(
        x=list(values),
        y=[value["top1"] for value in values.values()],
        error_y=_bars(list(values.values())),
        mode="markers",
        marker={"size": 12, "color": COLOURS[0]},
    )
    figure.update_xaxes(title="how the full network was trained", type="category")
    figure.update_yaxes(title="top-1 of the full network", tickformat=".1%")
    return figure.update_layout(template="plotly_white", title=result["title"])


def _bars(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [value["high"] - value["top1"] for value in values],
        "arrayminus": [value["top1"] - value["low"] for value in values],
        "thickness": 1,
    }


def write_figures(result: dict[str, Any], stem: Path) -> None:
    """`stem`-fronts and `stem`-boost, each as .html and .png."""
    write_figure(fronts(result), stem.with_name(f"{stem.name}-fronts"))
    write_figure(boost(result), stem.with_name(f"{stem.name}-boost"))
