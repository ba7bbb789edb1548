from typing import Any

import pytest

from planner import InvalidValue, Latency

VALUES: dict[str, Any] = {
    "p50_ms": 1.0,
    "p90_ms": 2.0,
    "p99_ms": 3.0,
    "p50_low_ms": 0.9,
    "p50_high_ms": 1.1,
    "num_samples": 5,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p50_ms": 0.0}, "^`latency_p50_ms` must be"),
        ({"p90_ms": 0.5}, "latency_p50_ms <= latency_p90_ms <= latency_p99_ms"),
        ({"num_samples": 0}, "`num_samples` must be 1 or more for a measured latency"),
        ({"kind": "guessed"}, "`kind` must be measured or predicted"),
    ],
)
def test_errors_call_the_values_as_files_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Latency(**VALUES | changes)


def test_all_times_are_multiplied_and_the_rest_stays() -> None:
    found = Latency(**VALUES).times(2)
    assert (found.p50_ms, found.p99_ms, found.p50_low_ms, found.num_samples) == (2, 6, 1.8, 5)


def test_a_predicted_latency_has_no_samples() -> None:
    assert Latency(**VALUES | {"num_samples": 0, "kind": "predicted"}).num_samples == 0
