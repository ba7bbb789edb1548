"""What it costs that a training is right: checks before the first step, saves, shards.

    python -m benchmarks.training.safety

Measures on an idle machine: the seconds of all checks before the first step, and of one save of the
state, for the embedded default and for ResNet-50; the share of a training that saving takes at the
default interval; and 100,000 images in 100 WebDataset shards at a limit of 256 open files, with the
growth of memory, against the same images in folders. Writes results/training/safety.json.
"""

import argparse
import io
import json
import resource
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import SearchSpace, Supernet, TrainingJob
from supernet.data import load_data
from supernet.job.execution import Execution
from supernet.job.presets import PRESETS
from supernet.models import build_model
from supernet.roundtrip import check_roundtrip
from supernet.train.ema import Ema
from supernet.train.optimizer import make_optimizer
from supernet.train.self_test import self_test
from supernet.train.state import State

RESULTS = result_file(__file__)
JOBS = {
    "embedded": TrainingJob(),
    "resnet50": replace(
        PRESETS["resnet50-imagenet"],
        space=SearchSpace(resolutions=(224, 192, 160, 128)),
    ),
}
NUM_ROUNDS = 5
NUM_FILES_ALLOWED = 256


def of_network(job: TrainingJob) -> dict[str, Any]:
    """Seconds of the checks and of a save, and the share of a training that saves take."""
    model = build_model(job.model, 10, job.model_options, seed=0)
    side = job.space.resolutions[0]
    supernet = Supernet(model, torch.empty(1, 3, side, side), job.space, num_classes=10)
    supernet.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(supernet, job)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # momentum is saved, too
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    state = State(model, optimizer, Ema(model, 0.999), scaler, torch.zeros(3))
    about = {"job": job.to_json(), "data": {}, "groups_sha256": "", "changes": []}
    checks, saves = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(NUM_ROUNDS):
            start = time.perf_counter()
            check_roundtrip(model, job, 10)
            self_test(supernet, 10)
            checked = time.perf_counter()
            state.write(Path(folder), about)
            checks.append(checked - start)
            saves.append(time.perf_counter() - checked)
        size = (Path(folder) / "state.safetensors").stat().st_size
    save = statistics.median(saves)
    return {
        "checks_s": round(statistics.median(checks), 2),
        "save_s": round(save, 4),
        "state_mib": round(size / 2**20, 1),
        "saving_share": round(save / max(Execution().save_every_s, save / 0.02), 5),
    }


def of_shards(num_images: int, num_shards: int = 100) -> dict[str, Any]:
    """Images a second from shards and from folders, and the growth of memory, at few open files."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(20):
        file = io.BytesIO()
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        small.resize((96, 96)).save(file, "JPEG")
        pictures.append(file.getvalue())
    with tempfile.TemporaryDirectory() as name:
        shards, folders = Path(name) / "shards", Path(name) / "folders"
        shards.mkdir()
        for shard in range(num_shards):
            with tarfile.open(shards / f"train-{shard:03}.tar", "w") as archive:
                for number in range(shard, num_images, num_shards):
                    for kind, content in (
                        ("jpg", pictures[number % 20]),
                        ("cls", str(number % 10).encode()),
                    ):
                        member = tarfile.TarInfo(f"{number:08}.{kind}")
                        member.size = len(content)
                        archive.addfile(member, io.BytesIO(content))
        for number in range(num_images):
            path = folders / "train" / f"c{number % 10}" / f"{number:08}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pictures[number % 20])
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (NUM_FILES_ALLOWED, limit[1]))
        try:
            found = {path.name: _read(path) for path in (shards, folders)}
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    return {"num_images": num_images, "num_shards": num_shards, **found}


def _read(folder: Path) -> dict[str, Any]:
    start = time.perf_counter()
    data = load_data(str(folder), resolution=96)
    opened, before, rates = time.perf_counter() - start, _memory_mib(), []
    start, grown = time.perf_counter(), 0.0
    for number, (images, _) in enumerate(data.train_batches(batch_size=250, epoch=0, seed=0)):
        if number % 20 == 19:
            rates.append(20 * len(images) / (time.perf_counter() - start))
            start, grown = time.perf_counter(), max(grown, _memory_mib() - before)
    return {
        "open_s": round(opened, 2),
        "images_per_s": round(statistics.median(rates)),
        "grown_mib": round(grown, 1),
    }


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.safety",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=100_000, help="images in shards")
    args = parser.parse_args(argv)
    results: dict[str, Any] = {"environment": environment(), "rounds": NUM_ROUNDS}
    for name, job in JOBS.items():
        results[name] = of_network(job)
        print(name, results[name])
    results["shards"] = of_shards(args.images)
    print("shards", results["shards"])
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
