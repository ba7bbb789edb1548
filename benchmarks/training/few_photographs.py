"""Fine-tuning on few photographs: 398 of two classes, and a lower learning rate of the body.

    python -m benchmarks.training.few_photographs --data flowers/ --weights mobilenet_v2.pth

Each seed draws as many photographs of either class; all others of the two are the test split.
`supernet` is trained by the defaults, `supernet-slow-body` with body_lr=0.1, `plain` as in
benchmarks/training/photographs.py. `probe` is a logistic regression on the features of the
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

from benchmarks.page import put_into_page
from benchmarks.result_file import result_file
from benchmarks.training.photographs import System, runs
from benchmarks.training.photographs_page import (
    PAGE,
    WIDTHS,
    Run,
    by_system,
    conditions,
    difference,
    resolutions_of,
    table_lines,
    top1,
)
from nas.evaluate.evaluation import to_text
from planner.atomic import write_atomically
from supernet import TrainingJob
from supernet.data import load_data
from supernet.evaluate.accuracy import Images
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.arguments import job_from, make_parser

RESULT = result_file(__file__)
SCRIPT = "benchmarks/training/few_photographs.py"
CLASSES, NUM_EACH = ("roses", "tulips"), 199
SLOW = "supernet-slow-body"
SYSTEMS = (
    System(name="supernet", alone=False),
    System(name=SLOW, alone=False, body_lr=0.1),
    System(name="plain", is_plain=True),
)


def draw(folder: Path, seed: int, file: Path) -> None:
    """Write a list: of each class NUM_EACH photographs to train on, all others to test on."""
    lines = []
    for label in CLASSES:
        photos = sorted(folder.resolve().glob(f"*/{label}/*"))
        random.Random(seed).shuffle(photos)
        for number, photo in enumerate(photos):
            split = "train" if number < NUM_EACH else "test"
            lines.append(json.dumps({"path": str(photo), "label": label, "split": split}))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, "\n".join(lines).encode("utf-8"))


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
    run |= {"correct": {}, "correct_images": {}}
    for side in job.space.resolutions:
        classifier = GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            {"logisticregression__C": np.logspace(-5, 1, 7)},
        ).fit(*features(network, images.batches("train", side)))
        taken, labels = features(network, images.batches("report", side))
        right = classifier.predict(taken) == labels
        run["correct"][f"w1-r{side}"] = {"report": int(right.sum())}
        run["correct_images"][f"w1-r{side}"] = to_text(right)
    return run


def tables(runs: list[Run]) -> Iterator[str]:
    """Lines of Markdown: all systems at the highest resolution, then what body_lr changes."""
    found, sides = by_system(runs), resolutions_of(runs)
    seeds, config = sorted({seed for _, seed in found}), f"w1-r{sides[0]}"

    def compared(name: str, seed: int, config: str) -> Any:
        mine, other = found.get((name, seed)), found.get(("supernet", seed))
        return difference((mine, config), (other, config)) if mine and other else "-"

    yield f"Top-1 in % at {sides[0]} px, with 95 % intervals (paired, for differences):"
    yield ""
    yield from table_lines(
        ["system", *(f"seed {seed}{what}" for seed in seeds for what in ("", " - supernet"))],
        [
            [name, *chain.from_iterable(
                (top1(found[name, seed], config) if (name, seed) in found else "-",
                 compared(name, seed, config) if name != "supernet" else "-")
                for seed in seeds
            )]
            for name in dict.fromkeys(name for name, _ in found)
        ],
    )  # fmt: skip
    yield ""
    yield "What body_lr=0.1 adds to the supernet, by width:"
    yield ""
    yield from table_lines(
        ["px", *(f"{width:g}, seed {seed}" for width in WIDTHS for seed in seeds)],
        [
            [side, *(compared(SLOW, s, f"w{width:g}-r{side}") for width in WIDTHS for s in seeds)]
            for side in sides
        ],
    )


def main() -> None:
    """Train what is missing, score, print and write the result, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of splits of classes of photographs")
    parser.add_argument("--weights", help="torchvision's weights of MobileNetV2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--runs", type=Path, default=Path("runs/few_photographs"))
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--page", action="store_true", help="only write the page, from --out")
    args, others = parser.parse_known_args()
    if args.page:
        found = json.loads(args.out.read_text(encoding="utf-8"))["runs"]
        trained = [run for run in found if run["system"] != "probe"]
        put_into_page(SCRIPT, [conditions(trained), "", *tables(found), ""], PAGE)
        return
    if not args.data or not args.weights:
        parser.error("--data and --weights are required, but for --page")
    jobs, found = [], []
    for seed in args.seeds:
        file = args.runs / f"photos-{seed}.jsonl"
        draw(args.data, seed, file)
        given = ["--data", str(file), "--weights", args.weights, "--seed", str(seed), *others]
        jobs.append(job_from(make_parser().parse_args(given)))
    finished = (runs(job, [job.seed], args.runs, [system]) for system in SYSTEMS for job in jobs)
    for each in chain(map(probe, jobs), chain.from_iterable(finished)):
        found.append(each)
        print(json.dumps({key: each[key] for key in ("system", "seed", "correct")}), flush=True)
        result = {"arguments": others, "runs": found}
        write_atomically(args.out, (json.dumps(result, indent=2) + "\n").encode("utf-8"))
    print(*tables(found), sep="\n")


if __name__ == "__main__":
    main()
