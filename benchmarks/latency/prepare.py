"""How long does it take until a candidate can be timed, once its architecture was exported?

    python -m benchmarks.latency.prepare

Ten subnets of MobileNetV2 and of ResNet-50 at 224 px, drawn at random, are made ready in ONNX
Runtime and in OpenVINO; each is folded, filled into the graph, loaded and checked against PyTorch.
The first of an architecture is exported and takes seconds; the others' median must be below 0.3 s.
Needs an idle machine and about two minutes. Writes results/latency/prepare.json.
"""

import argparse
import json
import statistics
import time
from random import Random
from typing import Any

import torch
from torch import nn
from torchvision import models

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.runtimes import load_runtime
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.space import widths_from

RESULT = result_file(__file__)
NUM_CANDIDATES = 10
SIDE = 224
LIMIT_S = 0.3


def candidates(build: type[nn.Module]) -> list[nn.Module]:
    """The largest subnet and then random ones."""
    space = SearchSpace(widths=widths_from(0.5), resolutions=(SIDE,), groups="stage")
    supernet = Supernet(build(), torch.zeros(1, 3, SIDE, SIDE), space)
    rng, space = Random(0), supernet.space
    drawn = [
        SubnetConfig(width_mults=space.random_widths(rng), resolution=SIDE)
        for _ in range(NUM_CANDIDATES)
    ]
    return [supernet.extract(config).eval() for config in (space.largest, *drawn)]


def seconds(runtime_name: str, networks: list[nn.Module]) -> dict[str, Any]:
    """Of the first, which is exported, and of each later one."""
    runtime, images = load_runtime(runtime_name, num_threads=2), torch.randn(1, 3, SIDE, SIDE)
    torch.set_num_threads(2)
    durations = []
    for network in networks:
        start = time.perf_counter()
        runtime.compile(network, images)
        durations.append(time.perf_counter() - start)
    first, *later = durations
    return {
        "version": runtime.version,
        "first_s": first,
        "median_s": statistics.median(later),
        "max_s": max(later),
        "num_candidates": len(later),
        "is_below_limit": statistics.median(later) < LIMIT_S,
    }


def main() -> None:
    """Measure, print and write the result."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    torch.manual_seed(0)
    result: dict[str, Any] = {"environment": environment(), "limit_s": LIMIT_S}
    for build in (models.mobilenet_v2, models.resnet50):
        networks = candidates(build)
        result[build.__name__] = {
            name: seconds(name, networks) for name in ("onnxruntime", "openvino")
        }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
