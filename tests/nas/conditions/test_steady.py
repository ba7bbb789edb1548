from collections.abc import Callable

import pytest

from nas.conditions.bench import Bench
from nas.conditions.steady import steady
from nas.errors import NoisyMachineError
from nas.meter.reference_workload import ReferenceWorkload
from nas.meter.rounds import Runnable


def test_it_is_the_meters_measurement(
    new_bench: Callable[..., Bench], quick: Runnable, slow_when: Callable[..., Runnable]
) -> None:
    bench = new_bench((quick, slow_when(lambda: True)))
    found = steady(bench, lambda _: None, allow_noisy=True)
    assert found.latencies[1].p50_ms >= 10 > 5 * found.latencies[0].p50_ms
    assert found.protocol()["num_rounds"] == len(found.rounds)


def test_a_busy_machine_is_refused_as_by_the_meter(
    new_bench: Callable[..., Bench], quick: Runnable, slow_when: Callable[..., Runnable]
) -> None:
    """The reference once took microseconds, so 10 ms is a machine that became slow."""
    reference = ReferenceWorkload(slow_when(lambda: True), "a test")
    reference.record_best(1e-6)
    with pytest.raises(NoisyMachineError):
        steady(new_bench((quick,), reference=reference), lambda _: None, allow_noisy=False)
