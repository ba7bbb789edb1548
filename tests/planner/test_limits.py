from collections.abc import Callable

import pytest

from planner import Entry, InvalidValue, Limits


def test_without_limits_all_is_allowed(new_entry: Callable[..., Entry]) -> None:
    assert Limits().allow(new_entry())
    assert Limits().excess(new_entry()) == []


def test_excess_is_relative_and_at_most_zero_where_a_limit_is_kept(
    new_entry: Callable[..., Entry],
) -> None:
    entry = new_entry(macs=2000)  # latency_p50_ms=1.0
    assert Limits(max_latency_ms=0.5, max_macs=2000).excess(entry) == [1.0, 0.0]


def test_all_limits_must_be_kept(new_entry: Callable[..., Entry]) -> None:
    entry = new_entry(macs=2000)
    assert Limits(max_macs=2000, max_latency_ms=1).allow(entry)
    assert not Limits(max_macs=1999).allow(entry)
    assert not Limits(max_macs=2000, max_latency_ms=0.9).allow(entry)


def test_unknown_memory_keeps_no_limit_of_it(new_entry: Callable[..., Entry]) -> None:
    assert Limits(max_peak_memory_bytes=10).allow(new_entry(peak_memory_bytes=10))
    assert not Limits(max_peak_memory_bytes=10).allow(new_entry(peak_memory_bytes=None))


def test_percentile_and_margin_choose_the_latency(new_entry: Callable[..., Entry]) -> None:
    entry = new_entry()
    assert Limits(percentile="p99").latency_ms(entry) == entry.latency.p99_ms
    assert Limits(margin=1.0).latency_ms(entry) == pytest.approx(entry.latency.p50_high_ms)


@pytest.mark.parametrize(
    "values", [{"max_macs": 0}, {"percentile": "p42"}, {"margin": -1}, {"max_latency_ms": "x"}]
)
def test_impossible_limits_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidValue, match=f"`{next(iter(values))}` must be"):
        Limits(**values)  # type: ignore[arg-type]
