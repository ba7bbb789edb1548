"""Top-1 at the four corners after the same training in float32 and in bfloat16.

    python -m benchmarks.training.number_types

MobileNetV2 with half its channels on the embedded Fashion-MNIST part, mutual learning, same seed;
top-1 on `selection`, each corner with BN statistics of its own, computed in float32. One seed: it
shows a loss that is larger than the interval, not a small one. Writes
results/training/number_types.json.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import (
    Execution,
    Hyperparameters,
    SearchSpace,
    TrainingJob,
    load_data,
    load_supernet,
)
from supernet.evaluate.accuracy import Accuracy, Images, selection_top1
from supernet.train.training import train

RESULT = result_file(__file__)
SPACE = SearchSpace(resolutions=(28, 24, 20, 16))
DTYPES = ("float32", "bfloat16")


def scores(dtype: str, epochs: int) -> dict[str, Accuracy]:
    """Top-1 at each corner, by config_id."""
    job = TrainingJob(
        model="mobilenet_v2",
        model_options={"width_mult": 0.5},
        hyperparameters=Hyperparameters(dtype=dtype),
        space=SPACE,
        epochs=epochs,
    )
    with tempfile.TemporaryDirectory() as folder:
        train(job, Path(folder), Execution(device="cpu", evaluate_every=0))
        supernet, _ = load_supernet(Path(folder))
    images = Images(load_data(job.data, resolution=28, seed=job.seed), torch.device("cpu"))
    return selection_top1(supernet, SPACE.corners, images)


def in_short(found: Mapping[str, Accuracy]) -> dict[str, Any]:
    """Each corner's top-1 with its 95 % interval, for the result."""
    return {
        config_id: {"top1": round(score.top1, 4), "interval": [round(x, 4) for x in score.interval]}
        for config_id, score in found.items()
    }


def main() -> None:
    """Train, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    found = {dtype: scores(dtype, args.epochs) for dtype in DTYPES}
    one, *_ = found["float32"].values()
    result = {
        "epochs": args.epochs,
        "num_images": one.num_images,
        **{dtype: in_short(each) for dtype, each in found.items()},
        "environment": environment(),
    }
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
