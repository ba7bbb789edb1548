"""What it costs to train few widths: a finite list against all, and a pool, on the embedded set.

    python -m benchmarks.training.finite_widths --against all --runs runs/finite-widths
    python -m benchmarks.training.finite_widths --against pool --runs runs/finite-widths

The embedded default (`finite`: widths 0.25, 0.3 ... 1) is trained beside the same job with a width
every hundredth (`all`), which after rounding to channels is nearly a continuum, or beside one whose
random subnets come from 64 combinations of its widths (`pool`), so that a GPU can record them. Both
are scored on the same `report` images, at the four corners and at 12 random configs of the 16
widths; the differences are paired, and pooled over seeds. A run has a folder in --runs: what is
stopped goes on, what is finished is only read. Writes results/training/finite_widths.json, by the
name of the other job.
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.evaluate.evaluation import Bits
from nas.evaluate.paired import paired_difference
from nas.evaluate.trained import load_trained
from planner.atomic import write_atomically
from supernet import Execution, SubnetConfig, TrainingJob
from supernet.evaluate.accuracy import Images, calibrated_subnet, correct_images
from supernet.train.training import train

RESULT = result_file(__file__)
ALL_WIDTHS = tuple(round(0.25 + 0.01 * number, 2) for number in range(76))
NUM_RANDOM = 12
POOL = 64
Answers = list[tuple[str, Bits]]
"""Names of configs, and which images of `report` each classifies correctly."""


def configs(job: TrainingJob, num_groups: int) -> Iterator[tuple[str, SubnetConfig]]:
    """The configs that are scored, with what the result calls them."""
    space = replace(job.space, num_groups=num_groups)
    corners = ("full", "narrowest", "full at the lowest resolution", "narrowest at the lowest")
    sides = (space.resolutions[0], space.resolutions[-1])
    places = [(width, side) for side in sides for width in (1.0, space.narrowest)]
    for name, (width, side) in zip(corners, places, strict=True):
        yield name, space.uniform(width, side)
    rng = random.Random(0)
    for _ in range(NUM_RANDOM):
        widths = space.random_widths(rng)
        yield "random", SubnetConfig(width_mults=widths, resolution=rng.choice(space.resolutions))


def other_job(name: str, job: TrainingJob) -> TrainingJob:
    """The job that `job`, the finite one, is compared with."""
    if name == "all":
        return replace(job, space=replace(job.space, widths=ALL_WIDTHS))
    return replace(job, recipe=replace(job.recipe, pool=POOL))


def answers(job: TrainingJob, run: Path) -> Answers:
    """The answers of each config; trains what is missing."""
    train(job, run, Execution(device="cpu", evaluate_every=0), resume=True)
    trained = load_trained(run)
    images = Images(trained.data, torch.device("cpu"))
    found = []
    for name, config in configs(TrainingJob(), trained.supernet.space.num_groups):
        network = calibrated_subnet(trained.supernet, config, images)
        right = correct_images(network, images.batches("report", config.resolution))
        found.append((name, right.numpy()))
    return found


def compared(finite: Answers, others: Answers) -> dict[str, Any]:
    """By name of the config: top1 of both jobs, and that of the finite one minus the other's."""
    result = {}
    for name in dict.fromkeys(name for name, _ in finite):
        one, other = (
            np.concatenate([bits for known, bits in scored if known == name])
            for scored in (finite, others)
        )
        result[name] = {
            "finite": float(one.mean()),
            "other": float(other.mean()),
            "difference": asdict(paired_difference(one, other)),
        }
    return result


def main() -> None:
    """Train what is missing, compare, print and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", choices=("all", "pool"), default="all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="instead of the default job's")
    parser.add_argument("--runs", type=Path, default=Path("runs/finite-widths"))
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    job = TrainingJob() if args.epochs is None else replace(TrainingJob(), epochs=args.epochs)
    finite, others = list[tuple[str, Bits]](), list[tuple[str, Bits]]()
    by_seed = dict[int, dict[str, Any]]()
    document = json.loads(args.out.read_text()) if args.out.exists() else {}
    for seed in args.seeds:
        of_seed = replace(job, seed=seed)
        one = answers(of_seed, args.runs / f"finite-{seed}")
        other = answers(other_job(args.against, of_seed), args.runs / f"{args.against}-{seed}")
        by_seed[seed] = compared(one, other)
        finite, others = finite + one, others + other
        document[args.against] = {
            "epochs": job.epochs,
            "num_report": len(one[0][1]),
            "pooled": compared(finite, others),
            "by_seed": by_seed,
            "environment": environment(),
        }
        write_atomically(args.out, (json.dumps(document, indent=2) + "\n").encode("utf-8"))
    print(json.dumps(document[args.against]["pooled"], indent=2))


if __name__ == "__main__":
    main()
