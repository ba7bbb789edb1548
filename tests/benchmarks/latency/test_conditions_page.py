from pathlib import Path
from typing import Any

import pytest

from benchmarks.latency import conditions_page
from benchmarks.latency.conditions_page import ROWS, tables, write_page


def measurement(repeat: int, slower: float, num_threads: int = 1) -> dict[str, Any]:
    """Every condition takes `slower` times as long; steady w1 takes 2 ms, w0.5 1 ms."""
    names = {condition for condition, _ in ROWS.values()}

    def latencies(steady_ms: float) -> dict[str, Any]:
        found = {name: {"p50_ms": steady_ms * slower, "p99_ms": 9.0} for name in names}
        return found | {"steady": {"p50_ms": steady_ms, "p99_ms": 2 * steady_ms}}

    return {
        "runtime": "onnxruntime",
        "version": "1.32",
        "num_threads": num_threads,
        "repeat": repeat,
        "environment": {"cpu": "a CPU"},
        "protocol": {"is_noisy": repeat == 0, "conditions": {"sustained": {"minutes": 10}}},
        "latencies": {"w0.5": latencies(1.0), "w1": latencies(2.0)},
    }


@pytest.fixture
def measurements() -> list[dict[str, Any]]:
    """Three repeats on one thread, one on two, where no quota could be set."""
    other = measurement(0, 5.0, num_threads=2)
    for found in other["latencies"].values():
        del found["quota"]
    return [*(measurement(repeat, 2.0 + repeat) for repeat in range(3)), other]


def test_each_condition_is_told_as_times_steady_with_its_spread(
    measurements: list[dict[str, Any]],
) -> None:
    lines = list(tables(measurements))
    assert lines[0] == "| `w0.5`, times steady | onnxruntime, 1 thread | onnxruntime, 2 threads |"
    assert lines[2] == "| steady | 1 ms (1 to 1) | 1 ms (1 to 1) |"
    assert "| first call | 3 (2 to 4) | 5 (5 to 5) |" in lines
    assert "| half a core a thread | 3 (2 to 4) | - |" in lines
    assert "| steady, p99 | 2 (2 to 2) | 2 (2 to 2) |" in lines


def test_the_order_is_stable_or_said_not_to_be(measurements: list[dict[str, Any]]) -> None:
    measurements[1]["latencies"]["w1"]["after_pause"]["p50_ms"] = 0.1
    order = list(tables(measurements))[-len(ROWS) - 1 :]
    assert "| after 1,000 ms | 2 of 3 | 1 of 1 |" in order
    assert "| after 200 ms | 3 of 3 | 1 of 1 |" in order


def test_the_page_keeps_its_text_and_gets_new_tables(
    measurements: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "deployment.md"
    page.write_text(conditions_page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(conditions_page, "PAGE", page)
    write_page(measurements)
    once = page.read_text(encoding="utf-8")
    assert "a CPU, onnxruntime 1.32, 4 measurements, of which 2 on a machine that" in once
    assert once.startswith("# ")
    write_page(measurements)
    assert page.read_text(encoding="utf-8") == once
