"""Steps from made-up times, and from those of a runtime that has a staircase by design."""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nas.evaluate.evaluator import Evaluator
from nas.evaluate.trained import load_trained
from nas.runtimes import CompiledNetwork, load_runtime
from nas.search.staircase import _affordable, _counts, _number, measured_steps, steps_of
from nas.search.steps import Steps, widths_by_channels
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Images

WIDTHS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)


def rounds(values: Sequence[float], noise: float = 0.0) -> list[list[float]]:
    """Twelve rounds of timing, each at a speed of its own, with noise of this share."""
    draws = random.Random(0)
    speeds = [draws.uniform(1.0, 2.0) for _ in range(12)]
    return [[v * (1 + draws.uniform(-noise, noise)) * speed for v in values] for speed in speeds]


def test_counts_that_cost_what_the_next_costs_are_no_steps() -> None:
    pairs = [1.0, 1.0, 2.0, 2.01, 3.0, 2.99, 4.0, 4.0]
    assert steps_of(WIDTHS, rounds(pairs)) == (0.125, 0.25, 0.5, 0.75, 1.0), "with both ends"


def test_counts_of_many_groups_are_told_together() -> None:
    few, many = (Steps(widths=(each,) * 9, resolutions=(8,)) for each in ((0.5, 1.0), WIDTHS))
    assert _counts(few, many) == "18 of 72"
    few, many = (replace(each, widths=each.widths[:2]) for each in (few, many))
    assert _counts(few, many) == "2 of 8, 2 of 8"


def test_a_number_is_told_as_long_as_it_can_be_read() -> None:
    assert [_number(n) for n in (1456, 173_689_978_884, 16**300)] == [
        "1,456",
        "1.7e+11",
        "1.7e+361",
    ]


def test_an_early_step_stays() -> None:
    first = [0.5, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert steps_of(WIDTHS, rounds(first)) == (0.125, 0.25, 0.5, 0.75, 1.0)


def test_on_a_straight_line_each_is_a_step() -> None:
    line = [1.0 + 0.4 * number for number in range(8)]
    assert steps_of(WIDTHS, rounds(line)) == WIDTHS


def test_with_noise_what_may_be_a_step_stays() -> None:
    pairs = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    found = steps_of(WIDTHS, rounds(pairs, 0.2))
    assert {0.25, 0.5, 0.75, 1.0} < set(found), "and one that is none"


def test_where_latency_falls_with_channels_the_wider_is_taken() -> None:
    falling = [2.0, 1.0, 1.5, 1.2]
    assert steps_of((0.25, 0.5, 0.75, 1.0), rounds(falling))[-1] == 1.0


def test_there_is_time_for_some_groups_only() -> None:
    config = SubnetConfig(width_mults=(1.0,), resolution=16)
    configs = [[config] * 4, [config] * 13, [config], [config] * 7]
    assert _affordable(configs, 0.16, 30) == [0, 1, 3]
    assert _affordable(configs, 30 / 20, 30) == [1, 3]
    assert _affordable(configs, 160.0, 30) == []


class InSixteens(CompiledNetwork):
    """Takes a time that rises with every sixteen channels of each layer."""

    def __init__(self, network: nn.Module) -> None:
        layers = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
        self.seconds = 5e-6 * sum(math.ceil(each.out_channels / 16) for each in layers)

    def run(self) -> None:
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            pass

    def logits(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def peak_memory_bytes(self) -> int | None:
        return None


@pytest.mark.timing
def test_the_steps_of_a_runtime_are_found(monkeypatch: pytest.MonkeyPatch, tiny_run: Path) -> None:
    trained = load_trained(tiny_run)
    runtime = load_runtime("onnxruntime", num_threads=1)
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    monkeypatch.setattr(
        evaluator, "compile_whole", lambda network, _: InSixteens(network), raising=True
    )
    before = Steps.all_of(trained.supernet)
    found = measured_steps(evaluator, 20.0)
    supernet = trained.supernet
    for number, widths in enumerate(found.widths):
        counts = {width: kept for kept, width in widths_by_channels(supernet, number).items()}
        assert all(counts[width][-1] % 16 == 0 for width in widths[1:])
    assert found.num_configs < before.num_configs / 2
    assert found.resolutions == before.resolutions


def test_without_time_all_widths_stay(tiny_run: Path) -> None:
    trained = load_trained(tiny_run)
    runtime = load_runtime("onnxruntime", num_threads=1)
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
    assert measured_steps(evaluator, 0.01) == Steps.all_of(trained.supernet)
