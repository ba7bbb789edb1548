"""Fine-tuning on few photographs: 398 of two classes, and a lower learning rate of the body.

    python -m benchmarks.training.few_photographs --data flowers/ --weights mobilenet_v2.pth

Each seed draws as many photographs of either class; all others of the two are the test split.
`supernet` is trained by the defaults, `supernet-slow-body` with body_lr=0.1, `alone` and `plain` as
in benchmarks/training/photographs.py. `probe` is a logistic regression on the features of the
pretrained network; its regularisation is chosen by cross-validation on the training images.

What is finished is not trained again. Writes results/training/few_photographs.json after each run;
--page writes the tables of docs/photographs.md from it.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from benchmarks.result_file import result_file
from benchmarks.training.photographs import System, runs
from benchmarks.training.photographs_page import (
    WIDTHS,
    Run,
    by_system,
    conditions,
    difference,
    put_into_page,
    resolutions_of,
    table_lines,
    top1,
)
from nas.cost.macs import count_macs
from nas.evaluate.evaluation import from_text, to_text
from planner.atomic import write_atomically
from supernet import TrainingJob
from supernet.data import load_data
from supernet.evaluate.accuracy import Images
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.arguments import job_from, make_parser

RESULT = result_file(__file__)
SCRIPT = "benchmarks/training/few_photographs.py"
SLOW = "supernet-slow-body"
SYSTEMS = (
    System(name="supernet", alone=False),
    System(name=SLOW, alone=False, body_lr=0.1),
    System(name="plain", is_plain=True),
    System(name="alone"),
)
STRENGTHS = np.logspace(-5, 1, 7)
"""Of the probe's regularisation, inversely; scikit-learn's C."""


def drawn(folder: Path, classes: Iterable[str], num_each: int, seed: int, file: Path) -> Path:
    """A list of the photographs: of each class `num_each` to train on, all others to test on."""
    lines = []
    for label in classes:
        photos = sorted(folder.resolve().glob(f"*/{label}/*"))
        random.Random(seed).shuffle(photos)
        for number, photo in enumerate(photos):
            split = "train" if number < num_each else "test"
            lines.append(json.dumps({"path": str(photo), "label": label, "split": split}))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, "\n".join(lines).encode("utf-8"))
    return file


@torch.inference_mode()
def features(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Any, Any]:
    """What the last linear layer takes of each image, and the labels."""
    head = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    taken, labels = list[Tensor](), list[Tensor]()
    with head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0])):
        for images, of_images in batches:
            network(images)
            labels.append(of_images)
    return torch.cat(taken).numpy(), torch.cat(labels).numpy()


def probe(job: TrainingJob) -> Run:
    """What a linear probe has right at each resolution, in the form of `runs`."""
    side, normalisation = job.space.resolutions[0], job.hyperparameters.normalisation
    data = load_data(job.data, resolution=side, seed=job.seed, normalisation=normalisation)
    images = Images(data, torch.device("cpu"))
    network = build_model(job.model, len(data.classes), job.model_options, seed=job.seed).eval()
    load_weights(network, Path(str(job.weights)))
    run: Run = {"system": "probe", "seed": job.seed, "num_images": data.num_images}
    run |= {"correct": {}, "correct_images": {}, "macs": {}}
    for side in job.space.resolutions:
        search = GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            {"logisticregression__C": STRENGTHS},
        )
        search.fit(*features(network, images.batches("train", side)))
        config = f"w1-r{side}"
        run["correct"][config], run["macs"][config] = {}, count_macs(network, side)
        for split in ("selection", "report"):
            taken, labels = features(network, images.batches(split, side))
            right = search.predict(taken) == labels
            run["correct"][config][split] = int(right.sum())
        run["correct_images"][config] = to_text(right)
    return run


def pooled(runs: Iterable[Run]) -> Run:
    """One run that has the images of all, one after the other."""
    found = list(runs)
    bits = {
        config: np.concatenate([from_text(run["correct_images"][config]) for run in found])
        for config in found[0]["correct"]
    }
    return {
        "num_images": {"report": sum(run["num_images"]["report"] for run in found)},
        "correct": {config: {"report": int(each.sum())} for config, each in bits.items()},
        "correct_images": {config: to_text(each) for config, each in bits.items()},
    }


def tables(runs: list[Run]) -> Iterator[str]:
    """Lines of Markdown: all systems at the highest resolution, then what body_lr changes."""
    found, sides = by_system(runs), resolutions_of(runs)
    config = f"w1-r{sides[0]}"
    yield f"Top-1 in % at {sides[0]} px, with 95 % intervals (paired, for differences):"
    yield ""
    yield from table_lines(
        ["seed", "system", "top-1", "difference to the supernet"],
        [
            [run["seed"], name, top1(run, config),
             difference((run, config), (found["supernet", seed], config))
             if name != "supernet" else "-"]
            for (name, seed), run in sorted(found.items(), key=lambda item: item[0][1])
        ],
    )  # fmt: skip
    seeds = sorted(seed for name, seed in found if name == SLOW)
    if not seeds:
        return
    fast, slow = (pooled(found[name, seed] for seed in seeds) for name in ("supernet", SLOW))
    yield ""
    yield f"The supernet, and what body_lr=0.1 adds, over seeds {' and '.join(map(str, seeds))}:"
    yield ""
    yield from table_lines(
        ["px", *chain.from_iterable((f"width {width:g}", "body_lr=0.1") for width in WIDTHS)],
        [
            [side, *chain.from_iterable(
                (top1(fast, config), difference((slow, config), (fast, config)))
                for config in (f"w{width:g}-r{side}" for width in WIDTHS)
            )]
            for side in sides
        ],
    )  # fmt: skip


def main() -> None:
    """Train what is missing, score, print and write the result, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of splits of classes of photographs")
    parser.add_argument("--weights", help="torchvision's weights of MobileNetV2")
    parser.add_argument("--classes", nargs="+", default=["roses", "tulips"])
    parser.add_argument("--num-photos", type=int, default=398, help="of all classes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--runs", type=Path, default=Path("runs/few_photographs"))
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--page", action="store_true", help="only write the page, from --out")
    args, others = parser.parse_known_args()
    if args.page:
        found = json.loads(args.out.read_text(encoding="utf-8"))["runs"]
        trained = [run for run in found if run["system"] != "probe"]
        put_into_page(SCRIPT, [conditions(trained), "", *tables(found)])
        return
    if not args.data or not args.weights:
        parser.error("--data and --weights are required, but for --page")
    found = []
    for seed in args.seeds:
        file, num_each = args.runs / f"photos-{seed}.jsonl", args.num_photos // len(args.classes)
        photos = drawn(args.data, args.classes, num_each, seed, file)
        given = ["--data", str(photos), "--weights", args.weights, "--seed", str(seed), *others]
        job = job_from(make_parser().parse_args(given))
        for each in chain([probe(job)], runs(job, [seed], args.runs, SYSTEMS)):
            found.append(each)
            print(json.dumps({key: each[key] for key in ("system", "seed", "correct")}), flush=True)
            result = {"classes": args.classes, "arguments": others, "runs": found}
            write_atomically(args.out, (json.dumps(result, indent=2) + "\n").encode("utf-8"))
    print(*tables(found), sep="\n")


if __name__ == "__main__":
    main()
