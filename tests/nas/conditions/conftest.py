"""Networks that are slow when a test wants them to be, and what measures them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from nas.conditions.bench import Bench
from nas.meter.reference_workload import ReferenceWorkload
from nas.meter.rounds import Runnable
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.onnxruntime import OnnxRuntime


class Quick:
    """Takes microseconds."""

    def run(self) -> None:
        pass


class SlowWhen(Quick):
    """Takes 10 ms whenever `is_slow` says so, else microseconds."""

    def __init__(self, is_slow: Callable[[], bool]) -> None:
        self.is_slow = is_slow

    def run(self) -> None:
        if self.is_slow():
            time.sleep(0.01)


class Busy:
    """Takes `cpu_s` seconds of a core: longer, if the core is shared."""

    def __init__(self, cpu_s: float) -> None:
        self.cpu_s = cpu_s

    def run(self) -> None:
        end = time.thread_time() + self.cpu_s
        while time.thread_time() < end:
            pass


def make_bench(networks: Sequence[Runnable], **changes: Any) -> Bench:
    values: dict[str, Any] = {
        "networks": networks,
        "files": (),
        "runtime": "onnxruntime",
        "num_threads": 1,
        "reference": ReferenceWorkload(Quick(), "a test"),
        "rng": Random(0),
        "max_s": 0.05,
        "minutes": 1,
        "num_busy_processes": 1,
    }
    return Bench(**(values | changes))


@pytest.fixture
def new_bench() -> Callable[..., Bench]:
    return make_bench


@pytest.fixture
def quick() -> Quick:
    return Quick()


@pytest.fixture
def slow_when() -> type[SlowWhen]:
    return SlowWhen


@pytest.fixture
def busy() -> type[Busy]:
    return Busy


@pytest.fixture
def shares() -> list[float]:
    """Its `append` is a progress to look at afterwards."""
    return []


@pytest.fixture(scope="session")
def network() -> FromPixels:
    """Takes uint8 pixels (1, 8, 8, 3)."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    return FromPixels(layers, (0.5,) * 3, (0.25,) * 3).eval()


@pytest.fixture(scope="session")
def artifact(network: FromPixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    model = OnnxRuntime("cpu", 1).compile(network, pixels).model.self_contained()
    path = tmp_path_factory.mktemp("artifact") / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path
