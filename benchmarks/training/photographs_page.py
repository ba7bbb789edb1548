"""The tables and the figure of docs/photographs.md, from benchmarks/training/photographs.py."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

import plotly.graph_objects as go

from benchmarks.page import DOCS, put_into_page
from benchmarks.paper.scores import best_under
from nas.evaluate.evaluation import from_text
from nas.evaluate.paired import paired_difference
from supernet.evaluate.accuracy import wilson

SCRIPT = "benchmarks/training/photographs.py"
PAGE = DOCS / "photographs.md"
FIGURE = PAGE.with_suffix(".png")
WIDTHS = (1.0, 0.75, 0.5)
ALONE = ("alone", "plain")
Run = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Top1:
    """Top-1 on `report`, or the difference of two, with its 95 % interval; all in %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def top1(run: Run, config: str) -> Top1:
    """Of one config, with Wilson's interval."""
    num_images = run["num_images"]["report"]
    share = run["correct"][config]["report"] / num_images
    low, high = wilson(share, num_images)
    return Top1(value=100 * share, low=100 * low, high=100 * high)


def difference(first: tuple[Run, str], second: tuple[Run, str]) -> Top1:
    """How much more the first (run, config) has right, of the same images."""
    one, other = (from_text(run["correct_images"][config]) for run, config in (first, second))
    found = paired_difference(one, other)
    return Top1(value=100 * found.mean, low=100 * found.low, high=100 * found.high)


def rival(name: str, width: float) -> str:
    """The system that trains a network of that width alone."""
    return name if width == 1 else f"{name}-{width:g}"


def by_system(runs: Iterable[Run]) -> dict[tuple[str, int], Run]:
    """Each run by its system and seed."""
    return {(run["system"], run["seed"]): run for run in runs}


def resolutions_of(runs: Iterable[Run]) -> list[int]:
    """All resolutions at which the runs were scored, the highest first."""
    names = {name for run in runs for name in run["correct"]}
    return sorted({int(name.rpartition("-r")[2]) for name in names}, reverse=True)


def summary(runs: list[Run]) -> list[dict[str, Any]]:
    """Of each width and seed: the supernet against each network of that width trained alone.

    At the highest resolution. Values are the fields of `Top1`; what is missing is left out.
    """
    found, side = by_system(runs), max(resolutions_of(runs))
    rows = []
    for width in WIDTHS:
        config = f"w{width:g}-r{side}"
        for seed in sorted({run["seed"] for run in runs}):
            row: dict[str, Any] = {"width": width, "resolution": side, "seed": seed}
            mine = found.get(("supernet", seed))
            if mine:
                row["supernet"] = vars(top1(mine, config))
            for name in ALONE:
                other = found.get((rival(name, width), seed))
                if other:
                    row[name] = vars(top1(other, config))
                if mine and other:
                    row[f"supernet - {name}"] = vars(difference((mine, config), (other, config)))
            rows.append(row)
    return rows


def front_summary(runs: list[Run]) -> list[dict[str, Any]]:
    """Of each resolution and seed: the full network alone, and what the supernet has to offer.

    That is its subnet of no more MACs that is best on `selection`; both are told by `report`.
    """
    found, rows = by_system(runs), []
    for side in resolutions_of(runs):
        for seed in sorted({run["seed"] for run in runs}):
            mine, other = found.get(("supernet", seed)), found.get(("alone", seed))
            if not mine or not other:
                continue
            config = f"w1-r{side}"
            offered = [
                {"config": name, "macs": mine["macs"][name], **correct}
                for name, correct in mine["correct"].items()
            ]
            best = best_under(offered, other["macs"][config])
            assert best is not None  # the same config is one of them
            rows.append({
                "resolution": side,
                "seed": seed,
                "macs": other["macs"][config],
                "alone": vars(top1(other, config)),
                "best": best["config"],
                "best_macs": best["macs"],
                "supernet": vars(top1(mine, best["config"])),
                "supernet - alone": vars(difference((mine, best["config"]), (other, config))),
            })  # fmt: skip
    return rows


def tables(runs: list[Run]) -> Iterator[str]:
    """Lines of Markdown: by width against networks trained alone, and by resolution."""
    side = max(resolutions_of(runs))
    columns = ["supernet", *(c for name in ALONE for c in (name, f"supernet - {name}"))]
    yield f"Top-1 in % at {side} px, with 95 % intervals (paired, for differences):"
    yield ""
    yield from table_lines(
        ["width", "seed", *columns],
        [[f"{row['width']:g}", row["seed"], *_cells(row, columns)] for row in summary(runs)],
    )
    yield ""
    yield (
        "The network fine-tuned alone at each resolution, and the subnet of no more MACs that is "
        "best on `selection`:"
    )
    yield ""
    columns = ["alone", "supernet", "supernet - alone"]
    yield from table_lines(
        ["px", "seed", "million MACs", "alone", "subnet", *columns[1:]],
        [
            [row["resolution"], row["seed"], f"{row['macs'] / 1e6:.1f}", alone, _named(row), *rest]
            for row in front_summary(runs)
            for alone, *rest in [_cells(row, columns)]
        ],
    )


def _named(row: dict[str, Any]) -> str:
    return f"`{row['best']}`, {row['best_macs'] / 1e6:.1f}"


def _cells(row: dict[str, Any], columns: list[str]) -> list[str]:
    return [str(Top1(**row[name])) if name in row else "-" for name in columns]


def table_lines(head: list[str], rows: list[list[Any]]) -> Iterator[str]:
    """Lines of a Markdown table, aligned to the right."""
    yield f"| {' | '.join(head)} |"
    yield "|---:" * len(head) + "|"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def figure(runs: list[Run]) -> go.Figure:
    """Top-1 on `report` over the resolution, mean of the seeds: the supernet and `alone`."""
    drawn, sides = go.Figure(), resolutions_of(runs)
    colours = dict(zip(WIDTHS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
    for width in WIDTHS:
        for system, dash in (("supernet", "solid"), (rival("alone", width), "dash")):
            mine = [run for run in runs if run["system"] == system]
            values = [mean(top1(run, f"w{width:g}-r{side}").value for run in mine) for side in sides
                      if mine]  # fmt: skip
            drawn.add_scatter(
                x=sides[: len(values)],
                y=values,
                mode="lines+markers",
                name=f"{system.partition('-')[0]}, width {width:g}",
                line={"color": colours[width], "dash": dash},
            )
    drawn.update_layout(template="plotly_white", font_size=14, margin_t=30)
    drawn.update_xaxes(title="resolution (px)", tickvals=sides)
    drawn.update_yaxes(title="top-1 on test photographs (%)")
    return drawn


def write_page(runs: list[Run]) -> None:
    """Put the tables into the page, and draw the figure beside it."""
    figure(runs).write_image(FIGURE, width=1000, height=560, scale=1.5)
    shown = f"![Top-1 over the resolution]({FIGURE.name})"
    put_into_page(SCRIPT, [shown, "", conditions(runs), "", *tables(runs), ""], PAGE)


def conditions(runs: list[Run]) -> str:
    """A line of the machine, the number of photographs and the epochs."""
    about, epochs = runs[0]["environment"], sorted({run["epochs"] for run in runs})
    return (
        f"{about['cpu']}, torch {about['torch']}; {runs[0]['num_images']['train']:,} photographs to"
        f" train on, {' or '.join(map(str, epochs))} epochs, {runs[0]['num_images']['report']:,} "
        "photographs to report on."
    )
