import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from nas.conditions.bench import Bench
from nas.conditions.repeated import NUM_SESSIONS, deviation_between, repeated
from nas.meter.latency import latency_of


def session(*p50_ms: float) -> Any:
    """What the meter finds in a session, each interval a tenth of a percent wide."""
    latencies = [
        replace(latency_of([[ms / 1e3]]), p50_low_ms=0.9995 * ms, p50_high_ms=1.0005 * ms)
        for ms in p50_ms
    ]
    rounds = [SimpleNamespace(reference_s=[1e-3 * p50_ms[0]])]
    return SimpleNamespace(latencies=latencies, rounds=rounds)


@pytest.fixture
def measure(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[Any]], Any]:
    """Measure `repeated` with made-up sessions."""

    def measured(sessions: list[Any]) -> Any:
        left, slept = iter(sessions), list[float]()
        monkeypatch.setattr("nas.conditions.repeated.time.sleep", slept.append)
        monkeypatch.setattr("nas.conditions.repeated.load", lambda *_: None)
        monkeypatch.setattr("nas.conditions.repeated.steady", lambda *_, **__: next(left))
        found = repeated(new_bench((), files=(Path("a"),)), lambda _: None)
        assert slept == [120.0] * (NUM_SESSIONS - 1)
        return found

    return measured


def test_a_session_that_is_slower_as_a_whole_widens_all_intervals(
    measure: Callable[[list[Any]], Any],
) -> None:
    found = measure([session(ms, 10 * ms) for ms in (1.0, 1.02, 0.99, 1.01, 0.98)])
    one, ten = found.latencies["repeated"]
    assert one.p50_ms == 1.0
    assert one.p50_low_ms < 0.96 < 1.04 < one.p50_high_ms
    assert ten.p50_high_ms == pytest.approx(10 * one.p50_high_ms)
    assert one.num_samples == 5
    assert 0.05 < found.parameters["session_spread"] < 0.1
    assert found.parameters["reference_p50_ms"] == pytest.approx([1.0, 1.02, 0.99, 1.01, 0.98])


def test_equal_sessions_have_no_spread(measure: Callable[[list[Any]], Any]) -> None:
    found = measure([session(2.0)] * 5)
    assert found.parameters["session_spread"] == pytest.approx(0.0)
    (latency,) = found.latencies["repeated"]
    assert (latency.p50_low_ms, latency.p50_high_ms) == pytest.approx((2.0, 2.0))


def test_another_sessions_median_lies_in_the_interval_19_times_of_20(
    measure: Callable[[list[Any]], Any],
) -> None:
    rng, num_inside = Random(0), 0
    for _ in range(400):
        drawn = [math.exp(rng.gauss(0, 0.01)) for _ in range(NUM_SESSIONS + 1)]
        found = measure([session(ms) for ms in drawn[:-1]])
        (latency,) = found.latencies["repeated"]
        num_inside += latency.p50_low_ms <= drawn[-1] <= latency.p50_high_ms
    assert 0.92 <= num_inside / 400 <= 0.98


def test_what_networks_have_in_common_does_not_average_out() -> None:
    rng = Random(0)
    common = [math.exp(rng.gauss(0, 0.01)) for _ in range(200)]
    found = deviation_between([session(*[factor] * 20) for factor in common])
    assert found == pytest.approx(statistics.stdev(map(math.log, common)))


def test_files_are_loaded_anew_in_each_session(
    artifact: Path, new_bench: Callable[..., Bench], shares: list[float]
) -> None:
    found = repeated(new_bench((), files=(artifact,)), shares.append, gap_s=0.0)
    (latency,) = found.latencies["repeated"]
    assert latency.p50_low_ms < latency.p50_ms < latency.p50_high_ms
    assert latency.num_samples > 5 * 8
    assert shares[-1] == 1.0
