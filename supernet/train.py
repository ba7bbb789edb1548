"""`python -m supernet.train`: train a supernet into a run's folder."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch
import torchvision

from supernet.checkpoint import is_finished, load_supernet, read_document, save_supernet
from supernet.data import load_data
from supernet.device import choose_device
from supernet.errors import CheckpointError, SupernetError
from supernet.importance import sort_by_importance
from supernet.job import TrainingJob
from supernet.loop import Loop
from supernet.models import build_model, known_models
from supernet.pretrained import load_weights
from supernet.recipe import RECIPES
from supernet.space import GROUPS, SearchSpace
from supernet.supernet import Supernet

EXAMPLE = """example:
  python -m supernet.train --data photos/ --model mobilenet_v2 --resolutions 224 192 160 128 \\
      --width-range 0.7 1 --epochs 250 --out runs/photos
"""

SAVE_EVERY_S = 15.0
"""Seconds of training that a kill can cost."""


def train(
    job: TrainingJob,
    run: Path,
    *,
    device: str | None = None,
    resume: bool = False,
    save_every_s: float = SAVE_EVERY_S,
) -> None:
    """Train `job` into the folder `run`, or go on with what is there.

    Raises SupernetError where input is bad; a finished or unfinished training in `run` is never
    overwritten without `resume`.
    """
    if is_finished(run):
        _check_same(job, run, resume)
        return
    place = choose_device(device)
    side = job.space.resolutions[0]
    data = load_data(job.data, resolution=side, seed=job.seed)
    torch.manual_seed(job.seed)
    model = build_model(job.model, len(data.classes), job.model_options)
    if job.weights is not None:
        load_weights(model, Path(job.weights))
    supernet = Supernet(model, torch.empty(1, 3, side, side), job.space)
    if job.sort_by_importance:
        sort_by_importance(supernet)
    supernet.to(device=place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loop = Loop(supernet, data, job, run, save_every_s=save_every_s)
    if loop.state_path.exists():
        if not resume:
            raise CheckpointError(
                f"{run} must be empty for a new training, but holds an unfinished one: "
                "add --resume to go on, or choose another --out"
            )
        loop.resume()
    loop.train()
    save_supernet(run, supernet, job, {"data": data.describe(), "versions": _versions(place)})


def _check_same(job: TrainingJob, run: Path, resume: bool) -> None:
    if not resume:
        raise CheckpointError(
            f"{run} must be empty for a new training, but holds a trained supernet: "
            "choose another --out"
        )
    differences = job.differences(TrainingJob.from_json(read_document(run)["job"]))
    if differences:
        raise CheckpointError(
            f"{run} must hold the training that is asked for, but differs: {'; '.join(differences)}"
        )
    load_supernet(run)


def _versions(device: torch.device) -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "device": str(device),
        "num_threads": torch.get_num_threads(),
    }


def _option(text: str) -> tuple[str, Any]:
    """`small_input=true` -> ("small_input", True); a value is JSON or else a string."""
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"must read name=value, but got {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _parser() -> argparse.ArgumentParser:
    job = TrainingJob()
    parser = argparse.ArgumentParser(
        prog="python -m supernet.train",
        description="Train a supernet by mutual learning over width and resolution.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default=job.data, help="embedded name, image folder or torchvision:NAME")
    add("--model", default=job.model, help="known name or package.module:factory")
    add("--model-args", nargs="*", type=_option, metavar="NAME=VALUE", help="options of the model")
    add("--list-models", action="store_true", help="print the names that --model knows")
    add("--recipe", default="mutual", choices=sorted(RECIPES), help="how to train")
    add("--epochs", type=int, default=job.epochs, help=f"default {job.epochs}")
    add("--batch-size", type=int, help=f"default {job.recipe.batch_size}")
    add("--lr", type=float, help=f"highest learning rate, default {job.recipe.lr}")
    add("--weight-decay", type=float, help=f"default {job.recipe.weight_decay}")
    add("--resolutions", type=int, nargs="+", default=job.space.resolutions, help="input sides")
    add("--width-range", type=float, nargs=2, default=job.space.width_range, metavar="W")
    add("--groups", choices=GROUPS, default=job.space.groups, help="what has a width of its own")
    add("--weights", type=Path, metavar="FILE", help="start from these: safetensors or state dict")
    add("--sort-by-importance", action="store_true", help="first order channels by L1 norm")
    add("--seed", type=int, default=job.seed)
    add("--device", help="cpu, cuda, cuda:1; default: the best there is")
    add("--out", type=Path, metavar="RUN", help="the run's folder")
    add("--save-every-s", type=float, default=SAVE_EVERY_S, metavar="S", help="time between saves")
    add("--resume", action="store_true", help="go on with the training in RUN")
    return parser


def job_from(args: argparse.Namespace) -> TrainingJob:
    """The job that the parsed arguments ask for. Raises SupernetError where one is not possible."""
    job = TrainingJob()
    given = {
        "batch_size": args.batch_size,
        "lr": args.lr,
        "weight_decay": args.weight_decay,
    }
    recipe = replace(RECIPES[args.recipe], **{k: v for k, v in given.items() if v is not None})
    options = job.model_options if args.model == job.model else {}
    return TrainingJob(
        data=args.data,
        model=args.model,
        model_options=dict(args.model_args) if args.model_args is not None else options,
        recipe=recipe,
        space=SearchSpace(
            width_range=tuple(args.width_range),
            resolutions=tuple(args.resolutions),
            groups=args.groups,
        ),
        weights=None if args.weights is None else str(args.weights),
        sort_by_importance=args.sort_by_importance,
        epochs=args.epochs,
        seed=args.seed,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.list_models:
        print("\n".join(known_models()))
        return 0
    if args.out is None:
        parser.error("--out RUN is needed: the folder that the training goes into")
    try:
        train(
            job_from(args),
            args.out,
            device=args.device,
            resume=args.resume,
            save_every_s=args.save_every_s,
        )
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command with --resume goes on", file=sys.stderr)
        return 130
    print(f"trained: {args.out / 'supernet'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
