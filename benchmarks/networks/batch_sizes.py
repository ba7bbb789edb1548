"""How many images a second a CPU scores and calibrates, by images at a time.

    python -m benchmarks.networks.batch_sizes

Networks with random weights on noise, in channels_last, the sizes taking turns in random order; the
median of the rounds. `scored` is inference, `calibrated` is `calibrate_bn`. One batch's activations
either fit the processor's caches or are fetched from memory for each layer. Writes
results/networks/batch_sizes.json.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from planner.atomic import write_atomically
from supernet.evaluate.calibration import calibrate_bn
from supernet.models import build_model

RESULT = result_file(__file__)
NETWORKS = {
    "wide_resnet": ({"depth": 10, "widen": 2, "stem_stride": 2}, (28,)),
    "mobilenet_v2": ({}, (64, 128, 224)),
    "resnet18": ({}, (64, 128, 224)),
}
SIZES = (8, 16, 32, 64, 128, 256, 512)
NUM_ROUNDS = 3
VALUES = 512 * 3 * 64 * 64
"""Of all images of a round, but at least the largest size for small ones."""


def rates(network: nn.Module, side: int) -> dict[str, dict[int, float]]:
    """Images a second, scored and calibrated, by images at a time."""
    num_images = min(SIZES[-1], max(64, VALUES // (3 * side**2)))
    images = torch.randn(num_images, 3, side, side).contiguous(memory_format=torch.channels_last)
    sizes = [size for size in SIZES if size <= num_images]

    @torch.inference_mode()
    def score(size: int) -> None:
        for part in images.split(size):
            network(part)

    def calibrate(size: int) -> None:
        calibrate_bn(network, images.split(size))

    ways: dict[str, Callable[[int], None]] = {"scored": score, "calibrated": calibrate}
    seconds: dict[str, dict[int, list[float]]] = {way: {s: [] for s in sizes} for way in ways}
    for _ in range(NUM_ROUNDS):
        turns = [(way, size) for way in ways for size in sizes]
        random.shuffle(turns)
        for way, size in turns:
            start = time.perf_counter()
            ways[way](size)
            seconds[way][size].append(time.perf_counter() - start)
    return {
        way: {size: round(num_images / statistics.median(s), 1) for size, s in by_size.items()}
        for way, by_size in seconds.items()
    }


def main() -> None:
    """Measure, print and write the rates."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    random.seed(0)
    results: dict[str, Any] = {"images_per_s": {}}
    pairs = [(name, side) for name, (_, sides) in NETWORKS.items() for side in sides]
    for name, side in tqdm(pairs, unit="network"):
        network = build_model(name, 10, NETWORKS[name][0], seed=0).eval()
        network.to(memory_format=torch.channels_last)
        results["images_per_s"][f"{name}, {side} px"] = rates(network, side)
    results["num_rounds"] = NUM_ROUNDS
    results["environment"] = environment()
    write_atomically(RESULT, (json.dumps(results, indent=1) + "\n").encode())
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
