"""The learning rate of each system, chosen alike and on images of its own."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.paper.scores import best_under, front_volume, score
from benchmarks.paper.systems import Run
from supernet import Execution
from supernet.train.training import train

Rated = dict[str, dict[float, list[dict[str, Any]]]]
"""Scores by recipe and learning rate."""


def tune(runs: Iterable[tuple[str, float, Run]], out: Path, num_widths: int) -> Rated:
    """Train what is missing, and score it on the images that it held out; `report` isn't read."""
    found: Rated = defaultdict(lambda: defaultdict(list))
    for name, rate, run in runs:
        train(run.job, out / run.name, Execution(device="cpu", evaluate_every=0), resume=True)
        found[name][rate] += score(run, out / run.name, num_widths, ("selection",))
    return found


def volumes(found: Rated) -> dict[str, dict[float, float]]:
    """Area under each front on `selection` over log MACs, by recipe and learning rate."""
    macs = sorted(
        {each["macs"] for rates in found.values() for of in rates.values() for each in of}
    )
    return {
        name: {rate: front_volume(_front(scores, macs)) for rate, scores in rates.items()}
        for name, rates in found.items()
    }


def best(areas: dict[str, dict[float, float]]) -> dict[str, float]:
    """The learning rate with the largest area, by recipe."""
    return {name: max(rates, key=rates.__getitem__) for name, rates in areas.items()}


def _front(scores: list[dict[str, Any]], macs: list[float]) -> list[tuple[float, float]]:
    found = [(budget, best_under(scores, budget)) for budget in macs]
    return [(at, of["selection"] / of["num_selection"]) for at, of in found if of is not None]
