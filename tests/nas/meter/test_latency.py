"""Arithmetic with a clock that the test turns; real networks where it is about real machines."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from nas.errors import NoisyMachineError
from nas.evaluate.reference_network import reference_workload
from nas.meter.latency import MIN_ROUNDS, Measurement, measure_latency
from nas.meter.other_processes import OtherProcesses
from nas.meter.reference_workload import ReferenceWorkload
from nas.runtimes import load_runtime
from supernet.models import WideResNet


class Clock:
    """Time passes only where a task lets it pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Task:
    """Takes `duration()` seconds of the clock."""

    def __init__(self, clock: Clock, duration: Callable[[], float]) -> None:
        self.clock, self.duration, self.took = clock, duration, list[float]()

    def run(self) -> None:
        self.took.append(self.duration())
        self.clock.now += self.took[-1]


def steady(clock: Clock, seconds: float, *, noise: float = 0.0, seed: int = 0) -> Task:
    rng = Random(seed)
    return Task(clock, lambda: seconds * math.exp(rng.gauss(0, noise)))


def measure(
    clock: Clock,
    tasks: list[Task],
    reference: Task | ReferenceWorkload | None = None,
    **options: Any,
) -> Measurement:
    if not isinstance(reference, ReferenceWorkload):
        reference = ReferenceWorkload(reference or steady(clock, 1e-4), "a test")
    arguments: dict[str, Any] = {
        "max_s": 2.0,
        "rng": Random(0),
        "clock": clock,
        "reference": reference,
    } | options
    return measure_latency(tasks, **arguments)


def test_percentiles_are_over_all_samples_that_count() -> None:
    clock = Clock()
    task = steady(clock, 1e-3, noise=0.1)
    result = measure(clock, [task])
    samples = [1e3 * s for r in result.rounds for s in (*r.first_s[0], *r.second_s[0])]
    latency = result.latencies[0]
    assert latency.num_samples == len(samples)
    found = (latency.p50_ms, latency.p90_ms, latency.p99_ms)
    np.testing.assert_allclose(found, np.percentile(samples, [50, 90, 99]))
    assert latency.p50_low_ms <= 1.0 <= latency.p50_high_ms


def test_a_constant_time_is_found_exactly() -> None:
    clock = Clock()
    result = measure(clock, [steady(clock, 2e-3), steady(clock, 3e-3)])
    assert [x.p50_ms for x in result.latencies] == pytest.approx([2, 3])
    assert result.noise_floor == pytest.approx(0, abs=1e-9)
    assert not result.is_tied(0, 1)
    assert result.is_tied(0, 0)


def test_it_stops_when_the_medians_are_known() -> None:
    clock = Clock()
    result = measure(clock, [steady(clock, 1e-3, noise=0.01)], max_s=100.0)
    assert len(result.rounds) == MIN_ROUNDS
    assert result.duration_s < 1


def test_it_stops_when_the_time_is_up() -> None:
    clock = Clock()
    result = measure(clock, [steady(clock, 1e-3, noise=0.3)], max_s=3.0, precision=1e-6)
    assert 3.0 <= result.duration_s < 3.2
    assert len(result.rounds) > MIN_ROUNDS


def test_drift_that_all_share_does_not_hide_a_difference() -> None:
    clock = Clock()

    def drifting(seconds: float) -> Task:
        return Task(clock, lambda: seconds * (1 + 0.2 * clock.now))  # 40 % slower after 2 s

    reference = steady(clock, 1e-4)
    result = measure(clock, [drifting(1e-3), drifting(1.05e-3)], reference, precision=1e-6)
    first, second = result.latencies
    assert first.p50_high_ms > second.p50_low_ms  # the intervals overlap ...
    assert not result.is_tied(0, 1)  # ... but round for round one is slower


def test_rounds_in_which_the_kernel_was_slow_do_not_count() -> None:
    clock = Clock()

    def disturbed(seconds: float) -> Task:
        return Task(clock, lambda: seconds * (3 if clock.now % 0.1 > 0.07 else 1))

    task = disturbed(1e-3)
    result = measure(clock, [task], disturbed(1e-4), max_s=5.0, precision=1e-9)
    assert result.num_disturbed_rounds >= 3
    assert max(task.took) > 2e-3
    assert result.latencies[0].p50_ms == pytest.approx(1)
    assert result.latencies[0].p90_ms == pytest.approx(1)


def test_disturbed_rounds_are_made_again() -> None:
    clock = Clock()
    reference = Task(clock, lambda: 2e-4 if 0.05 < clock.now < 0.1 else 1e-4)
    result = measure(clock, [steady(clock, 1e-3, noise=0.01)], reference, max_s=100.0)
    assert result.num_disturbed_rounds > 1
    assert len(result.rounds) >= MIN_ROUNDS


def test_a_busy_machine_is_refused_although_the_rounds_agree() -> None:
    clock, rng = Clock(), Random(0)
    reference = Task(clock, lambda: 1e-4 if rng.random() < 0.7 else 5e-3)  # another has the core
    with pytest.raises(NoisyMachineError, match="disturb at most 15% of the rounds, but disturbed"):
        measure(clock, [steady(clock, 1e-3, noise=0.01)], reference, max_s=0.5)


def test_a_kernel_that_varies_as_on_an_idle_machine_disturbs_few_rounds() -> None:
    clock = Clock()
    reference = steady(clock, 1e-4, noise=0.03)
    result = measure(clock, [steady(clock, 1e-3, noise=0.02)], reference, precision=1e-6)
    assert not result.is_noisy
    assert result.num_disturbed_rounds <= 0.05 * len(result.rounds)


def slow_until(clock: Clock, end_s: float, reference_s: float) -> Task:
    """A machine that takes 1.7 times as long until `end_s`."""
    return Task(clock, lambda: reference_s * (1.7 if clock.now < end_s else 1))


def test_a_machine_known_to_be_faster_is_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    reference = ReferenceWorkload(slow_until(clock, 4.0, 1e-4), "a test", tmp_path / "speed.json")
    task = slow_until(clock, 4.0, 1e-3)
    reference.record_best(1e-4)
    result = measure(clock, [task], max_s=2.0, reference=reference)
    assert result.latencies[0].p99_ms == pytest.approx(1)
    assert result.slowdown == pytest.approx(0, abs=1e-9)
    assert 4.0 < result.duration_s < 4.5


class Others(OtherProcesses):
    """Other processes that keep so many cores busy; None: the system doesn't tell."""

    def __init__(self, cores: float | None) -> None:
        self.cores = cores

    def busy_cores(self) -> float | None:
        return self.cores


def known_to_be_faster(clock: Clock, file: Path) -> ReferenceWorkload:
    reference = ReferenceWorkload(slow_until(clock, 99.0, 1e-4), "a test", file)
    reference.record_best(1.2e-4)
    return reference


@pytest.mark.parametrize(("cores", "told"), [(1.02, " while other .* 1.0 cores busy"), (None, "")])
def test_a_machine_slowed_by_other_processes_is_refused_with_what_to_do(
    tmp_path: Path, cores: float | None, told: str
) -> None:
    clock, file = Clock(), tmp_path / "speed.json"
    reference = known_to_be_faster(clock, file)
    with pytest.raises(
        NoisyMachineError, match=f"25% slower than at its best, but runs 42% slower{told}; stop"
    ) as e:
        measure(
            clock,
            [slow_until(clock, 99.0, 1e-3)],
            max_s=2.0,
            reference=reference,
            others=Others(cores),
        )
    assert str(file) in str(e.value)
    assert clock.now > 6.0  # three times as long as it was given
    allowed = measure(clock, [slow_until(clock, 99.0, 1e-3)], reference=reference, allow_noisy=True)
    assert allowed.is_noisy
    assert allowed.protocol()["slowdown"] == pytest.approx(0.41667, abs=1e-4)
    assert allowed.duration_s < 2.1  # where noise is allowed nothing is waited for


def test_a_machine_slowed_from_outside_is_waited_for_and_then_measured_as_it_is(
    tmp_path: Path,
) -> None:
    clock = Clock()
    reference = known_to_be_faster(clock, tmp_path / "speed.json")
    found = measure(
        clock,
        [slow_until(clock, 99.0, 1e-3)],
        max_s=2.0,
        reference=reference,
        others=Others(0.05),
    )
    assert clock.now > 6.0
    assert found.is_noisy
    assert not found.is_disturbed
    assert found.latencies[0].p50_ms == pytest.approx(1.7)
    assert found.protocol()["slowdown"] == pytest.approx(0.41667, abs=1e-4)
    assert reference.quickest_s == 1.2e-4  # no new best


def test_what_was_seen_of_the_machine_is_kept_unless_it_was_noisy() -> None:
    clock = Clock()
    reference = ReferenceWorkload(steady(clock, 1e-4), "a test")
    measure(
        clock, [steady(clock, 1e-3, noise=1.0)], max_s=0.5, reference=reference, allow_noisy=True
    )
    assert reference.quickest_s == math.inf
    measure(clock, [steady(clock, 1e-3)], reference=reference)
    assert reference.quickest_s == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("cores", "advice"),
    [
        (1.0, "; stop other processes on this machine, or"),
        (None, "; stop other processes on this machine, or"),
        (0.05, "; no other process here is busy, so .* run the same command again later, or"),
    ],
)
def test_a_noisy_machine_is_refused_in_one_line(cores: float | None, advice: str) -> None:
    clock = Clock()
    match = rf"noise floor must be at most 10%, but is \d+\.\d%{advice} pass --allow-noisy$"
    with pytest.raises(NoisyMachineError, match=match) as error:
        measure(clock, [steady(clock, 1e-3, noise=1.0)], max_s=0.5, others=Others(cores))
    assert "\n" not in str(error.value)


def test_a_noisy_measurement_that_is_allowed_is_marked() -> None:
    clock = Clock()
    result = measure(clock, [steady(clock, 1e-3, noise=1.0)], max_s=0.5, allow_noisy=True)
    assert result.is_noisy
    assert result.protocol()["is_noisy"] is True
    assert result.protocol()["noise_floor"] == pytest.approx(result.noise_floor, abs=1e-5)


def test_the_order_is_random_but_repeatable() -> None:
    def order(seed: int) -> list[int]:
        clock, visited = Clock(), list[int]()

        def visit(index: int) -> float:
            visited.append(index)
            return 1e-3

        tasks = [Task(clock, partial(visit, index)) for index in range(3)]
        measure(clock, tasks, rng=Random(seed))
        return visited

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_progress_ends_at_one_when_the_time_is_up() -> None:
    clock, seen = Clock(), list[float]()
    task = steady(clock, 1e-3, noise=0.3)
    measure(clock, [task], precision=1e-6, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_real_networks_come_out_in_the_right_order() -> None:
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    runtime = load_runtime("onnxruntime", num_threads=1)
    candidates = [
        runtime.compile(WideResNet(10, depth=10, widen=widen, stem_stride=2).eval(), x)
        for widen in (2, 1)
    ]
    result = measure_latency(
        candidates,
        reference=reference_workload(runtime),
        rng=Random(0),
        max_s=2.0,
        allow_noisy=True,
    )
    wide, narrow = result.latencies
    assert 0 < narrow.p50_ms < wide.p50_ms
    for latency in result.latencies:
        assert latency.p50_low_ms <= latency.p50_ms <= latency.p50_high_ms
        assert latency.p50_ms <= latency.p90_ms <= latency.p99_ms


def test_the_noise_floor_is_what_a_candidate_shows_against_itself() -> None:
    within = []
    for seed in range(15):
        clock = Clock()
        tasks = [steady(clock, 5e-3, noise=0.05, seed=seed)] * 2
        result = measure(clock, tasks, max_s=1.0, precision=1e-6)
        one, other = (latency.p50_ms for latency in result.latencies)
        within.append(abs(math.log(one / other)) <= result.noise_floor)
    assert np.mean(within) >= 0.9


def test_a_machine_that_slows_down_is_told() -> None:
    clock = Clock()
    reference = Task(clock, lambda: 1e-4 * (1 + 0.2 * clock.now))
    result = measure(clock, [steady(clock, 1e-3, noise=0.1)], reference, precision=1e-6, max_s=1.0)
    assert result.protocol()["drift"] == pytest.approx(0.1, abs=0.02)
