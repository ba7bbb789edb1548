"""The 64-config grid (16 widths x 4 resolutions): calibration and top1, ours against the usual way.

    python -m benchmarks.search.evaluate_grid runs/default

The usual way, as the published implementations of slimmable networks do it: for each config a new
loader that decodes every image file again, an augmented one to calibrate with and one to score
with, resized on the CPU one by one, NCHW. Both ways see the same images, with two loader
workers there and none here, and run in turn in one process. Latency is not measured.
Writes results/search/evaluate_grid.json.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import SubnetConfig, Supernet, load_data, load_supernet
from supernet.data.dataset import Data
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet

RESULT = result_file(__file__)
SPLITS = ("calibration", "selection")
BATCH_SIZE = 100
NUM_WORKERS = 2


def write_files(data: Data, folder: Path) -> None:
    """The images of both splits as PNG files, so that the usual way has files to decode."""
    for split in SPLITS:
        number = 0
        for images, labels in data.batches(split, batch_size=BATCH_SIZE):
            for image, label in zip(images, labels.tolist(), strict=True):
                path = folder / split / f"{label}" / f"{number:05}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                torchvision.io.write_png(image.contiguous(), str(path))
                number += 1


def loader(folder: Path, data: Data, resolution: int, *, augmented: bool) -> DataLoader[Any]:
    """A new loader, as a new one is made for each config."""
    resize = (
        [v2.RandomResizedCrop(resolution, scale=(0.5, 1.0)), v2.RandomHorizontalFlip()]
        if augmented
        else [v2.Resize(resolution)]
    )
    to_float = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*resize, *to_float, v2.Normalize(data.mean, data.std)])
    images = torchvision.datasets.ImageFolder(str(folder), transform)
    return DataLoader(images, BATCH_SIZE, shuffle=augmented, num_workers=NUM_WORKERS)


def usual_way(supernet: Supernet, config: SubnetConfig, data: Data, files: Path) -> float:
    """top1 of one config with loaders of its own; BN by cumulative moving average, as published."""
    network = supernet.extract(config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        network.train()
        for images, _ in loader(files / "calibration", data, config.resolution, augmented=True):
            network(images)
    network.eval()
    scored: Iterator[tuple[Tensor, Tensor]] = iter(
        loader(files / "selection", data, config.resolution, augmented=False)
    )
    return accuracy(network, scored).top1


def our_way(supernet: Supernet, config: SubnetConfig, images: Images) -> float:
    """top1 of one config as the search measures it."""
    network = calibrated_subnet(supernet, config, images)
    return accuracy(network, images.batches("selection", config.resolution)).top1


def compare(run: Path) -> dict[str, Any]:
    """Time both ways over the whole grid, in turn config by config."""
    supernet, document = load_supernet(run)
    job = document["job"]
    data = load_data(job["data"], resolution=supernet.space.resolutions[0], seed=job["seed"])
    images = Images(data, torch.device("cpu"))
    seconds = {"ours": 0.0, "usual": 0.0}
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        write_files(data, Path(folder))
        for config in supernet.space.grid(num_widths=16):
            start = time.perf_counter()
            ours = our_way(supernet, config, images)
            middle = time.perf_counter()
            usual = usual_way(supernet, config, data, Path(folder))
            seconds["ours"] += middle - start
            seconds["usual"] += time.perf_counter() - middle
            differences.append(ours - usual)
            print(f"{config.config_id}: top1 {ours:.3f} ours, {usual:.3f} usual", flush=True)
    return {
        "num_configs": len(differences),
        "num_images": {split: data.num_images[split] for split in SPLITS},
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "speedup": round(seconds["usual"] / seconds["ours"], 2),
        "mean_top1_gain": round(sum(differences) / len(differences), 4),
        "usual_num_workers": NUM_WORKERS,
        "environment": environment(),
    }


def main() -> None:
    """Compare, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run that holds a supernet")
    result = compare(parser.parse_args().run)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
