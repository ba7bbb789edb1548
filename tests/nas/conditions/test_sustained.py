import time
from collections.abc import Callable

import pytest

from nas.conditions.bench import Bench
from nas.conditions.sustained import sustained
from nas.meter.rounds import Runnable


def test_a_network_that_slows_down_is_caught_in_the_last_minute(
    new_bench: Callable[..., Bench],
    slow_when: Callable[..., Runnable],
    quick: Runnable,
    shares: list[float],
) -> None:
    hot_at: list[float] = []

    def is_hot() -> bool:
        return bool(hot_at) and time.monotonic() > hot_at[0]

    def show(share: float) -> None:
        shares.append(share)
        if share >= 2 / 3 and not hot_at:
            hot_at.append(time.monotonic())

    bench = new_bench((slow_when(is_hot), quick), minutes=3)
    found = sustained(bench, show, minute_s=0.05)
    assert set(found.latencies) == {"sustained", "sustained_minute_1", "sustained_minute_2"}
    assert found.latencies["sustained"][0].p50_ms >= 10
    assert found.latencies["sustained_minute_1"][0].p50_ms < 5
    assert found.latencies["sustained"][1].p50_ms < 5
    assert found.parameters["minutes"] == 3
    assert len(found.parameters["heat_by_minute"]) == 3
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_one_minute_is_the_last(new_bench: Callable[..., Bench], quick: Runnable) -> None:
    found = sustained(new_bench((quick,)), lambda _: None, minute_s=0.01)
    assert list(found.latencies) == ["sustained"]
