"""Trains and scores every system, and compares the best of each under equal budgets of MACs."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.paper.budgets import Budget
from benchmarks.paper.report import table, write_figures
from benchmarks.paper.scores import best_under, front_volume, interval, paired, score
from benchmarks.paper.systems import DEFAULT, Run
from supernet import Execution
from supernet.checkpoint import is_finished, replacing
from supernet.train.training import train

NUM_POINTS = 8


def compare(runs: Sequence[Run], out: Path, budget: Budget) -> dict[str, Any]:
    """Train and score what is missing; return the comparison."""
    scores: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    seconds = {}
    for number, run in enumerate(runs):
        folder = out / run.name
        begun = time.monotonic()
        if not is_finished(folder):
            print(f"{number + 1} of {len(runs)}: {run.name}", flush=True)
        train(run.job, folder, Execution(device="cpu", evaluate_every=0), resume=True)
        scores[run.system][run.job.seed] += score(run, folder, budget.num_widths)
        seconds[run.name] = round(time.monotonic() - begun, 1)
    trained = {run.system: {"epochs": run.job.epochs, "cost": run.cost} for run in runs}
    return summarise(scores, trained) | {"seconds_this_time": seconds}


def finished(runs: Sequence[Run], out: Path) -> list[Run]:
    """The runs that are trained; of a system some of whose networks are not, under another name."""
    missing = {(run.system, run.job.seed) for run in runs if not is_finished(out / run.name)}
    return [
        replace(run, system=f"{run.system}, unfinished")
        if (run.system, run.job.seed) in missing
        else run
        for run in runs
        if is_finished(out / run.name)
    ]


def summarise(
    scores: dict[str, dict[int, list[dict[str, Any]]]], trained: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """Each system's best under each budget of MACs, over seeds."""
    grid = sorted({each["macs"] for each in scores["mutual"][0]})
    macs = [grid[round(i * (len(grid) - 1) / (NUM_POINTS - 1))] for i in range(NUM_POINTS)]
    macs = sorted(set(macs))
    systems: dict[str, Any] = {}
    for system, by_seed in scores.items():
        top1 = [interval(_counts(by_seed, budget)) for budget in macs]
        systems[system] = {**trained[system], "top1": top1}
    for values in systems.values():
        values["volume_ratio"] = _volume_ratio(values["top1"], systems["mutual"]["top1"], macs)
    return {
        "num_seeds": len(scores["mutual"]),
        "num_report": scores["mutual"][0][0]["num_report"],
        "macs": macs,
        "systems": systems,
        "full_network": _full_network(scores),
        "paired": {
            name: {other: _paired(scores, name, other, macs) for other in scores if other != name}
            for name in ("mutual", DEFAULT)
            if name in scores
        },
    }


def _counts(by_seed: dict[int, list[dict[str, Any]]], macs: float) -> list[tuple[int, int]]:
    return [(each["report"], each["num_report"]) for each in _best(by_seed, macs)]


def _best(by_seed: dict[int, list[dict[str, Any]]], macs: float) -> list[dict[str, Any]]:
    """The best config of each seed under a budget of MACs."""
    best = [best_under(by_seed[seed], macs) for seed in sorted(by_seed)]
    return [each for each in best if each is not None]


def _full(by_seed: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The full network at the highest resolution, of each seed that has it."""
    side = max(each["resolution"] for of_seed in by_seed.values() for each in of_seed)
    return [
        each
        for seed in sorted(by_seed)
        for each in by_seed[seed]
        if each["width"] == 1 and each["resolution"] == side
    ]


def _paired(
    scores: dict[str, dict[int, list[dict[str, Any]]]], name: str, other: str, macs: list[float]
) -> dict[str, Any]:
    """The paired difference in top1 on `report` under each budget, and of the full networks."""
    mine, others = scores[name], scores[other]
    found = [paired(_best(mine, budget), _best(others, budget)) for budget in macs]
    full = paired(_full(mine), _full(others))
    return {
        "by_budget": [each and asdict(each) for each in found],
        "full_network": full and asdict(full),
    }


def _volume_ratio(mine: list[Any], mutual: list[Any], macs: list[float]) -> float:
    """Area under the front over log MACs against `mutual`'s, where both have configs."""
    both = [i for i in range(len(macs)) if mine[i] is not None and mutual[i] is not None]
    areas = [front_volume([(macs[i], of[i]["top1"]) for i in both]) for of in (mine, mutual)]
    return areas[0] / areas[1]


def _full_network(scores: dict[str, dict[int, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Top1 of the full network at the highest resolution, by how it was trained."""
    found: dict[str, Any] = {}
    for system, by_seed in scores.items():
        counts = [(each["report"], each["num_report"]) for each in _full(by_seed)]
        if counts:
            found[system] = interval(counts)
    return found


def write(out: Path, result: dict[str, Any]) -> None:
    """result.json, table.md and the figures."""
    with replacing(out / "result.json") as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n")
    with replacing(out / "table.md") as temporary:
        temporary.write_text(table(result))
    write_figures(result, out / "figure")
