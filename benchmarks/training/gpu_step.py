"""Images a second of mutual learning on a GPU: plain steps, recorded steps, and the bound.

    python -m benchmarks.training.gpu_step

Steps of `python -m supernet.train` on a WideResNet-16-4 at 32 px, on random images that are on the
GPU already. The bound is the full network alone in one recorded graph, forward and backward,
slower by the ratio of multiply-adds: its share shows what a step of several subnets loses. Without
a GPU it says so and writes nothing. Writes results/training/gpu_step.json.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.cost.macs import count_macs
from nas.meter.gpu import gpu_facts
from supernet import Hyperparameters, SearchSpace, Supernet, TrainingJob, sandwich
from supernet.job.recipe import RECIPES
from supernet.models import build_model
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step
from supernet.train.step_graphs import CudaRecorder, Recorder

RESULT = result_file(__file__)
BATCH_SIZES = (128, 512)
POOL = 4
"""Few, so that all configs are recorded within seconds."""
NUM_BLOCKS = 5
SPACE = SearchSpace(resolutions=(32, 28, 24, 20))
NETWORK = {"depth": 16, "widen": 4}


def make_step(
    job: TrainingJob, options: dict[str, int], device: str, recorder: Recorder | None
) -> Step:
    """A step of the job on a WideResNet with these options."""
    torch.manual_seed(job.seed)
    side = job.space.resolutions[0]
    model = build_model("wide_resnet", 10, options)
    supernet = Supernet(model, torch.empty(1, 3, side, side), job.space).train()
    supernet.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Step(
        supernet,
        supernet,
        job,
        ProcessGroup(),
        num_steps=10**6,
        class_counts=[1] * 10,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        recorder=recorder,
    )


def seconds(work: Callable[[int], Any], num_steps: int, device: str) -> float:
    """Median seconds of `work(number)` over blocks of so many, the device's work included."""
    blocks = []
    for block in range(NUM_BLOCKS):
        _wait(device)
        start = time.perf_counter()
        for number in range(num_steps):
            work(block * num_steps + number)
        _wait(device)
        blocks.append((time.perf_counter() - start) / num_steps)
    return statistics.median(blocks)


def compared(
    batch_size: int, options: dict[str, int], device: str, recorder: Recorder, num_steps: int
) -> dict[str, float]:
    """Images a second of all ways, and the share of the bound that recorded steps reach."""
    dtype = "bfloat16" if device == "cpu" or torch.cuda.is_bf16_supported() else "float16"
    hyper = Hyperparameters(batch_size=batch_size, dtype=dtype)
    recipe = replace(RECIPES["mutual"], pool=POOL)
    job = TrainingJob(space=SPACE, recipe=recipe, hyperparameters=hyper, epochs=1)
    side = SPACE.resolutions[0]
    images = torch.randint(256, (batch_size, 3, side, side), dtype=torch.uint8).to(device)
    labels = torch.randint(10, (batch_size,)).to(device)
    plain, recorded = (make_step(job, options, device, each) for each in (None, recorder))
    space = recorded.supernet.space

    def plain_step(number: int) -> None:
        plain(number, images, labels, stop=False)

    def recorded_step(number: int) -> None:
        recorded(number, images, labels, stop=False)

    def alone(_: int) -> Tensor:
        return recorded.gradients(images, labels, [space.largest])

    start = time.perf_counter()
    recorded.gradients(images, labels, [space.largest])  # the first step is a plain one
    for number in range(NUM_BLOCKS * num_steps):
        recorded_step(number)  # all that is timed is recorded before
    alone(0)
    _wait(device)
    warm_up_s = time.perf_counter() - start
    plain_step(0)
    times = {
        "plain": seconds(plain_step, max(1, num_steps // 10), device),
        "recorded": seconds(recorded_step, num_steps, device),
        "full_alone": seconds(alone, num_steps, device),
    }
    num_macs = {}

    def macs(config: Any) -> int:
        if config not in num_macs:
            num_macs[config] = count_macs(recorded.supernet.extract(config), config.resolution)
        return num_macs[config]

    steps = [
        sandwich(space, recipe, random.Random(f"{job.seed} {number}"), recorded.pool)
        for number in range(NUM_BLOCKS * num_steps)
    ]
    of_step = statistics.fmean(sum(map(macs, configs)) for configs in steps)
    bound_s = times["full_alone"] * of_step / macs(space.largest)
    assert recorded.graphs is not None
    return {
        **{f"{name}_images_per_s": round(batch_size / each, 1) for name, each in times.items()},
        "speedup": round(times["plain"] / times["recorded"], 2),
        "share_of_bound": round(bound_s / times["recorded"], 3),
        "macs_of_step_by_full": round(of_step / macs(space.largest), 3),
        "num_graphs": recorded.graphs.num_recorded,
        "warm_up_s": round(warm_up_s, 2),
    }


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _gpu() -> dict[str, Any]:
    properties: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
    details, observed = gpu_facts(str(properties.uuid))
    versions = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return {"gpu": properties.name, **versions, **details, **observed}


def main() -> None:
    """Time all ways at both batch sizes, print and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40, help="steps of a block; default: 40")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("skipped: PyTorch sees no CUDA device", file=sys.stderr)
        return
    result: dict[str, Any] = {
        f"batch_{size}": compared(size, NETWORK, "cuda", CudaRecorder(), args.steps)
        for size in BATCH_SIZES
    }
    result["environment"] = environment() | _gpu()
    text = json.dumps(result, indent=2) + "\n"
    args.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
