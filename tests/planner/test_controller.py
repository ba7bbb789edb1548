import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.planner.follow_traces import compare, default_target_ms
from benchmarks.planner.load_traces import development, held_out
from benchmarks.result_file import RESULTS
from planner import Controller, Entry, InvalidValue, read_tables

Entries = Callable[..., tuple[Entry, ...]]


def run(controller: Controller, loads: Sequence[float]) -> list[Entry]:
    ran = []
    for load in loads:
        ran.append(controller.entry)
        controller.observe(controller.entry.latency.p50_ms * load)
    return ran


@pytest.fixture
def real_entries() -> tuple[Entry, ...]:
    (table,) = read_tables(RESULTS / "planner" / "controller_table.json")
    return table.entries


def num_switches(ran: Sequence[Entry]) -> int:
    return sum(one is not other for one, other in pairwise(ran))


def test_the_two_sets_of_traces_have_nothing_in_common() -> None:
    tuned, judged = development(), held_out()
    assert len(tuned) == len(judged) == 20
    kinds = [{trace.name.rpartition("-")[0] or trace.name for trace in s} for s in (tuned, judged)]
    assert not kinds[0] & kinds[1]


def test_it_keeps_to_the_oracle_on_held_out_traces(real_entries: tuple[Entry, ...]) -> None:
    """Pooled over 20 traces, and on all but one of them alone.

    On the one, "short visits", a rival comes five times from one batch to the next. The oracle
    knows and is late in 5 batches of 1,272; who can't know is late at each coming, and in 10.
    """
    compared = compare(Controller, held_out(), real_entries)
    broken = [(trace.name, o) for trace, o, oracle in compared if not o.keeps(oracle)]
    assert [name for name, _ in broken] == ["short visits"]
    assert round(broken[0][1].over_budget * 1272) <= 10
    over = sum(outcome.over_budget for _, outcome, _ in compared)
    assert over <= 1.2 * sum(oracle.over_budget for _, _, oracle in compared)
    lost = sum(oracle.top1 - outcome.top1 for _, outcome, oracle in compared)
    assert lost / len(compared) <= 0.005


@pytest.mark.parametrize(
    ("num_entries", "seed"), [(4, 0), (8, 0), (20, 0), (4, 1), (8, 1), (20, 1)]
)
def test_it_keeps_to_the_oracle_with_steeper_tables(
    new_entries: Entries, num_entries: int, seed: int
) -> None:
    """Where neighbours are points of top1 apart, pooled over the 20 traces."""
    compared = compare(Controller, held_out(), new_entries(num_entries, seed))
    over = sum(outcome.over_budget for _, outcome, _ in compared)
    assert over <= 1.2 * sum(oracle.over_budget for _, _, oracle in compared)
    lost = sum(oracle.top1 - outcome.top1 for _, outcome, oracle in compared)
    assert lost / len(compared) <= 0.005


@pytest.mark.parametrize("load", [0.5, 1.0, 1.3, 2.0, 7.0, 100.0])
def test_under_a_constant_load_it_settles_at_the_best_that_fits(
    new_entries: Entries, load: float
) -> None:
    entries = new_entries(12)
    controller = Controller(entries, 3.0)
    ran = run(controller, [load] * 300)
    fits = [e for e in entries if e.latency.p50_ms * load * 1.02 <= 3.0] or [entries[0]]
    assert ran[-1] == fits[-1]
    assert num_switches(ran[20:]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_a_constant_load_takes_few_steps_back(new_entries: Entries, seed: int) -> None:
    generator = random.Random(seed)
    loads = [1.7 * math.exp(generator.gauss(0, 0.05)) for _ in range(10_000)]
    controller = Controller(new_entries(12), 3.0)
    ran = run(controller, loads)
    steps = [
        other.latency.p50_ms - one.latency.p50_ms
        for one, other in pairwise(ran)
        if one is not other
    ]
    taken_back = sum(up > 0 > down for up, down in pairwise(steps))
    wrongly_found = controller.num_changes
    assert taken_back <= math.log2(len(loads) / 3 + 1) + wrongly_found
    assert wrongly_found <= len(loads) / 250


def test_a_jump_is_answered_within_three_batches(new_entries: Entries) -> None:
    entries = new_entries(12)
    controller = Controller(entries, 3.0)
    run(controller, [1.0] * 100)
    ran = run(controller, [3.0] * 10)
    assert all(entry.latency.p50_ms * 3 <= 3.0 for entry in ran[3:])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loads=st.lists(st.floats(0.1, 50), min_size=1, max_size=200),
    target_ms=st.floats(0.01, 20),
    seed=st.integers(0, 3),
)
def test_no_load_makes_it_switch_without_bound(
    new_entries: Entries, loads: list[float], target_ms: float, seed: int
) -> None:
    """A step up at most at every third batch, and no more steps down than there is front."""
    entries = new_entries(8, seed)
    ran = run(Controller(entries, target_ms), loads)
    ups = [i for i, (a, b) in enumerate(pairwise(ran)) if b.latency.p50_ms > a.latency.p50_ms]
    assert all(later - earlier >= 3 for earlier, later in pairwise(ups))
    assert all(entry in entries for entry in ran)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(load=st.floats(0.2, 30), target_ms=st.floats(0.1, 20), seed=st.integers(0, 3))
def test_under_any_constant_load_it_comes_to_rest(
    new_entries: Entries, load: float, target_ms: float, seed: int
) -> None:
    ran = run(Controller(new_entries(8, seed), target_ms), [load] * 300)
    assert num_switches(ran[150:]) == 0


def test_where_nothing_fits_it_runs_the_fastest(new_entries: Entries) -> None:
    entries = new_entries(5)
    controller = Controller(entries, 1e-3)
    assert controller.entry == entries[0]
    assert controller.observe(50.0) == entries[0]


def test_a_slow_batch_is_answered_at_once_until_such_prove_to_be_lone(
    real_entries: tuple[Entry, ...],
) -> None:
    target_ms = default_target_ms(real_entries)
    controller = Controller(real_entries, target_ms)
    run(controller, [1.0] * 100)
    best = controller.entry
    run(controller, [2.1])
    assert controller.entry.latency.p50_ms * 2.1 <= target_ms
    for _ in range(10):
        run(controller, [1.0] * 30 + [2.1])
    assert controller.entry is best


def test_one_slow_batch_changes_nothing_where_little_is_to_be_gained(new_entries: Entries) -> None:
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


def test_it_chooses_from_other_entries(new_entries: Entries) -> None:
    entries = new_entries(6)
    controller = Controller(entries, 1e3)
    assert controller.entry == entries[-1]
    assert controller.choose_from(entries[:4]) == controller.entry == entries[3]
    assert controller.choose_from(entries) == entries[3], "it steps up as ever"
    with pytest.raises(InvalidValue, match="must have entries"):
        controller.choose_from([])


def test_a_batch_of_another_entry_measures_the_load(new_entries: Entries) -> None:
    """Of one that runs while the chosen one is loaded."""
    entries = new_entries(6)
    controller = Controller(entries, 1e3)
    for _ in range(5):
        controller.observe(entries[0].latency.p50_ms * 3, entries[0])
    assert controller.load == pytest.approx(3.0)
