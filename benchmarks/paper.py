"""The paper's comparison on one's own data: equal steps and equal MACs, seeds and intervals.

    python -m benchmarks.paper --data fashion-mnist --budget small --out runs/paper-fashion

Trains every system (benchmarks/paper_systems.py), scores a grid of widths x all resolutions of
each, and writes OUT/result.json, table.md and two figures. Every finished run stays in OUT, an
unfinished one goes on where it was: stop it whenever you like and run it again. With
`--max-minutes` it stops by itself, with exit code 3 while something is left to do.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.paper_budgets import BUDGETS, Budget
from benchmarks.paper_report import table, write_figures
from benchmarks.paper_scores import best_under, front_volume, interval, score
from benchmarks.paper_systems import Run, all_runs
from supernet import Execution, load_data
from supernet.checkpoint import is_finished, replacing
from supernet.data.torchvision_sets import DEFAULT_ROOT
from supernet.errors import SupernetError
from supernet.job.hyperparameters import CHOICES
from supernet.train.training import train

NAMES = {"fashion-mnist": "torchvision:FashionMNIST", "cifar10": "torchvision:CIFAR10"}
NUM_POINTS = 8
UNFINISHED = 3


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
    }


def _counts(by_seed: dict[int, list[dict[str, Any]]], macs: float) -> list[tuple[int, int]]:
    best = [best_under(scores, macs) for scores in by_seed.values()]
    return [(each["report"], each["num_report"]) for each in best if each is not None]


def _volume_ratio(mine: list[Any], mutual: list[Any], macs: list[float]) -> float:
    """Area under the front over log MACs against `mutual`'s, where both have configs."""
    both = [i for i in range(len(macs)) if mine[i] is not None and mutual[i] is not None]
    areas = [front_volume([(macs[i], of[i]["top1"]) for i in both]) for of in (mine, mutual)]
    return areas[0] / areas[1]


def _full_network(scores: dict[str, dict[int, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Top1 of the full network at the highest resolution, by how it was trained."""
    found: dict[str, Any] = {}
    for system, by_seed in scores.items():
        side = max(each["resolution"] for of_seed in by_seed.values() for each in of_seed)
        counts = [
            (each["report"], each["num_report"])
            for of_seed in by_seed.values()
            for each in of_seed
            if each["width"] == 1 and each["resolution"] == side
        ]
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


def _stop_after(minutes: float) -> None:
    """Ctrl-C this process after a while."""
    timer = threading.Timer(60 * minutes, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help=f"{', '.join(NAMES)} or as supernet.train's")
    parser.add_argument("--data-root", default=str(DEFAULT_ROOT))
    parser.add_argument("--resolutions", type=int, nargs="+", default=(28, 24, 20, 16))
    parser.add_argument("--budget", choices=sorted(BUDGETS), default="small")
    parser.add_argument("--epochs", type=int, help="instead of the budget's")
    parser.add_argument("--dtype", default="float32", choices=CHOICES["dtype"], help="of training")
    parser.add_argument("--finished", action="store_true", help="a table of what is finished")
    parser.add_argument("--max-minutes", type=float, help="stop by itself, to go on later")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    source, budget = NAMES.get(args.data, args.data), BUDGETS[args.budget]
    budget = replace(budget, epochs=args.epochs or budget.epochs, dtype=args.dtype)
    sides = tuple(sorted(args.resolutions, reverse=True))
    if args.max_minutes is not None:
        _stop_after(args.max_minutes)
    try:
        data = load_data(source, resolution=sides[0], root=Path(args.data_root))
        runs = list(all_runs(source, args.data_root, sides, budget, len(data.classes)))
        if args.finished:
            runs = finished(runs, args.out)
        result = compare(runs, args.out, budget)
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return UNFINISHED
    result |= {
        "title": f"{args.data}, {args.budget}: {budget.model} {budget.model_options}, "
        f"{budget.epochs} epochs, seeds: {result['num_seeds']}",
        "budget": vars(budget),
        "environment": environment(),
    }
    write(args.out, result)
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
