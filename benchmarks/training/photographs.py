"""Fine-tuning on photographs by defaults, against networks that are fine-tuned alone.

    python -m benchmarks.training.photographs --data flowers/ --weights mobilenet_v2-b0353104.pth

MobileNetV2 with ImageNet weights. `supernet` is `python -m supernet.train --data DATA --weights
FILE`, nothing else given. The others train one network for as many epochs on the highest
resolution, with the same augmentation and schedule: the whole one with the same learning rate and
clipping (`alone`), or as torchvision's users do (`plain`: a third of the rate, no clipping), and
`alone` those of widths 0.75 and 0.5 from the same sorted weights. Accuracy on `selection` and
`report`, by width and resolution, each with BN statistics of its own. Other options of the command
hold for all systems.

A run has a folder in --runs; what is stopped goes on, what is finished is not trained again. Writes
results/training/photographs.json after each run. --page then writes the tables of
docs/photographs.md, and docs/photographs.png.
"""

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from benchmarks.training.photographs_page import (
    WIDTHS,
    front_summary,
    summary,
    tables,
    write_page,
)
from nas.cost.macs import count_macs
from nas.evaluate.evaluation import to_text
from nas.evaluate.trained import load_trained
from planner.atomic import write_atomically
from supernet import Execution, SubnetConfig, Supernet, TrainingJob
from supernet.data import Data
from supernet.elastic.importance import sort_by_importance
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet, correct_images
from supernet.job.recipe import RECIPES
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.arguments import job_from, make_parser
from supernet.train.training import train

RESULT = result_file(__file__)


@dataclass(frozen=True, kw_only=True)
class System:
    """One way to get a network for each width."""

    name: str
    width: float = 1.0
    """Of the network that is trained alone."""
    alone: bool = True
    is_plain: bool = False
    """Whether with a third of the learning rate and without clipping."""
    body_lr: float = 1.0
    """As of the hyperparameters."""


SYSTEMS = (
    System(name="supernet", alone=False),
    System(name="alone"),
    System(name="alone-0.75", width=0.75),
    System(name="alone-0.5", width=0.5),
    System(name="plain", is_plain=True),
)


def narrowed(
    num_classes: int, *, model: str, model_options: dict[str, Any], weights: str, side: int,
    width: float, seed: int,
) -> nn.Module:  # fmt: skip
    """The network with that share of its channels, the most important ones of the given weights."""
    network = build_model(model, num_classes, model_options, seed=seed)
    load_weights(network, Path(weights))
    space = replace(TrainingJob().space, resolutions=(side,))
    supernet = Supernet(network, torch.empty(1, 3, side, side), space, num_classes=num_classes)
    sort_by_importance(supernet)
    return supernet.extract(SubnetConfig(width_mults=(width,), resolution=side))


def job_of(system: System, default: TrainingJob) -> TrainingJob:
    """The system's job; `default` is what the command does by itself."""
    hyper, side = default.hyperparameters, default.space.resolutions[0]
    if system.body_lr != 1:
        hyper = replace(hyper, body_lr=system.body_lr)
    if not system.alone:
        return replace(default, hyperparameters=hyper)
    if system.is_plain:
        hyper = replace(hyper, lr=hyper.lr / 3, clip_norm=None)
    options = {
        "model": default.model,
        "model_options": default.model_options,
        "weights": default.weights,
        "side": side,
        "width": system.width,
        "seed": default.seed,
    }
    return replace(
        default,
        model="benchmarks.training.photographs:narrowed",
        model_options=options,
        weights=None,
        sort_by_importance=False,
        recipe=RECIPES["independent"],
        hyperparameters=hyper,
    )


def scores(supernet: Supernet, data: Data, system: System, default: TrainingJob) -> dict[str, Any]:
    """Of each width at each resolution: what it classifies correctly, by split, and its MACs.

    `correct` has counts; `correct_images` says whether of each image of `report`: see `to_text`.
    """
    images = Images(data, torch.device("cpu"))
    found: dict[str, Any] = {"correct": {}, "correct_images": {}, "macs": {}}
    for width in (system.width,) if system.alone else WIDTHS:
        for side in default.space.resolutions:
            config, mult = f"w{width:g}-r{side}", 1.0 if system.alone else width
            network = calibrated_subnet(
                supernet, SubnetConfig(width_mults=(mult,), resolution=side), images
            )
            correct = correct_images(network, images.batches("report", side)).numpy()
            found["correct"][config] = {
                "selection": accuracy(network, images.batches("selection", side)).num_correct,
                "report": int(correct.sum()),
            }
            found["correct_images"][config] = to_text(correct)
            found["macs"][config] = count_macs(network, side)
    return found


def runs(
    default: TrainingJob, seeds: list[int], folder: Path, systems: Iterable[System] = SYSTEMS
) -> Iterator[dict[str, Any]]:
    """Train and score each system with each seed; what is finished is only read.

    A finished run whose record does not say all that `scores` does is scored again.
    """
    for seed in seeds:
        for system in systems:
            of_seed = replace(default, seed=seed)
            run, job = folder / f"{system.name}-{seed}", job_of(system, of_seed)
            record, found = run / "scores.json", dict[str, Any]()
            if record.exists():
                found = json.loads(record.read_text(encoding="utf-8"))
            else:
                began, was_there = time.monotonic(), (run / "supernet").exists()
                train(job, run, Execution(device="cpu", evaluate_every=0), resume=True)
                found["training_s"] = None if was_there else round(time.monotonic() - began)
            if "correct_images" not in found:
                trained = load_trained(run)
                found |= {
                    "system": system.name,
                    "seed": seed,
                    "epochs": trained.document["job"]["epochs"],
                    "num_images": trained.data.num_images,
                    **scores(trained.supernet, trained.data, system, of_seed),
                    "environment": found.get("environment", environment()),
                }
                content = json.dumps(found, indent=2) + "\n"
                write_atomically(record, content.encode("utf-8"))
            yield found


def main() -> None:
    """Train what is missing, score, print and write the result, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of photographs")
    parser.add_argument("--weights", help="torchvision's weights of MobileNetV2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--runs", type=Path, default=Path("runs/photographs"))
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--page", action="store_true", help="only write the page, from --out")
    args, others = parser.parse_known_args()
    if args.page:
        write_page(json.loads(args.out.read_text(encoding="utf-8"))["runs"])
        return
    if not args.data or not args.weights:
        parser.error("--data and --weights are required, but for --page")
    given = ["--data", args.data, "--weights", args.weights, *others]
    default = job_from(make_parser().parse_args(given))
    found: list[dict[str, Any]] = []
    for each in runs(default, args.seeds, args.runs):
        found.append(each)
        print(json.dumps({key: each[key] for key in ("system", "seed", "training_s", "correct")}))
        result = {
            "arguments": others,
            "by_width": summary(found),
            "by_resolution": front_summary(found),
            "runs": found,
        }
        write_atomically(args.out, (json.dumps(result, indent=2) + "\n").encode("utf-8"))
    print(*tables(found), sep="\n")


if __name__ == "__main__":
    main()
