"""A width for each stage against one for all, at equal evaluations, on trained supernets.

    python -m benchmarks.search.width_gain RUN search
    python -m benchmarks.search.width_gain RUN compare    (on an idle machine)

`search` evaluates NUM_EVALUATIONS configs twice: the paper's uniform grid with as many widths as
that allows, and the product's search (its usual grid, then the guide) with a width for each stage.
No racing.
`compare` takes what may be on either front, times all of it side by side in ONNX Runtime on one
thread, picks each side's front by top1 on `selection`, and scores both fronts on `report`. Stated:
the area under both (top1 against log latency; reference point: the worst top1 and the largest
latency of both fronts), and for each uniform config the fastest of the other front whose top1 on
`selection` is not lower, with the difference on `report`, which nothing was chosen by.
Adds to results/search/width_gain.json, by model.
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import torch
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.conversions import planner_latency, subnet_config
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.lookup_table import near_front
from nas.evaluate.trained import Trained, load_trained
from nas.runtimes import CompiledNetwork, load_runtime
from nas.search import SearchJob
from nas.search.staircase import measured_steps
from nas.search.study import Study
from planner import hypervolume, pareto_front, read_candidates, write_candidates
from supernet import SubnetConfig, Supernet
from supernet.evaluate.accuracy import Z_95, Images, correct_predictions

RESULTS = result_file(__file__)
NUM_EVALUATIONS = 96
TRIAL_S = 0.2
COMPARE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One config of a front, as it was measured at the end."""

    config_id: str
    top1_selection: float
    latency_ms: float
    latency_low_ms: float
    latency_high_ms: float
    right: numpy.ndarray[Any, Any]
    """Which images of `report` it gets right."""


def uniform_grid(supernet: Supernet) -> list[SubnetConfig]:
    """As many widths as NUM_EVALUATIONS allows, at each resolution; each config once."""
    num_widths = NUM_EVALUATIONS // len(supernet.space.resolutions)
    by_channels = {
        (*supernet.kept_counts(config), config.resolution): config
        for config in supernet.space.grid(num_widths)
    }
    return list(by_channels.values())


def search(trained: Trained, evaluator: Evaluator, folder: Path) -> None:
    """Evaluate both sides; one file of candidates each."""
    candidates = [
        replace(evaluator.evaluate(config, max_s=TRIAL_S).candidate, origin="grid")
        for config in tqdm(uniform_grid(trained.supernet), "uniform")
    ]
    write_candidates(folder / "uniform.csv", candidates)
    # At equal evaluations: where widths round to the same channels, the grid has fewer.
    job = SearchJob(num_trials=len(candidates))
    belongs_to = {"weights": trained.document["weights_sha256"]}
    storage = f"sqlite:///{folder / 'study.db'}"
    study = Study(
        trained.supernet,
        storage,
        job,
        belongs_to=belongs_to,
        find_steps=partial(measured_steps, evaluator, job.steps_s),
    )
    with tqdm(desc="by stage", total=len(candidates), initial=len(study.candidates())) as bar:
        while proposal := study.ask():
            with study.claimed(proposal):
                evaluation = evaluator.evaluate(proposal.config, max_s=TRIAL_S)
            study.tell(proposal, evaluation)
            bar.update()
    write_candidates(folder / "by_stage.csv", study.candidates())


def compare(trained: Trained, evaluator: Evaluator, folder: Path) -> dict[str, Any]:
    """Both fronts, timed side by side and scored on `report`."""
    sides = {name: read_candidates(folder / f"{name}.csv") for name in ("uniform", "by_stage")}
    both = {c.config_id: c for name in sides for c in near_front(sides[name])}
    configs = {name: subnet_config(candidate) for name, candidate in both.items()}
    networks = {
        name: evaluator.compile(config) for name, config in tqdm(configs.items(), "prepare")
    }
    timed = evaluator.measure([*networks.values()], max_s=COMPARE_S, allow_noisy=False)
    latency = dict(zip(networks, timed.latencies, strict=True))
    fronts: dict[str, list[Point]] = {}
    for name, candidates in sides.items():
        near = [c for c in candidates if c.config_id in both]
        front = pareto_front(
            replace(c, latency=planner_latency(latency[c.config_id])) for c in near
        )
        fronts[name] = [
            Point(
                config_id=c.config_id,
                top1_selection=c.accuracy.top1,
                latency_ms=c.latency.p50_ms,
                latency_low_ms=latency[c.config_id].p50_low_ms,
                latency_high_ms=latency[c.config_id].p50_high_ms,
                right=report_answers(evaluator, networks[c.config_id], c.config.resolution),
            )
            for c in tqdm(front, "score")
        ]
    return summary(fronts) | {
        "num_evaluations": {name: len(each) for name, each in sides.items()},
        "noise_floor": round(timed.noise_floor, 4),
    }


def report_answers(
    evaluator: Evaluator, network: CompiledNetwork, resolution: int
) -> numpy.ndarray[Any, Any]:
    """Which images of `report` it gets right, in the runtime."""
    batches = evaluator.images.batches("report", resolution)
    return torch.cat([correct_predictions(network.logits, x, y) for x, y in batches]).numpy()


def summary(fronts: dict[str, list[Point]]) -> dict[str, Any]:
    """Areas, and the savings at equal top1."""
    points = [point for front in fronts.values() for point in front]
    reference = {
        "report": (
            min(p.right.mean() for p in points),
            max(math.log(p.latency_ms) for p in points),
        ),
        "selection": (
            min(p.top1_selection for p in points),
            max(math.log(p.latency_ms) for p in points),
        ),
    }
    areas = {
        split: {
            name: round(
                hypervolume(
                    [
                        (
                            float(p.right.mean()) if split == "report" else p.top1_selection,
                            math.log(p.latency_ms),
                        )
                        for p in front
                    ],
                    at,
                ),
                5,
            )
            for name, front in fronts.items()
        }
        for split, at in reference.items()
    }
    savings = [
        saving(uniform, fastest)
        for uniform in fronts["uniform"]
        for fastest in [faster_than(uniform, fronts["by_stage"])]
        if fastest is not None
    ]
    return {
        "areas": areas,
        "num_on_front": {name: len(front) for name, front in fronts.items()},
        "savings": sorted(savings, key=lambda row: -float(row["latency_saving"])),
    }


def faster_than(uniform: Point, others: list[Point]) -> Point | None:
    """The fastest whose top1 on `selection` is not lower, if it is faster."""
    as_good = [p for p in others if p.top1_selection >= uniform.top1_selection]
    fastest = min(as_good, key=lambda p: p.latency_ms, default=None)
    return fastest if fastest is not None and fastest.latency_ms < uniform.latency_ms else None


def saving(uniform: Point, other: Point) -> dict[str, Any]:
    """Share of the uniform config's latency that is saved; top1 as a paired difference."""
    difference = other.right.astype(float) - uniform.right
    half = Z_95 * difference.std() / math.sqrt(len(difference))
    return {
        "uniform": uniform.config_id,
        "by_stage": other.config_id,
        "latency_ms": [round(uniform.latency_ms, 4), round(other.latency_ms, 4)],
        "latency_saving": round(1 - other.latency_ms / uniform.latency_ms, 4),
        "latency_saving_low": round(1 - other.latency_high_ms / uniform.latency_low_ms, 4),
        "latency_saving_high": round(1 - other.latency_low_ms / uniform.latency_high_ms, 4),
        "top1_report": [round(float(p.right.mean()), 4) for p in (uniform, other)],
        "top1_report_difference": round(float(difference.mean()), 4),
        "top1_report_difference_low": round(float(difference.mean() - half), 4),
        "top1_report_difference_high": round(float(difference.mean() + half), 4),
        "num_report_images": len(difference),
    }


def main() -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("what", choices=("search", "compare"))
    args = parser.parse_args()
    trained = load_trained(args.run)
    runtime = load_runtime("onnxruntime", device="cpu", num_threads=1)
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    folder = args.run / "width_gain"
    folder.mkdir(exist_ok=True)
    if args.what == "search":
        search(trained, evaluator, folder)
        return 0
    job = trained.document["job"]
    found = {"data": job["data"], "epochs": job["epochs"], "options": job["model_options"]}
    found |= compare(trained, evaluator, folder)
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    document |= {job["model"]: found | {"environment": environment()}}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(found["areas"]), json.dumps(found["savings"][:3], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
