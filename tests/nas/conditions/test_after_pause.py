import time
from collections.abc import Callable

import pytest

from nas.conditions.after_pause import after_pause
from nas.conditions.bench import Bench
from nas.meter.rounds import Runnable


class FallsAsleep:
    """Takes 50 ms to wake up if nothing ran for 40 ms."""

    def __init__(self) -> None:
        self.last = 0.0

    def run(self) -> None:
        if time.monotonic() - self.last > 0.04:
            time.sleep(0.05)
        self.last = time.monotonic()


def test_a_network_that_falls_asleep_is_caught_after_the_pause_alone(
    new_bench: Callable[..., Bench], quick: Runnable, shares: list[float]
) -> None:
    bench = new_bench((quick, FallsAsleep()))
    found = after_pause(bench, shares.append, pauses_ms=(1, 60), num_samples=7)
    assert set(found.latencies) == {"after_pause", "after_pause_1ms"}
    awake, asleep = found.latencies["after_pause"]
    assert asleep.p50_low_ms >= 50 > 5 * awake.p50_ms
    assert found.latencies["after_pause_1ms"][1].p50_ms < 10
    assert asleep.num_samples == 7
    assert found.parameters == {"pauses_ms": [1, 60]}
    assert shares[-1] == 1.0


def test_the_plain_name_is_the_longest_pause(
    new_bench: Callable[..., Bench], quick: Runnable, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("nas.conditions.after_pause.time.sleep", slept.append)
    found = after_pause(new_bench((quick,)), lambda _: None)
    assert list(found.latencies) == ["after_pause", "after_pause_200ms", "after_pause_50ms"]
    assert sum(slept) == pytest.approx(20 * 1.25)
