import math
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.planner.follow_traces import default_target_ms, follow
from benchmarks.planner.load_traces import held_out
from benchmarks.result_file import RESULTS
from planner import Controller, Entry, InvalidValue, read_tables
from planner.service_level import ServiceLevel

Entries = Callable[..., tuple[Entry, ...]]


@pytest.mark.parametrize("wrong", [0.0, 0.49, 1.0, 99, float("nan"), "0.99", True])
def test_a_share_outside_its_range_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidValue, match="`service_level` must be a share"):
        ServiceLevel(wrong)  # type: ignore[arg-type]


def test_the_margin_begins_with_the_table_s_percentiles(new_entry: Callable[..., Entry]) -> None:
    latency = new_entry().latency
    assert ServiceLevel(0.5).margin(latency) == pytest.approx(1.0)
    assert ServiceLevel(0.9).margin(latency) == pytest.approx(latency.p90_ms / latency.p50_ms)
    assert ServiceLevel(0.99).margin(latency) == pytest.approx(latency.p99_ms / latency.p50_ms)
    assert ServiceLevel(0.999).margin(latency) > latency.p99_ms / latency.p50_ms


def test_the_margin_becomes_the_quantile_of_the_recent_batches(
    new_entry: Callable[..., Entry],
) -> None:
    generator = random.Random(0)
    level = ServiceLevel(0.9)
    for _ in range(1000):
        level.observe(generator.uniform(1, 2), is_late=False)
    assert level.margin(new_entry().latency) == pytest.approx(1.9, abs=0.07)


def test_too_many_late_batches_make_it_infinite_until_enough_were_in_time(
    new_entry: Callable[..., Entry],
) -> None:
    level, latency = ServiceLevel(0.99), new_entry().latency
    for _ in range(3):
        assert math.isfinite(level.margin(latency))
        level.observe(1.0, is_late=True)
    for _ in range(10_000):  # an overload: nothing would have kept the target
        assert math.isinf(level.margin(latency))
        level.observe(1.0, is_late=True)
    num_in_time = 0
    while math.isinf(level.margin(latency)):
        level.observe(1.0, is_late=False)
        num_in_time += 1
    assert num_in_time < 100


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loads=st.lists(st.floats(0.1, 50), min_size=1, max_size=400),
    target_ms=st.floats(0.5, 20),
    share=st.sampled_from([0.5, 0.9, 0.99]),
)
def test_whatever_the_load_few_are_late_on_an_entry_that_is_not_the_fastest(
    new_entries: Entries, loads: list[float], target_ms: float, share: float
) -> None:
    entries = new_entries(6)
    controller = Controller(entries, target_ms, service_level=share)
    num_late = 0
    for load in loads:
        ran = controller.entry
        num_late += ran != entries[0] and ran.latency.p50_ms * load > target_ms
        controller.observe(ran.latency.p50_ms * load)
    assert num_late <= len(loads) * (1 - share) + 3


@pytest.mark.parametrize("share", [0.9, 0.99])
def test_it_is_kept_on_every_trace(share: float, new_entries: Entries) -> None:
    """Beyond what the fastest entry is late itself."""
    (table,) = read_tables(RESULTS / "planner" / "controller_table.json")
    for entries in (table.entries, new_entries(8)):
        target_ms = default_target_ms(entries)
        for trace in held_out():
            controller = Controller(entries, target_ms, service_level=share)
            outcome = follow(trace, controller, target_ms)
            fastest = follow(trace, Controller(entries[:1], target_ms), target_ms)
            slack = 3 / len(trace.seen)
            assert outcome.over_budget <= 1 - share + fastest.over_budget + slack, trace.name


def test_under_a_constant_load_it_runs_the_best_that_keeps_it(new_entries: Entries) -> None:
    generator = random.Random(1)
    entries = new_entries(12)
    controller = Controller(entries, 3.0, service_level=0.95)
    ran, late = [], 0
    for _ in range(4000):
        entry = controller.entry
        time_ms = entry.latency.p50_ms * math.exp(generator.gauss(0, 0.1))
        late += time_ms > 3.0
        ran.append(entry)
        controller.observe(time_ms)
    fits = [e for e in entries if e.latency.p50_ms * math.exp(1.645 * 0.1) <= 3.0]
    assert max(set(ran[500:]), key=ran[500:].count) in fits[-2:]
    assert late <= 0.05 * 4000
