"""Training images a second, of JPEG files on the disk, ours against other loaders, CPU.

    python -m benchmarks.training.loader
    python -m benchmarks.training.loader --data photos/

Each way delivers shuffled batches of random resized crops of 224 px, flipped half of the time, as
uint8:

- ours: `Data.train_batches`, as a training reads it
- pillow_threads: the same with all files left to Pillow
- reference: torchvision's ImageFolder and RandomResizedCrop with Pillow, in a DataLoader with a
  worker process for each core
- decoding_alone: only the decoding, of whole photos by the quickest library, simplejpeg, in as many
  threads

The ways take turns, a whole epoch each, in random order. The photos are noise with a natural
image's spectrum, encoded as JPEG, in two sizes, unless `--data` names a folder with train/<class>/.
Writes results/training/loader.json.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet.cores import usable_cores
from supernet.data.dataset import Data
from supernet.data.folders import load_folder
from supernet.data.sources import ImageSet

RESULT = result_file(__file__)
RESOLUTION = 224
BATCH_SIZE = 64
KINDS = {(500, 375): (90, 1024), (1280, 960): (75, 512)}
"""Width and height of photos, the quality that they are encoded with (they come to 75 and 240 KB),
and how many files there are of them."""
NUM_DIFFERENT = 32
Epoch = Callable[[int], Iterator[int]]
"""Deliver the images of an epoch of that number; yield how many come at a time."""


def photo(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Noise of which the amplitude falls with the frequency, as in photographs, mostly grey."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(4, height, width))) / frequency**1.3
    noise = np.fft.irfft2(spectrum, s=(height, width))
    grey, *colours = noise / noise.std((1, 2), keepdims=True)
    pixels = 128 + 50 * np.stack([grey + 0.3 * colour for colour in colours], axis=-1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_photos(folder: Path, width: int, height: int, quality: int, num_files: int) -> None:
    """Fill `folder/train/<class>/` with photos, each in several copies."""
    rng = np.random.default_rng([width, height])
    for number in range(NUM_DIFFERENT):
        image = photo(width, height, rng)
        for copy in range(number, num_files, NUM_DIFFERENT):
            path = folder / "train" / "ab"[number % 2] / f"{copy}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=quality)


def our_epoch(images: ImageSet) -> Epoch:
    """What a training reads."""
    data = Data(images, resolution=RESOLUTION, seed=0)

    def epoch(number: int) -> Iterator[int]:
        batches = data.train_batches(
            batch_size=BATCH_SIZE, epoch=number, seed=0, augment="imagenet"
        )
        return (len(images) for images, _ in batches)

    return epoch


def reference_epoch(folder: Path, num_workers: int) -> Epoch:
    """torchvision's, in processes that stay between epochs."""
    augment = v2.Compose(
        [
            v2.RandomResizedCrop(RESOLUTION, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
        ]
    )
    loader = DataLoader(
        ImageFolder(folder / "train", augment),
        BATCH_SIZE,
        shuffle=True,
        drop_last=True,
        num_workers=num_workers,
        persistent_workers=True,
    )
    return lambda _: (len(images) for images, _ in loader)


def decoding_epoch(folder: Path, num_workers: int) -> Epoch:
    """All files at their full size."""
    paths = sorted((folder / "train").rglob("*.jp*g"))
    pool = ThreadPoolExecutor(num_workers)

    def decode(path: Path) -> int:
        simplejpeg.decode_jpeg(path.read_bytes())
        return 1

    return lambda _: pool.map(decode, paths)


def ways(folder: Path, num_workers: int) -> dict[str, Epoch]:
    """Each way's epoch, by name."""
    images = load_folder(folder)
    by_pillow = replace(images, open=lambda index: images.open(index).convert("RGB"))
    return {
        "ours": our_epoch(images),
        "pillow_threads": our_epoch(by_pillow),
        "reference": reference_epoch(folder, num_workers),
        "decoding_alone": decoding_epoch(folder, num_workers),
    }


def images_per_s(epoch: Epoch, number: int) -> float:
    """Speed of a whole epoch."""
    start = time.perf_counter()
    num_images = sum(epoch(number))
    return num_images / (time.perf_counter() - start)


def compare(folder: Path, *, num_rounds: int) -> dict[str, Any]:
    """All ways in turn, on the photos of one folder."""
    files = [path for path in (folder / "train").rglob("*") if path.is_file()]
    epochs = ways(folder, usable_cores().num_usable)
    rounds: dict[str, list[float]] = {name: [] for name in epochs}
    for number in range(1 + num_rounds):  # the first one warms up
        names = list(epochs)
        random.Random(number).shuffle(names)
        found = {name: images_per_s(epochs[name], number) for name in names}
        for name, value in found.items() if number else ():
            rounds[name].append(value)
        print(f"round {number}: " + ", ".join(f"{k} {v:.0f}" for k, v in sorted(found.items())))
    ratios = {
        name: [ours / other for ours, other in zip(rounds["ours"], values, strict=True)]
        for name, values in rounds.items()
        if name != "ours"
    }
    return {
        "num_files": len(files),
        "kilobytes_a_file": round(statistics.mean(p.stat().st_size for p in files) / 1000, 1),
        "images_per_s": {name: round(statistics.median(v), 1) for name, v in rounds.items()},
        "ours_against": {name: round(statistics.median(v), 2) for name, v in ratios.items()},
        "of_rounds": {name: [round(v, 1) for v in values] for name, values in rounds.items()},
    }


def main() -> None:
    """Compare, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of photos instead of made ones")
    parser.add_argument("--num-rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    found = {}
    if args.data:
        found[str(args.data)] = compare(args.data, num_rounds=args.num_rounds)
    for (width, height), (quality, num_files) in {} if args.data else KINDS.items():
        with tempfile.TemporaryDirectory() as name:
            write_photos(Path(name), width, height, quality, num_files)
            found[f"{width}x{height}"] = compare(Path(name), num_rounds=args.num_rounds)
    result = {
        "resolution": RESOLUTION,
        "batch_size": BATCH_SIZE,
        "num_rounds": args.num_rounds,
        "num_cores": usable_cores().num_usable,
        "versions": {name: version(name) for name in ("pillow", "simplejpeg")},
        "photos": found,
        "environment": environment(),
    }
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
