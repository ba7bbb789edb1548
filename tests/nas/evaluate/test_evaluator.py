import json
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.errors import NasError
from nas.evaluate import evaluator as evaluator_module
from nas.evaluate.choice import Choice
from nas.evaluate.evaluation import Bits, Evaluation
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.scores import Scores
from nas.meter.latency import Measurement
from nas.number_types import typed
from nas.runtimes import CompiledNetwork, load_runtime
from supernet import SubnetConfig, load_supernet
from supernet.data import Data
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet, correct_images

CONFIG = SubnetConfig(width_mults=(0.5,), resolution=8)
NUM_IMAGES = 1000
"""Of `selection` and of `report`; see `few_to_score`."""


@pytest.fixture(scope="module")
def evaluator(tiny_run: Path, few_to_score: Data) -> Evaluator:
    supernet, _ = load_supernet(tiny_run)
    images = Images(few_to_score, torch.device("cpu"))
    return Evaluator(
        supernet, images, load_runtime("onnxruntime", num_threads=1), batch_size=2, seed=0
    )


def test_a_candidate_has_all_its_numbers(evaluator: Evaluator) -> None:
    candidate = evaluator.evaluate(CONFIG, max_s=0.1).candidate
    assert candidate.config_id == "w0.5-r8"
    assert (
        0.2
        < candidate.accuracy.top1_low
        < candidate.accuracy.top1
        < candidate.accuracy.top1_high
        < 0.9
    )
    network = evaluator.supernet.extract(CONFIG)
    assert candidate.num_params == sum(parameter.numel() for parameter in network.parameters())
    assert 0 < candidate.latency.p50_low_ms <= candidate.latency.p50_high_ms < 100
    assert candidate.latency.kind == "measured"


def test_macs_are_counted_by_hand(evaluator: Evaluator) -> None:
    # w0.5 of 16-16-32-64 channels; 8 px, halved by the stem and by stages two and three.
    stem = 16 * 8 * 3 * 9
    stage_one = 16 * (8 * 8 * 9 * 2)
    stage_two = 4 * (8 * 16 * 9 + 16 * 16 * 9 + 8 * 16)
    stage_three = 1 * (16 * 32 * 9 + 32 * 32 * 9 + 16 * 32)
    expected = stem + stage_one + stage_two + stage_three + 32 * 10
    assert evaluator.evaluate(CONFIG, max_s=0.1).candidate.macs == expected


def test_what_is_timed_is_what_is_scored(evaluator: Evaluator) -> None:
    compiled = evaluator.compile(CONFIG)
    scored = evaluator.report_accuracy(compiled, 8)
    assert scored.num_images == NUM_IMAGES
    network = calibrated_subnet(evaluator.supernet, CONFIG, evaluator.images)
    eager = accuracy(network, evaluator.images.batches("report", 8))
    assert abs(scored.num_correct - eager.num_correct) <= 2


def test_what_has_lost_sees_few_images_and_is_near_no_front(evaluator: Evaluator) -> None:
    full = evaluator.evaluate(CONFIG, max_s=0.1)
    assert len(full.correct) == NUM_IMAGES
    assert full.correct.mean() == full.candidate.accuracy.top1
    always = full.candidate.with_values(
        config_id="always-right",
        top1=1.0,
        top1_high=1.0,
        macs=1,
        latency_p50_ms=1e-6,
        latency_p50_low_ms=1e-6,
        latency_p50_high_ms=1e-6,
    )
    rival = Evaluation(candidate=always, correct=np.ones(NUM_IMAGES, dtype=bool))
    lost = evaluator.evaluate(CONFIG, max_s=0.1, rivals=[full, rival])
    assert len(lost.correct) < NUM_IMAGES / 4
    assert (
        lost.candidate.accuracy.top1_low
        < full.candidate.accuracy.top1
        < lost.candidate.accuracy.top1_high
    )
    assert Choice().near([always, lost.candidate]) == [always]


def test_the_same_seed_looks_at_the_same_images(evaluator: Evaluator) -> None:
    full = evaluator.evaluate(CONFIG, max_s=0.1)
    costs = evaluator.costs(CONFIG, max_s=0.1)
    rival = replace(full, correct=np.ones(NUM_IMAGES, dtype=bool))
    rival = replace(
        rival,
        candidate=full.candidate.with_values(latency_p50_ms=1e-6, macs=1, latency_p50_low_ms=1e-6),
    )
    one, two = (
        evaluator.evaluate(CONFIG, max_s=0.1, rivals=[rival], costs=costs) for _ in range(2)
    )
    assert one.candidate == two.candidate
    assert (one.correct == two.correct).all()
    assert one.device == costs.device, "what was timed elsewhere stays so"
    assert costs.device is not None
    assert (costs.device.host, costs.device.reference_ms > 0) == (socket.gethostname(), True)


def keeping(evaluator: Evaluator, path: Path) -> Evaluator:
    """The same with its scores kept in `path`."""
    of, images = evaluator.supernet, evaluator.images
    scores = Scores(path, of, "0" * 64, images)
    return Evaluator(of, images, evaluator.runtime, batch_size=2, seed=0, scores=scores)


def test_images_of_selection_that_are_scored_are_not_scored_again(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    keeps = keeping(evaluator, tmp_path / "scores.jsonl")
    network = keeps.compile(CONFIG)
    at_first = keeps.selection_correct(network, CONFIG)
    scored = keeps.evaluate(CONFIG, max_s=0.1).correct
    assert len(at_first) == NUM_IMAGES
    assert at_first.tolist() == scored.tolist()
    other = keeps.compile(SubnetConfig(width_mults=(0.25,), resolution=8))
    assert keeps.selection_correct(other, CONFIG).tolist() == scored.tolist()
    assert keeps.correct("report", network, 8).tolist() != scored.tolist()


def test_what_a_race_has_scored_is_not_scored_again(
    evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluator.evaluate(CONFIG, max_s=0.1)
    costs = evaluator.costs(CONFIG, max_s=0.1)
    fast = expected.candidate.with_values(latency_p50_ms=1e-6, macs=1, latency_p50_low_ms=1e-6)
    rival = Evaluation(candidate=fast, correct=np.ones(NUM_IMAGES, dtype=bool))
    num_scored = 0
    score = evaluator_module._correct

    def counted(*given: Any) -> Bits:
        nonlocal num_scored
        correct = score(*given)
        num_scored += len(correct)
        return correct

    monkeypatch.setattr(evaluator_module, "_correct", counted)
    path = tmp_path / "scores.jsonl"
    lost = [
        keeping(evaluator, path).evaluate(CONFIG, max_s=0.1, rivals=[rival], costs=costs)
        for _ in range(2)
    ]
    assert lost[0].candidate == lost[1].candidate
    assert num_scored == len(lost[0].correct) == len(lost[1].correct) < NUM_IMAGES / 4
    whole = keeping(evaluator, path).evaluate(CONFIG, max_s=0.1, costs=costs)
    assert num_scored == NUM_IMAGES
    assert np.count_nonzero(whole.correct != expected.correct) <= 2
    # What is known is known, whatever the rival.
    again = keeping(evaluator, path).evaluate(CONFIG, max_s=0.1, rivals=[rival], costs=costs)
    assert again.candidate == whole.candidate
    assert (again.correct == whole.correct).all()
    assert num_scored == NUM_IMAGES


def test_costs_that_are_known_are_not_measured_again(evaluator: Evaluator) -> None:
    costs = evaluator.costs(CONFIG, max_s=0.1)
    found = evaluator.evaluate(CONFIG, max_s=0.1, costs=costs).candidate
    assert (found.latency, found.macs, found.num_params) == (
        costs.latency,
        costs.macs,
        costs.num_params,
    )


def test_memory_is_one_of_the_costs_where_it_is_asked_for(evaluator: Evaluator) -> None:
    assert evaluator.costs(CONFIG, max_s=0.1).peak_memory_bytes is None
    asking = Evaluator(
        evaluator.supernet,
        evaluator.images,
        evaluator.runtime,
        batch_size=1,
        seed=0,
        measures=["top1", "peak_memory_bytes"],
    )
    assert (asking.costs(CONFIG, max_s=0.1).peak_memory_bytes or 0) > 0
    eager = Evaluator(
        evaluator.supernet,
        evaluator.images,
        load_runtime("eager", num_threads=1),
        batch_size=1,
        seed=0,
        measures=["top1", "peak_memory_bytes"],
    )
    with pytest.raises(NasError, match="peak_memory_bytes must be measurable to be an objective"):
        eager.require_measurable()


def test_energy_is_one_of_the_costs_where_a_counter_counts_it(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Evaluator(
        evaluator.supernet,
        evaluator.images,
        evaluator.runtime,
        batch_size=1,
        seed=0,
        measures=["energy_mj"],
    )
    monkeypatch.setattr("nas.evaluate.evaluator.rapl", lambda: None)
    with pytest.raises(NasError, match=r"energy_mj must be measurable .* by RAPL \(as root\) or"):
        asking.require_measurable()
    monkeypatch.setattr("nas.evaluate.evaluator.Evaluator.energy_mj", lambda *_: 2.5)
    asking.require_measurable()
    costs = asking.costs(CONFIG, max_s=0.1)
    assert (costs.energy_mj, costs.peak_memory_bytes) == (2.5, None)
    assert asking.evaluate(CONFIG, max_s=0.1, costs=costs).energy_mj == 2.5


@pytest.mark.slow
@pytest.mark.timing
def test_a_candidate_is_ready_to_time_in_under_a_second(evaluator: Evaluator) -> None:
    evaluator.compile(CONFIG)  # the first of an architecture is exported
    start = time.perf_counter()
    evaluator.compile(SubnetConfig(width_mults=(1.0,), resolution=12))
    assert time.perf_counter() - start < 1.0  # calibration included; 0.1 s on two idle cores


def test_it_is_timed_on_real_images_in_batches_of_the_asked_size(evaluator: Evaluator) -> None:
    pixels = evaluator._pixels(8)
    assert pixels.shape == (2, 8, 8, 3)
    assert pixels.dtype == torch.uint8
    assert pixels.float().std() > 30


def test_the_timed_network_normalises_its_images_itself(evaluator: Evaluator) -> None:
    compiled = evaluator.compile(CONFIG)
    network = calibrated_subnet(evaluator.supernet, CONFIG, evaluator.images)
    pixels, _ = next(evaluator.images.pixels("report", 8))
    normalised, _ = next(evaluator.images.batches("report", 8))
    with torch.inference_mode():
        expected = network(normalised)
    torch.testing.assert_close(compiled.logits(pixels), expected, rtol=1e-3, atol=1e-4)


def test_what_was_evaluated_is_not_prepared_again(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SubnetConfig(width_mults=(0.75,), resolution=8)
    fresh = Evaluator(evaluator.supernet, evaluator.images, evaluator.runtime, batch_size=1, seed=0)
    expected = fresh.report_accuracy(fresh.compile(config), 8)
    fresh.evaluate(config, max_s=0.05)
    compiled = fresh.compile(config)
    assert fresh.compile(config) is compiled
    assert fresh.report_accuracy(compiled, 8) == expected
    monkeypatch.setattr("nas.evaluate.evaluator.MAX_KEPT_BYTES", 0)
    small = Evaluator(evaluator.supernet, evaluator.images, evaluator.runtime, batch_size=1, seed=0)
    small.evaluate(config, max_s=0.05)
    assert small.compile(config) is not small.compile(config)


@pytest.fixture(scope="module")
def in_int8(evaluator: Evaluator) -> Evaluator:
    runtime = load_runtime("onnxruntime", num_threads=1, dtype="int8")
    return Evaluator(evaluator.supernet, evaluator.images, runtime, batch_size=1, seed=0)


def test_int8_is_scored_by_the_very_network_that_is_timed(
    in_int8: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[CompiledNetwork] = []
    measure = Evaluator.measure

    def noting(self: Evaluator, networks: Sequence[CompiledNetwork], **how: Any) -> Measurement:
        timed.extend(networks)
        return measure(self, networks, **how)

    monkeypatch.setattr(Evaluator, "measure", noting)
    found = in_int8.evaluate(CONFIG, max_s=0.1)
    (network,) = timed
    images = in_int8.images
    answers = [network.logits(x).argmax(1) == y for x, y in images.pixels("selection", 8)]
    assert (found.correct == torch.cat(answers).numpy()).all()
    assert found.candidate.accuracy.top1 == found.correct.mean()
    float_network = calibrated_subnet(in_int8.supernet, CONFIG, images)
    in_float = correct_images(float_network, images.batches("selection", 8)).numpy()
    assert (in_float != found.correct).any()  # it is another network
    assert abs(in_float.mean() - found.candidate.accuracy.top1) < 0.02


def test_int8_is_scored_as_often_as_float_and_known_apart(
    evaluator: Evaluator, in_int8: Evaluator, tmp_path: Path
) -> None:
    path = tmp_path / "scores.jsonl"
    in_float = keeping(evaluator, path).evaluate(CONFIG, max_s=0.1)
    one, again = (keeping(in_int8, path).evaluate(CONFIG, max_s=0.1) for _ in range(2))
    assert (one.correct == again.correct).all()
    assert (one.correct != in_float.correct).any()
    lines = [json.loads(line)["dtype"] for line in path.read_text().splitlines()]
    assert lines[0] == "float32"
    assert len(lines) == 2
    assert lines[1].startswith("int8 in onnxruntime 1.")
    assert "7 bits per channel" in lines[1]


def test_int8_is_calibrated_by_images_of_all_classes(in_int8: Evaluator) -> None:
    """They are sorted by class in some data sets."""
    pixels = in_int8.calibration_images(8)
    assert pixels.shape == (300, 8, 8, 3)
    every = torch.cat([x for x, _ in in_int8.images.pixels("calibration", 8)])
    assert torch.equal(pixels[0], every[0])
    assert torch.equal(pixels[-1], every[-1])


def test_each_number_type_is_scored_as_it_answers_and_known_apart(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """bfloat16 too, which rounds: its scores are those of the runtime."""
    runtime = load_runtime("eager", num_threads=1, dtype="float32+bfloat16")
    path, of = tmp_path / "scores.jsonl", evaluator.supernet
    scores = Scores(path, of, "0" * 64, evaluator.images)
    mixed = Evaluator(of, evaluator.images, runtime, batch_size=50, seed=0, scores=scores)
    configs = [typed(CONFIG, dtype) for dtype in ("float32", "bfloat16")]
    in_float, in_bfloat16 = (mixed.evaluate(each, max_s=0.05) for each in configs)
    assert in_bfloat16.candidate.config_id == f"{CONFIG.config_id}-bfloat16"
    network = mixed.compile(configs[1])
    answers = [network.logits(x).argmax(1) == y for x, y in mixed.images.pixels("selection", 8)]
    assert (in_bfloat16.correct == torch.cat(answers).numpy()).all()
    assert (in_bfloat16.correct != in_float.correct).any()
    assert mixed.known_top1() == {
        configs[0]: in_float.candidate.accuracy.top1,
        configs[1]: in_bfloat16.candidate.accuracy.top1,
    }
    assert keeping(evaluator, path).known_top1() == {CONFIG: in_float.candidate.accuracy.top1}
    with pytest.raises(NasError, match="must compute in int8"):
        mixed.compile(typed(CONFIG, "int8"))
