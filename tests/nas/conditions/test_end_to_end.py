from collections.abc import Callable

from nas.conditions.bench import Bench
from nas.conditions.end_to_end import end_to_end
from nas.meter.rounds import Runnable


def test_the_pipelines_are_timed_and_not_the_networks(
    new_bench: Callable[..., Bench], slow_when: Callable[..., Runnable], quick: Runnable
) -> None:
    bench = new_bench((quick,), pipelines=(slow_when(lambda: True),))
    (latency,) = end_to_end(bench, lambda _: None).latencies["end_to_end"]
    assert latency.p50_ms >= 10
