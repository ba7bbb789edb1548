import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from benchmarks.controller import all_traces, default_target_ms, with_controller, with_oracle
from planner import Controller, Entry, InvalidValue

Entries = Callable[..., tuple[Entry, ...]]


def run(controller: Controller, loads: Sequence[float]) -> list[Entry]:
    ran = []
    for load in loads:
        ran.append(controller.entry)
        controller.observe(controller.entry.latency_p50_ms * load)
    return ran


def num_switches(ran: Sequence[Entry]) -> int:
    return sum(one is not other for one, other in pairwise(ran))


@pytest.mark.parametrize("num_entries", [4, 8, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_close_to_the_oracle_on_twenty_traces(
    new_entries: Entries, num_entries: int, seed: int
) -> None:
    entries = new_entries(num_entries, seed)
    target_ms = default_target_ms(entries)
    traces = all_traces()
    assert len(traces) == 20
    ours = [with_controller(trace, entries, target_ms) for trace in traces]
    best = [with_oracle(trace, entries, target_ms) for trace in traces]
    over = sum(outcome.over_budget for outcome in ours)
    assert over <= 1.2 * sum(outcome.over_budget for outcome in best)
    lost = sum(outcome.top1 for outcome in best) - sum(outcome.top1 for outcome in ours)
    assert lost / len(traces) <= 0.005


@pytest.mark.parametrize("load", [0.5, 1.0, 1.3, 2.0, 7.0, 100.0])
def test_under_a_constant_load_it_settles_at_the_best_that_fits(
    new_entries: Entries, load: float
) -> None:
    entries = new_entries(12)
    controller = Controller(entries, 3.0)
    ran = run(controller, [load] * 300)
    fits = [e for e in entries if e.latency_p50_ms * load * 1.02 <= 3.0] or [entries[0]]
    assert ran[-1] == fits[-1]
    assert num_switches(ran[20:]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_a_constant_load_takes_few_steps_back(new_entries: Entries, seed: int) -> None:
    generator = random.Random(seed)
    loads = [1.7 * math.exp(generator.gauss(0, 0.05)) for _ in range(10_000)]
    ran = run(Controller(new_entries(12), 3.0), loads)
    steps = [
        other.latency_p50_ms - one.latency_p50_ms
        for one, other in pairwise(ran)
        if one is not other
    ]
    taken_back = sum(up > 0 > down for up, down in pairwise(steps))
    assert taken_back <= math.log2(len(loads) / 5 + 1)


def test_a_jump_is_answered_within_three_batches(new_entries: Entries) -> None:
    entries = new_entries(12)
    controller = Controller(entries, 3.0)
    run(controller, [1.0] * 100)
    ran = run(controller, [3.0] * 10)
    assert all(entry.latency_p50_ms * 3 <= 3.0 for entry in ran[3:])


def test_where_nothing_fits_it_runs_the_fastest(new_entries: Entries) -> None:
    entries = new_entries(5)
    controller = Controller(entries, 1e-3)
    assert controller.entry == entries[0]
    assert controller.observe(50.0) == entries[0]


def test_one_slow_batch_changes_nothing(new_entries: Entries) -> None:
    controller = Controller(new_entries(12), 3.0)
    before = run(controller, [1.0] * 50)[-1]
    assert run(controller, [9.0, 1.0, 1.0])[-1] == before == controller.entry


def test_it_comes_back_when_the_load_falls(new_entries: Entries) -> None:
    controller = Controller(new_entries(12), 3.0)
    first = run(controller, [1.0] * 50)[-1]
    assert run(controller, [4.0] * 50)[-1] != first
    assert run(controller, [1.0] * 50)[-1] == first


def test_bad_arguments_are_refused(new_entries: Entries) -> None:
    with pytest.raises(InvalidValue, match="`target_ms` must be"):
        Controller(new_entries(3), 0.0)
    with pytest.raises(InvalidValue, match="must have entries"):
        Controller([], 1.0)
    with pytest.raises(InvalidValue, match="`latency_ms` must be"):
        Controller(new_entries(3), 1.0).observe(float("nan"))
