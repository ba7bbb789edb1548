"""The comparison's table and its two figures."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from benchmarks.paper.systems import DEFAULT, EQUAL_MACS, PAPERS
from nas.health.heat_map import write_figure

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
    everyone = list(result["systems"])
    below = _where_it_is_below(result, "mutual", everyone)
    if DEFAULT in everyone:
        below += ["", *_where_it_is_below(result, DEFAULT, filter(_is_the_papers, everyone))]
    return "\n".join([*lines, "", *below, *_paired(result)]) + "\n"


def _paired(result: dict[str, Any]) -> list[str]:
    """A table for each system that others are compared with on the same images."""
    heads = [*(f"{macs / 1e6:.2f}" for macs in result["macs"]), "full network"]
    lines = []
    for name, others in result.get("paired", {}).items():
        lines += [
            "",
            f"top-1 of {name} minus that of others, in points, on the same images, seeds pooled, "
            "with 95 % intervals:",
            "",
            "| " + " | ".join(["against", *heads]) + " |",
            "|" + "---|" * (len(heads) + 1),
        ]
        for other, found in others.items():
            cells = map(_difference, [*found["by_budget"], found["full_network"]])
            lines.append("| " + " | ".join([other, *cells]) + " |")
    return lines


def _difference(value: dict[str, float] | None) -> str:
    if value is None:
        return "-"
    mean, low, high = (100 * value[name] for name in ("mean", "low", "high"))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _is_the_papers(system: str) -> bool:
    return system.removesuffix(EQUAL_MACS) in PAPERS


def _where_it_is_below(result: dict[str, Any], name: str, others: Iterable[str]) -> list[str]:
    """The budgets at which the centre of each of `others` is above that of system `name`."""
    mine = result["systems"][name]
    lines = []
    for other in others:
        theirs = result["systems"][other]
        above = [
            f"{macs / 1e6:.2f} (by {100 * (their['top1'] - my['top1']):.2f})"
            for macs, my, their in zip(result["macs"], mine["top1"], theirs["top1"], strict=True)
            if my and their and their["top1"] > my["top1"]
        ]
        ratio = mine["volume_ratio"] / theirs["volume_ratio"]
        if other != name:
            lines.append(
                f"- {other} is above {name} at {', '.join(above) or 'no'} MMACs; "
                f"volume of {name} to its: {ratio:.3f}"
            )
    return lines


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value['top1']:.1f} +-{100 * (value['high'] - value['top1']):.1f}"


def fronts(result: dict[str, Any]) -> go.Figure:
    """Top-1 against MACs, with intervals: the paper's systems and the default recipe.

    What is far below `mutual` lies outside the picture.
    """
    figure = go.Figure()
    colours = dict(zip([*PAPERS, DEFAULT], COLOURS, strict=False))
    for system, values in result["systems"].items():
        if not _is_the_papers(system) and system != DEFAULT:
            continue
        pairs = zip(result["macs"], values["top1"], strict=True)
        points = [(macs / 1e6, value) for macs, value in pairs if value is not None]
        figure.add_scatter(
            x=[macs for macs, _ in points],
            y=[value["top1"] for _, value in points],
            error_y=_bars([value for _, value in points]),
            name=f"{system}, the default" if system == DEFAULT else system,
            mode="lines+markers",
            line={
                "color": colours[system.removesuffix(EQUAL_MACS)],
                "dash": "dot" if system.endswith(EQUAL_MACS) else "solid",
            },
        )
    ticks = [digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5)]
    figure.update_xaxes(title="MMACs", type="log", tickvals=ticks)
    shown = [top1["top1"] for top1 in result["systems"]["mutual"]["top1"] if top1]
    figure.update_yaxes(
        title="top-1", tickformat=".1%", range=[min(shown) - 0.05, max(shown) + 0.06]
    )
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
