"""The arguments of `python -m supernet.train`, parsed into a job and an execution."""

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

from supernet.data.sources import EMBEDDED
from supernet.errors import SupernetError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.presets import PRESETS
from supernet.job.recipe import RECIPES, Recipe
from supernet.job.training_job import TrainingJob
from supernet.named_value import named_value
from supernet.space import GROUPS
from supernet.width_arguments import add_width_arguments, widths_of

OF_RECIPE = [field.name for field in fields(Recipe) if field.name != "name"]
OF_HYPERPARAMETERS = [field.name for field in fields(Hyperparameters)]

EPILOG = f"""examples:
  python -m supernet.train --data photos/ --weights mobilenet_v2-b0353104.pth --out runs/photos
  python -m supernet.train --data photos/ --model mobilenet_v2 --resolutions 224 192 160 128 \\
      --width-range 0.7 1 --epochs 250 --out runs/scratch
  python -m supernet.train --preset mobilenet_v2-imagenet --data /imagenet --out runs/imagenet
  torchrun --nproc-per-node 8 -m supernet.train --preset mobilenet_v2-imagenet --data /imagenet \\
      --set dtype=bfloat16 ema_decay=0.9999 --out runs/imagenet
  python -m supernet.train --recipe us_multiscale --set label_smoothing=0.1 --out runs/us

--set takes these fields of the recipe: {", ".join(OF_RECIPE)};
and these hyperparameters: {", ".join(OF_HYPERPARAMETERS)}.
They are described in supernet/job/recipe.py and supernet/job/hyperparameters.py.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser; arguments that are not given are None and keep the preset's value."""
    watch = Execution()
    parser = argparse.ArgumentParser(
        prog="python -m supernet.train",
        description="Train a supernet by mutual learning over width and resolution.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", choices=sorted(PRESETS), help="complete job to start from; default: finetune "
        "with --weights, scratch with --data, else embedded")  # fmt: skip
    add(
        "--data",
        help="fashion-mnist-mini, folder (images, shards, parquet), list (.csv, .jsonl) or "
        "torchvision:NAME",
    )
    add("--data-root", metavar="DIR", help="folder of torchvision's data sets")
    add("--model", help="name (see --list-models), timm:NAME or package.module:factory")
    add(
        "--model-args",
        nargs="*",
        type=named_value,
        metavar="NAME=VALUE",
        help="options of the model",
    )
    add("--list-models", action="store_true", help="print the names that --model takes")
    add("--recipe", choices=sorted(RECIPES), help="what each step trains")
    add("--epochs", type=int, help="passes over the training images")
    add("--batch-size", type=int, help="images per step, over all processes")
    add("--lr", type=float, help="peak learning rate")
    add("--weight-decay", type=float, help="weight decay of SGD")
    add("--set", nargs="*", type=named_value, default=[], metavar="NAME=VALUE", help="see below")
    add("--resolutions", type=int, nargs="+", help="input resolutions in pixels")
    add_width_arguments(parser)
    add("--groups", choices=GROUPS, help="what has a width of its own")
    add("--weights", type=Path, metavar="FILE[#NAME]", help="initial weights: safetensors or what "
        "torch.save wrote; #NAME chooses among several; imagenet: those of the network in the "
        "caches of torchvision and timm")  # fmt: skip
    add("--sort-by-importance", action=argparse.BooleanOptionalAction, default=None,
        help="sort channels by L1 norm first")  # fmt: skip
    add("--freeze", nargs="+", metavar="NAME", help="layers that are not trained, as features.0")
    add("--seed", type=int, help="random seed")
    add("--out", type=Path, metavar="RUN", help="the run's folder")
    add("--resume", action="store_true", help="continue the training in RUN")
    add("--device", help="cpu, cuda, cuda:1; default: CUDA where available")
    add("--compile", action="store_true", help="use torch.compile; needs few widths and sides")
    add("--graphs", action="store_true",
        help="on CUDA: replay one graph of each config; add --set pool=64, so that configs recur "
        "(never run on a GPU yet: docs/gpu.md)")  # fmt: skip
    add("--depthwise-kernels", action="store_true",
        help="on CUDA: train depthwise convolutions by Triton kernels that take any width without "
        "a pause (never run on a GPU yet: docs/gpu.md)")  # fmt: skip
    add("--tensorboard", action="store_true", help="also log to TensorBoard")
    add("--evaluate-every", type=int, metavar="EPOCHS",
        help="top-1 of the corners on `selection`; 0: never; default: a quarter of the epochs, "
        "at most 10")  # fmt: skip
    add("--save-every-s", type=float, default=watch.save_every_s, metavar="S",
        help="time between saves")  # fmt: skip
    add("--strict", action="store_true", help="refuse damaged images, which are left out otherwise")
    return parser


def _preset(args: argparse.Namespace) -> str:
    """The preset that suits the other arguments."""
    if args.weights is not None:
        return "finetune"
    return "embedded" if args.data is None or args.data == EMBEDDED else "scratch"


def job_from(args: argparse.Namespace) -> TrainingJob:
    """The job of the parsed arguments. Raises SupernetError where a value is invalid."""
    preset = args.preset or _preset(args)
    job = PRESETS[preset]
    if args.data is None and preset in ("scratch", "finetune"):
        raise SupernetError(f"--data must name the images to train on with --preset {preset}")
    if args.epochs is not None and args.epochs < 1:
        raise SupernetError(f"`epochs >= 1` must hold, but got {args.epochs}")
    given = {
        "data": args.data,
        "data_root": args.data_root,
        "model": args.model,
        "weights": None if args.weights is None else str(args.weights),
        "freeze": None if args.freeze is None else tuple(args.freeze),
        "sort_by_importance": args.sort_by_importance,
        "epochs": args.epochs,
        "seed": args.seed,
        "model_options": None if args.model_args is None else dict(args.model_args),
    }
    if args.model not in (None, job.model) and args.model_args is None:
        given["model_options"] = {}
    set_by_name = dict(args.set)
    if unknown := sorted(set(set_by_name) - set(OF_RECIPE) - set(OF_HYPERPARAMETERS)):
        known = ", ".join(OF_RECIPE + OF_HYPERPARAMETERS)
        raise SupernetError(f"--set takes {known}, but got {unknown[0]!r}")
    hyper = {"batch_size": args.batch_size, "lr": args.lr, "weight_decay": args.weight_decay}
    space = {
        "widths": widths_of(args),
        "resolutions": None if args.resolutions is None else tuple(args.resolutions),
        "groups": args.groups,
    }
    return replace(
        job,
        recipe=replace(
            RECIPES[args.recipe] if args.recipe else job.recipe,
            **_typed(Recipe, set_by_name),
        ),
        hyperparameters=replace(
            job.hyperparameters,
            **_given(hyper),
            **_typed(Hyperparameters, set_by_name),
        ),
        space=replace(job.space, **_given(space)),
        **_given(given),
    )


def execution_from(args: argparse.Namespace) -> Execution:
    """The execution of the parsed arguments. Raises SupernetError where a value is invalid."""
    return Execution(
        device=args.device,
        save_every_s=args.save_every_s,
        evaluate_every=args.evaluate_every,
        tensorboard=args.tensorboard,
        compile=args.compile,
        graphs=args.graphs,
        depthwise_kernels=args.depthwise_kernels,
        strict=args.strict,
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _typed(kind: type[Recipe | Hyperparameters], values: dict[str, Any]) -> dict[str, Any]:
    """Those of `values` that are fields of `kind`; an int given for a float becomes a float.

    Raises SupernetError where a value does not have its field's type.
    """
    found = {}
    for field in fields(kind):
        if field.name in values:
            value, types = values[field.name], get_args(field.type) or (field.type,)
            if type(value) is int and float in types:
                value = float(value)
            if type(value) not in types:
                names = " or ".join(
                    "null" if each is type(None) else each.__name__ for each in types
                )
                raise SupernetError(f"`{field.name}` must be {names}, but got {json.dumps(value)}")
            found[field.name] = value
    return found
