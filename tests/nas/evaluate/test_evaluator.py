import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import NasError
from nas.evaluate.evaluation import Scored
from nas.evaluate.evaluator import Bench
from nas.evaluate.lookup_table import near_front
from nas.runtimes import load_runtime
from supernet import SubnetConfig, load_data, load_supernet
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet

CONFIG = SubnetConfig(width_mults=(0.5,), resolution=8)


@pytest.fixture(scope="module")
def bench(tiny_run: Path) -> Bench:
    supernet, _ = load_supernet(tiny_run)
    images = Images(load_data("fashion-mnist-mini", resolution=12), torch.device("cpu"))
    return Bench(supernet, images, load_runtime("onnxruntime"), batch_size=2, seed=0)


def test_a_candidate_has_all_its_numbers(bench: Bench) -> None:
    candidate = bench.evaluate(CONFIG, "grid", max_s=0.1).candidate
    assert candidate.config_id == "w0.5-r8"
    assert candidate.origin == "grid"
    assert 0.2 < candidate.top1_low < candidate.top1 < candidate.top1_high < 0.9
    network = bench.supernet.extract(CONFIG)
    assert candidate.num_params == sum(parameter.numel() for parameter in network.parameters())
    assert 0 < candidate.latency_p50_low_ms <= candidate.latency_p50_high_ms < 100
    assert candidate.kind == "measured"


def test_macs_are_counted_by_hand(bench: Bench) -> None:
    # w0.5 of 16-16-32-64 channels; 8 px, halved by the stem and by stages two and three.
    stem = 16 * 8 * 3 * 9
    stage_one = 16 * (8 * 8 * 9 * 2)
    stage_two = 4 * (8 * 16 * 9 + 16 * 16 * 9 + 8 * 16)
    stage_three = 1 * (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32)
    expected = stem + stage_one + stage_two + stage_three + 32 * 10
    assert bench.evaluate(CONFIG, "grid", max_s=0.1).candidate.macs == expected


def test_what_is_timed_is_what_is_scored(bench: Bench) -> None:
    compiled = bench.compile(CONFIG)
    scored = bench.report_top1(compiled, 8)
    assert scored.num_images == 2000
    network = calibrated_subnet(bench.supernet, CONFIG, bench.images)
    eager = accuracy(network, bench.images.batches("report", 8))
    assert abs(scored.num_correct - eager.num_correct) <= 2


def test_what_has_lost_sees_few_images_and_is_near_no_front(bench: Bench) -> None:
    full = bench.evaluate(CONFIG, "grid", max_s=0.1)
    assert len(full.right) == 2000
    assert full.right.mean() == full.candidate.top1
    always = replace(
        full.candidate,
        config_id="always-right",
        top1=1.0,
        top1_high=1.0,
        macs=1,
        latency_p50_ms=1e-6,
        latency_p50_low_ms=1e-6,
        latency_p50_high_ms=1e-6,
    )
    rival = Scored(candidate=always, right=np.ones(2000, dtype=bool))
    lost = bench.evaluate(CONFIG, "search", max_s=0.1, others=[full, rival])
    assert len(lost.right) < 500
    assert lost.candidate.top1_low < full.candidate.top1 < lost.candidate.top1_high
    assert near_front([always, lost.candidate]) == [always]


def test_the_same_seed_looks_at_the_same_images(bench: Bench) -> None:
    full = bench.evaluate(CONFIG, "grid", max_s=0.1)
    costs = bench.costs(CONFIG, max_s=0.1)
    rival = replace(full, right=np.ones(2000, dtype=bool))
    rival = replace(
        rival,
        candidate=replace(full.candidate, latency_p50_ms=1e-6, macs=1, latency_p50_low_ms=1e-6),
    )
    one, two = (
        bench.evaluate(CONFIG, "search", max_s=0.1, others=[rival], costs=costs) for _ in range(2)
    )
    assert one.candidate == two.candidate
    assert (one.right == two.right).all()


def test_costs_that_are_known_are_not_measured_again(bench: Bench) -> None:
    costs = bench.costs(CONFIG, max_s=0.1)
    found = bench.evaluate(CONFIG, "grid", max_s=0.1, costs=costs).candidate
    assert {name: getattr(found, name) for name in costs} == costs


def test_memory_is_one_of_the_costs_where_it_is_asked_for(bench: Bench) -> None:
    assert bench.costs(CONFIG, max_s=0.1)["peak_memory_bytes"] is None
    asking = Bench(
        bench.supernet, bench.images, bench.runtime, batch_size=1, seed=0, with_memory=True
    )
    assert asking.costs(CONFIG, max_s=0.1)["peak_memory_bytes"] > 0
    eager = Bench(
        bench.supernet, bench.images, load_runtime("eager"), batch_size=1, seed=0, with_memory=True
    )
    with pytest.raises(NasError, match="peak memory must be known"):
        eager.costs(CONFIG, max_s=0.1)


@pytest.mark.slow
@pytest.mark.timing
def test_a_candidate_is_ready_to_time_in_under_a_second(bench: Bench) -> None:
    bench.compile(CONFIG)  # the first of an architecture is exported
    start = time.perf_counter()
    bench.compile(SubnetConfig(width_mults=(1.0,), resolution=12))
    assert time.perf_counter() - start < 1.0  # calibration included; 0.1 s on two idle cores


def test_it_is_timed_on_real_images_in_batches_of_the_asked_size(bench: Bench) -> None:
    pixels = bench._pixels(8)
    assert pixels.shape == (2, 3, 8, 8)
    assert pixels.std() > 0.3
