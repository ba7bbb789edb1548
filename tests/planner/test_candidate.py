from collections.abc import Callable
from typing import Any

import pytest

from planner import Entry, InvalidValue


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config_id", "../x"),
        ("origin", "luck"),
        ("origin", ["grid"]),
        ("width_mults", [0.5]),
        ("width_mults", ()),
        ("width_mults", (1.5,)),
        ("width_mults", (0.0,)),
        ("resolution", 0),
        ("resolution", 24.0),
        ("top1", 81.0),
        ("top1", float("nan")),
        ("top1_low", True),
        ("macs", -1),
        ("macs", 1.5),
        ("num_params", "many"),
        ("latency_p50_ms", 0.0),
        ("latency_p99_ms", float("inf")),
        ("num_samples", -1),
        ("kind", "guessed"),
        ("peak_memory_bytes", -1),
    ],
)
def test_impossible_values_are_refused(
    new_entry: Callable[..., Entry], name: str, value: Any
) -> None:
    with pytest.raises(InvalidValue, match=f"^`{name}` must be"):
        new_entry(**{name: value})


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"top1": 0.7}, "top1_low <= top1 <= top1_high"),
        ({"top1_high": 0.8}, "top1_low <= top1 <= top1_high"),
        ({"latency_p50_low_ms": 1.01}, "latency_p50_low_ms <= latency_p50_ms"),
        ({"latency_p90_ms": 0.99}, "latency_p50_ms <= latency_p90_ms"),
        ({"latency_p99_ms": 1.1}, "latency_p90_ms <= latency_p99_ms"),
    ],
)
def test_numbers_out_of_order_are_refused(
    new_entry: Callable[..., Entry], changes: dict[str, float], names: str
) -> None:
    with pytest.raises(InvalidValue, match=names):
        new_entry(**changes)


def test_a_measured_latency_has_samples(new_entry: Callable[..., Entry]) -> None:
    with pytest.raises(InvalidValue, match="num_samples"):
        new_entry(num_samples=0)
    assert new_entry(num_samples=0, kind="predicted").latency.num_samples == 0
