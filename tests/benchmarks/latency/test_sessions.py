import math
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

from benchmarks.latency.sessions import judged
from nas.meter.latency import latency_of


def session(*p50_ms: float) -> Any:
    """Each network's median, with an interval of 0.2 %."""
    latencies = [
        replace(latency_of([[ms / 1e3]]), p50_low_ms=0.999 * ms, p50_high_ms=1.001 * ms)
        for ms in p50_ms
    ]
    return SimpleNamespace(latencies=latencies)


def test_steady_intervals_of_sessions_that_differ_do_not_hold_but_those_of_repeated_do() -> None:
    rng = Random(0)
    common = [math.exp(rng.gauss(0, 0.01)) for _ in range(20)]
    found = judged([session(factor, 3 * factor) for factor in common])
    assert found["num_sessions"] == 20
    assert found["share_of_steady_pairs_that_overlap"] < 0.3
    assert found["share_of_medians_in_the_interval_of_repeated"] > 0.9
    assert found["share_of_repeated_pairs_that_overlap"] > 0.95
    assert 0.02 < found["largest_change"] < 0.06


def test_equal_sessions_agree() -> None:
    found = judged([session(1.0, 2.0)] * 20)
    assert found["largest_change"] == 0.0
    assert found["share_of_steady_pairs_that_overlap"] == 1.0
