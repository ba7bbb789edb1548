from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.registry import CONDITIONS, chosen, measure_conditions
from nas.errors import NasError
from nas.meter.latency import latency_of
from nas.meter.rounds import Runnable


def test_conditions_are_measured_in_one_order_and_once() -> None:
    names = ["sustained", "steady", "first_call", "first_call", "end_to_end"]
    assert chosen(names) == ["end_to_end", "first_call", "sustained"]
    assert chosen(["steady"]) == []


def test_an_unknown_name_is_one_clear_line() -> None:
    with pytest.raises(NasError) as error:
        chosen(["first_call", "warm"])
    assert str(error.value) == (
        "a condition must be one of steady, end_to_end, first_call, after_pause, contended, quota, "
        "repeated, sustained, but got warm"
    )
    with pytest.raises(NasError, match="one of steady, contended, but got end_to_end"):
        chosen(["end_to_end"], ["contended"])


def test_a_quota_that_cannot_be_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.cores.ROOT", tmp_path)
    with pytest.raises(NasError, match="the condition quota must be able"):
        chosen(["quota"])


def test_every_network_gets_its_latencies_by_name(
    new_bench: Callable[..., Bench], quick: Runnable, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = latency_of([[1e-3]]), latency_of([[2e-3]])

    def measured(bench: Bench, progress: Progress) -> UnderCondition:
        progress(1.0)
        return UnderCondition({"contended": (two, one), "contended_early": (one, two)}, {"a": 1})

    monkeypatch.setitem(CONDITIONS, "contended", measured)
    shown: list[tuple[str, float]] = []

    @contextmanager
    def bar(name: str) -> Iterator[Progress]:
        yield lambda share: shown.append((name, share))

    bench = new_bench((quick, quick))
    latencies, parameters = measure_conditions(["contended"], bench, bar)
    assert [each["contended"]["p50_ms"] for each in latencies] == [2.0, 1.0]
    assert [each["contended_early"]["p50_ms"] for each in latencies] == [1.0, 2.0]
    assert parameters == {"contended": {"a": 1}}
    assert shown == [("contended", 1.0)]
