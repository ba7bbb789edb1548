"""A training step over views against the same step of separate plain networks.

    python -m benchmarks.training.view_overhead

Both compute forward and backward of the same four configs (the sandwich rule: full, narrowest, two
random ones with a width for each stage) on the same images; over views that includes cutting the
views and adding up the gradients in the full parameters. The optimiser is left out: views need one
step of it, separate networks four. Each round times both, in alternating order, so a disturbance
of the machine hits both. The ratio is the median over rounds, with its 95 % interval. Writes
results/training/view_overhead.json; run it on an idle machine.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.meter.statistics import median_interval
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import build_model

RESULTS = result_file(__file__)
MODELS = ("resnet18", "mobilenet_v2", "efficientnet_b0")
SIDE, BATCH_SIZE, NUM_CLASSES = 64, 32, 100
NUM_WARMUP = 3


def measure(name: str, num_rounds: int) -> dict[str, Any]:
    """The ratio for one network, and the seconds of both."""
    torch.manual_seed(0)
    space = SearchSpace(resolutions=(SIDE,))
    model = build_model(name, NUM_CLASSES)
    supernet = Supernet(model, torch.empty(1, 3, SIDE, SIDE), space).train()
    supernet.to(memory_format=torch.channels_last)
    configs = sandwich(supernet.space)
    plain = [supernet.extract(config).train() for config in configs]
    for network in plain:
        network.to(memory_format=torch.channels_last)
    images = torch.randn(BATCH_SIZE, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    labels = torch.randint(NUM_CLASSES, (BATCH_SIZE,))
    steps: tuple[Callable[[], None], ...] = (
        lambda: step_over_views(supernet, configs, images, labels),
        lambda: step_of_networks(plain, images, labels),
    )
    rounds = [_round(steps, first=number % 2) for number in range(NUM_WARMUP + num_rounds)]
    views, separate = zip(*rounds[NUM_WARMUP:], strict=True)
    ratios = sorted(v / s for v, s in zip(views, separate, strict=True))
    low, high = median_interval(ratios)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_low": round(low, 3),
        "ratio_high": round(high, 3),
        "num_rounds": num_rounds,
        "views_s": round(statistics.median(views), 4),
        "separate_s": round(statistics.median(separate), 4),
        "configs": [config.config_id for config in configs],
    }


def sandwich(space: SearchSpace) -> list[SubnetConfig]:
    """The full network, the narrowest and two of random widths, the same each time."""
    rng = random.Random(0)
    widths = [(1.0,), (space.narrowest,), space.random_widths(rng), space.random_widths(rng)]
    return [SubnetConfig(width_mults=each, resolution=SIDE) for each in widths]


def step_over_views(
    supernet: Supernet, configs: Sequence[SubnetConfig], images: Tensor, labels: Tensor
) -> None:
    """Gradients of all configs, added up in the full network's parameters."""
    supernet.zero_grad()
    for config in configs:
        F.cross_entropy(supernet(images, config), labels).backward()


def step_of_networks(networks: Sequence[nn.Module], images: Tensor, labels: Tensor) -> None:
    """Gradients of all networks, in parameters of their own."""
    for network in networks:
        network.zero_grad()
        F.cross_entropy(network(images), labels).backward()


def _round(steps: Sequence[Callable[[], None]], first: int) -> list[float]:
    """Seconds of each step, the one with number `first` timed first."""
    seconds = [0.0] * len(steps)
    for number in (first, 1 - first):
        started = time.perf_counter()
        steps[number]()
        seconds[number] = time.perf_counter() - started
    return seconds


def main() -> int:
    """Measure all networks, or the named ones."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.view_overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    found = {name: measure(name, args.rounds) for name in args.models}
    document = {
        "resolution": SIDE,
        "batch_size": BATCH_SIZE,
        "models": found,
        "environment": environment(),
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    for name, row in found.items():
        print(f"{name}: {row['ratio']} [{row['ratio_low']}, {row['ratio_high']}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
