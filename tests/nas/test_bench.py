import time
from pathlib import Path

import pytest
import torch

from nas.bench import Bench
from nas.runtimes import load_runtime
from supernet import SubnetConfig, load_data, load_supernet
from supernet.evaluate import Images, accuracy, calibrated_subnet

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
