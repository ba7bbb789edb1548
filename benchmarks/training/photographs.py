"""Fine-tuning on photographs by defaults, against networks that are fine-tuned alone.

    python -m benchmarks.training.photographs --data flowers/ --weights mobilenet_v2-b0353104.pth

MobileNetV2 with ImageNet weights. `supernet` is `python -m supernet.train --data DATA --weights
FILE`, nothing else given. The others train one network for as many epochs on the highest
resolution, with the same augmentation and schedule: the whole one with the same learning rate and
clipping (`alone`), or as torchvision's users do (`plain`: a third of the rate, no clipping), and
those of widths 0.75 and 0.5 from the same sorted weights. Accuracy on `selection` and `report`, by
width and resolution, each with BN statistics of its own. Other options of the command hold for all
systems.

A run has a folder in --runs; what is stopped goes on, what is finished is not trained again. Writes
results/training/photographs.json after each run, and docs/photographs.png.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import torch
from torch import nn

from benchmarks.environment import environment
from benchmarks.result_file import BENCHMARKS, result_file
from nas.evaluate.trained import load_trained
from supernet import Execution, SubnetConfig, Supernet, TrainingJob
from supernet.data import Data
from supernet.elastic.importance import sort_by_importance
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet
from supernet.job.recipe import RECIPES
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.arguments import job_from, make_parser
from supernet.train.training import train

RESULT = result_file(__file__)
FIGURE = BENCHMARKS.parent / "docs" / "photographs.png"
WIDTHS = (1.0, 0.75, 0.5)


@dataclass(frozen=True, kw_only=True)
class System:
    """One way to get a network for each width."""

    name: str
    width: float = 1.0
    """Of the network that is trained alone."""
    alone: bool = True
    is_plain: bool = False
    """Whether with a third of the learning rate and without clipping."""


SYSTEMS = (
    System(name="supernet", alone=False),
    System(name="alone"),
    System(name="alone-0.75", width=0.75),
    System(name="alone-0.5", width=0.5),
    System(name="plain", is_plain=True),
    System(name="plain-0.75", width=0.75, is_plain=True),
    System(name="plain-0.5", width=0.5, is_plain=True),
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
    if not system.alone:
        return default
    hyper, side = default.hyperparameters, default.space.resolutions[0]
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
    """How many images each width classifies correctly at each resolution, by split."""
    images = Images(data, torch.device("cpu"))
    found: dict[str, Any] = {}
    for width in (system.width,) if system.alone else WIDTHS:
        for side in default.space.resolutions:
            mult = 1.0 if system.alone else width
            network = calibrated_subnet(
                supernet, SubnetConfig(width_mults=(mult,), resolution=side), images
            )
            found[f"w{width:g}-r{side}"] = {
                split: accuracy(network, images.batches(split, side)).num_correct
                for split in ("selection", "report")
            }
    return found


def runs(default: TrainingJob, seeds: list[int], folder: Path) -> Iterator[dict[str, Any]]:
    """Train and score each system with each seed; what is finished is only read."""
    for seed in seeds:
        for system in SYSTEMS:
            of_seed = replace(default, seed=seed)
            run, job = folder / f"{system.name}-{seed}", job_of(system, of_seed)
            record = run / "scores.json"
            if not record.exists():
                began, was_there = time.monotonic(), (run / "supernet").exists()
                train(job, run, Execution(device="cpu", evaluate_every=0), resume=True)
                took = None if was_there else round(time.monotonic() - began)
                trained = load_trained(run)
                found = {
                    "system": system.name,
                    "seed": seed,
                    "training_s": took,
                    "epochs": trained.document["job"]["epochs"],
                    "num_images": trained.data.num_images,
                    "correct": scores(trained.supernet, trained.data, system, of_seed),
                    "environment": environment(),
                }
                record.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
            yield json.loads(record.read_text(encoding="utf-8"))


def figure(found: list[dict[str, Any]], resolutions: tuple[int, ...]) -> go.Figure:
    """Top-1 on `report` over the resolution, a line a system and width, mean of the seeds."""
    drawn = go.Figure()
    colours = dict(zip(WIDTHS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
    for system in SYSTEMS:
        mine = [each for each in found if each["system"] == system.name]
        for width in (system.width,) if system.alone else WIDTHS:
            top1 = [
                100 * sum(e["correct"][f"w{width:g}-r{side}"]["report"] for e in mine)
                / sum(e["num_images"]["report"] for e in mine)
                for side in resolutions
            ] if mine else []  # fmt: skip
            dash = "solid" if not system.alone else "dot" if system.is_plain else "dash"
            drawn.add_scatter(
                x=resolutions[: len(top1)], y=top1, mode="lines+markers",
                name=f"{system.name} {width:g}" if not system.alone else system.name,
                line={"color": colours[width], "dash": dash},
            )  # fmt: skip
    drawn.update_layout(template="plotly_white", font_size=14)
    drawn.update_xaxes(title="resolution (px)")
    drawn.update_yaxes(title="top-1 on test photographs (%)")
    return drawn


def main() -> None:
    """Train what is missing, score, print and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder of photographs")
    parser.add_argument("--weights", required=True, help="torchvision's weights of MobileNetV2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--runs", type=Path, default=Path("runs/photographs"))
    parser.add_argument("--out", type=Path, default=RESULT)
    args, others = parser.parse_known_args()
    given = ["--data", args.data, "--weights", args.weights, *others]
    default = job_from(make_parser().parse_args(given))
    found: list[dict[str, Any]] = []
    for each in runs(default, args.seeds, args.runs):
        found.append(each)
        print(json.dumps({key: each[key] for key in ("system", "seed", "training_s", "correct")}))
        result = {"arguments": others, "runs": found}
        args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if args.out == RESULT:
        drawn = figure(found, default.space.resolutions)
        drawn.write_image(FIGURE, width=1000, height=560, scale=1.5)


if __name__ == "__main__":
    main()
