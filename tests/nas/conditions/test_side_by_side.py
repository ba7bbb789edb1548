from collections.abc import Callable
from itertools import count

from nas.conditions.bench import Bench
from nas.conditions.side_by_side import side_by_side
from nas.meter.latency import MIN_ROUNDS
from nas.meter.rounds import Runnable


def test_no_round_is_left_out_however_slow_the_reference_is(
    new_bench: Callable[..., Bench], slow_when: Callable[..., Runnable], quick: Runnable
) -> None:
    """The meter would keep the quick rounds: here a part of all samples must be slow."""
    calls = count()
    often = slow_when(lambda: next(calls) % 10 == 9)
    latency, other = side_by_side((often, quick), new_bench(()), lambda _: None)
    assert latency.p99_ms >= 10 > 5 * other.p50_ms
    assert latency.p50_ms < 5
    assert latency.num_samples >= 4 * MIN_ROUNDS


def test_time_passes_until_the_limit(
    new_bench: Callable[..., Bench], quick: Runnable, shares: list[float]
) -> None:
    side_by_side((quick,), new_bench((), max_s=0.1), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
