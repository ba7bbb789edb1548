"""How many evaluations a search needs: ours against Optuna's samplers, replayed on a record.

    python -m benchmarks.search.efficiency
    python -m benchmarks.search.efficiency --samplers guide --seeds 0 1 2     (adds to the results)

Each config of a trained supernet has been evaluated once (record_space.py). Here searches run on
that record: the product (`nas.search.study.Study`: uniform grid, then the guide), the
uniform grid alone, and Optuna's samplers with their defaults, on the same parameters, for top1 and
latency. An evaluation counts when its config is new; what Optuna's samplers suggest again costs
them nothing. Reported: the share of the exhaustive hypervolume (see Record.hypervolume) after each
evaluation, and how many evaluations a share takes. Writes results/search/efficiency.json and
docs/search_efficiency.png.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import optuna
from plotly.graph_objects import Figure
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from benchmarks.search.recorded import Record, load_record
from nas.search import SearchJob
from nas.search.samplers import OPTUNAS
from nas.search.study import Study
from planner.atomic import write_atomically
from supernet import SubnetConfig

RESULTS = result_file(__file__)
FIGURE = RESULTS.parents[3] / "docs" / "search_efficiency.png"
LABELS = {
    "guide": "uniform grid, then guide",
    "repeatable": "uniform grid, then guide by MACs",
    "grid": "uniform grid, finer",
    "tpe": "TPE",
    "nsga2": "NSGA-II",
    "nsga3": "NSGA-III",
    "gp": "GP",
}
SHARES = (0.99, 0.995, 0.999)
EVERY = 10
MAX_ASKED = 4
"""Suggestions an evaluation on average, before a sampler that only repeats itself is stopped."""

Search = Callable[[Record, int, int], list[int]]
"""Record, seed, number of evaluations -> which configs were evaluated, in their order."""


def guide(record: Record, seed: int, num_evaluations: int, repeatable: bool = False) -> list[int]:
    """The product: `nas.search.study.Study`, as `nas.search` runs it."""
    with tempfile.TemporaryDirectory() as folder:
        job = SearchJob(num_trials=num_evaluations, seed=seed, repeatable=repeatable)
        study = Study(record.supernet, f"journal:{folder}/study.log", job, belongs_to={})
        found = []
        while proposal := study.ask():
            study.tell(proposal, record.evaluate(proposal.config))
            found.append(record.number(proposal.config))
        return found


def grid(record: Record, seed: int, num_evaluations: int) -> list[int]:
    """All uniform widths that differ, in random order: all that such a grid can reach."""
    numbers = {record.number(config) for config in record.supernet.space.grid(193)}
    return random.Random(seed).sample(sorted(numbers), min(num_evaluations, len(numbers)))


def optunas(name: str) -> Search:
    """A sampler with its defaults, driven directly, in memory."""

    def search(record: Record, seed: int, num_evaluations: int) -> list[int]:
        study = optuna.create_study(
            directions=["maximize", "minimize"], sampler=OPTUNAS[name](seed=seed)
        )
        space, found = record.supernet.space, dict[int, None]()
        for _ in range(MAX_ASKED * num_evaluations):
            trial = study.ask()
            widths = tuple(
                trial.suggest_float(f"width{group}", *space.width_range)
                for group in range(space.num_groups)
            )
            side = trial.suggest_categorical("resolution", space.resolutions)
            number = record.number(SubnetConfig(width_mults=widths, resolution=side))
            study.tell(trial, [record.top1[number], record.latency_ms[number, 0]])
            found[number] = None
            if len(found) == num_evaluations:
                break
        return [*found]

    return search


SEARCHES: dict[str, Search] = {
    "guide": guide,
    "repeatable": partial(guide, repeatable=True),
    "grid": grid,
    **{name: optunas(name) for name in ("random", "tpe", "nsga2", "nsga3", "gp")},
}


def needed(shares: list[float], share: float) -> int | None:
    """Evaluations after which `share` is reached; None if never."""
    return next((i + 1 for i, each in enumerate(shares) if each >= share), None)


def run(record: Record, name: str, seed: int, num_evaluations: int) -> dict[str, Any]:
    """One search: evaluations to each share, and the share after every EVERY evaluations."""
    shares = record.shares(SEARCHES[name](record, seed, num_evaluations))
    return {
        "num_evaluations": len(shares),
        "evaluations_to": {str(share): needed(shares, share) for share in SHARES},
        "shares": [round(share, 5) for share in shares[EVERY - 1 :: EVERY]],
        "share_at_the_end": round(shares[-1], 5),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over seeds; None where more than half of them never reach a share."""
    never = float("inf")
    medians = {
        share: median(r["evaluations_to"][share] or never for r in runs)
        for share in map(str, SHARES)
    }
    return {
        "num_seeds": len(runs),
        "num_evaluations": max(r["num_evaluations"] for r in runs),
        "median_evaluations_to": {k: None if n == never else n for k, n in medians.items()},
        "worst_evaluations_to": {
            share: max(r["evaluations_to"][share] or 0 for r in runs)
            if all(r["evaluations_to"][share] for r in runs)
            else None
            for share in map(str, SHARES)
        },
        "median_share_at_the_end": median(r["share_at_the_end"] for r in runs),
    }


def figure(document: dict[str, Any]) -> Figure:
    """The median share of the hypervolume against evaluations, a line a sampler."""
    drawn = Figure()
    for name, runs in document["runs"].items():
        shares = [median(each) for each in zip(*(r["shares"] for r in runs.values()), strict=False)]
        drawn.add_scatter(
            x=[EVERY * (1 + place) for place in range(len(shares))],
            y=[100 * share for share in shares],
            name=LABELS.get(name, name),
            line={"width": 4 if name == "guide" else 2},
        )
    drawn.add_hline(100 * SHARES[1], line={"dash": "dot", "color": "gray"})
    drawn.update_layout(
        template="plotly_white",
        font={"size": 16},
        xaxis={"title": "evaluations", "rangemode": "tozero"},
        yaxis={"title": "hypervolume, % of exhaustive", "range": [80, 100.5]},
        legend={"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom"},
        margin={"l": 70, "r": 20, "t": 20, "b": 60},
    )
    return drawn


def main() -> int:
    """Replay what is asked for; add it to the results; draw them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samplers", nargs="+", choices=SEARCHES, default=[*SEARCHES][:-2])
    parser.add_argument("--seeds", nargs="+", type=int, default=[*range(10)])
    parser.add_argument("--evaluations", type=int, help="of each search; default: a tenth of all")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    record = load_record()
    num_evaluations = args.evaluations or len(record.macs) // 10
    for name, seed in tqdm([(name, seed) for name in args.samplers for seed in args.seeds]):
        add(record, name, seed, run(record, name, seed, num_evaluations))
    draw()
    return 0


def add(record: Record, name: str, seed: int, found: dict[str, Any]) -> None:
    """Put one search into the results."""
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": {}}
    document["runs"].setdefault(name, {})[str(seed)] = found
    document["summary"] = {k: summary([*runs.values()]) for k, runs in document["runs"].items()}
    document |= {
        "num_configs": len(record.macs),
        "every": EVERY,
        "record": record.about,
        "environment": environment(),
    }
    text = json.dumps(document, indent=1)
    text = re.sub(r",\s+(?=[\d.]+)", ", ", text) + "\n"  # curves on one line
    write_atomically(RESULTS, text.encode())


def draw() -> None:
    """Write the figure of all results."""
    os.environ.setdefault("BROWSER_PATH", "/usr/bin/chromium")
    drawn = figure(json.loads(RESULTS.read_text()))
    drawn.write_image(FIGURE, width=1000, height=560, scale=1.5)


if __name__ == "__main__":
    sys.exit(main())
