"""The tables of docs/deployment.md, from the result of benchmarks/latency/conditions.py."""

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any

from benchmarks.page import DOCS, put_into_page

SCRIPT = "benchmarks/latency/conditions.py"
PAGE = DOCS / "deployment.md"

ROWS = {
    "first call": ("first_call", "p50_ms"),
    "its load": ("first_call_load", "p50_ms"),
    "its preparation": ("first_call_prepare", "p50_ms"),
    "its run": ("first_call_run", "p50_ms"),
    "after 50 ms of pause": ("after_pause_50ms", "p50_ms"),
    "after 200 ms": ("after_pause_200ms", "p50_ms"),
    "after 1,000 ms": ("after_pause", "p50_ms"),
    "beside a busy process a core": ("contended", "p50_ms"),
    "beside a busy process a core, p99": ("contended", "p99_ms"),
    "half a core a thread": ("quota", "p50_ms"),
    "half a core a thread, p99": ("quota", "p99_ms"),
    "the first minute of work": ("sustained_minute_1", "p50_ms"),
    "the last minute": ("sustained", "p50_ms"),
    "steady, p99": ("steady", "p99_ms"),
    "photo to class": ("end_to_end", "p50_ms"),
}
"""Row -> the condition and the percentile that it shows."""
STEADY = ("steady", "p50_ms")
Measurement = dict[str, Any]
Settings = dict[str, list[Measurement]]


def by_setting(measurements: list[Measurement]) -> Settings:
    """The repeats of each runtime and number of threads, by the title of their column."""
    found: Settings = {}
    for each in measurements:
        threads = f"{each['num_threads']} thread" + "s" * (each["num_threads"] > 1)
        found.setdefault(f"{each['runtime']}, {threads}", []).append(each)
    return found


def value(measurement: Measurement, candidate: str, condition: str, percentile: str) -> float:
    """Milliseconds; raises KeyError if the condition was not measured."""
    found: float = measurement["latencies"][candidate][condition][percentile]
    return found


def ratio_cell(repeats: list[Measurement], candidate: str, row: str) -> str:
    """Times the steady median of the same repeat: the median, and the lowest and the highest."""
    try:
        ratios = [
            value(each, candidate, *ROWS[row]) / value(each, candidate, *STEADY) for each in repeats
        ]
    except KeyError:
        return "-"
    return _median_and_range(ratios, "")


def steady_cell(repeats: list[Measurement], candidate: str) -> str:
    """The steady median in ms: over the repeats the median, the lowest and the highest."""
    found = [value(each, candidate, *STEADY) for each in repeats]
    return _median_and_range(found, " ms")


def _median_and_range(found: list[float], unit: str) -> str:
    middle, low, high = (
        f"{one:,.0f}" if one >= 100 else f"{one:.3g}"
        for one in (median(found), min(found), max(found))
    )
    return f"{middle}{unit} ({low} to {high})"


def order_cell(repeats: list[Measurement], row: str) -> str:
    """How many of the repeats rank the candidates as the first repeat does when steady."""

    def order(measurement: Measurement, condition: str, percentile: str) -> list[str]:
        names = sorted(measurement["latencies"])
        return sorted(names, key=lambda name: value(measurement, name, condition, percentile))

    try:
        orders = [order(each, *ROWS[row]) for each in repeats]
    except KeyError:
        return "-"
    return f"{orders.count(order(repeats[0], *STEADY))} of {len(repeats)}"


def tables(measurements: list[Measurement]) -> Iterator[str]:
    """Lines of Markdown: a table for each candidate, and one for their order."""
    settings = by_setting(measurements)
    for candidate in sorted(measurements[0]["latencies"]):
        yield from _head(f"`{candidate}`, times steady", settings)
        yield _row("steady", [steady_cell(each, candidate) for each in settings.values()])
        for row in ROWS:
            yield _row(row, [ratio_cell(each, candidate, row) for each in settings.values()])
        yield ""
    yield from _head("repeats in the order of steady", settings)
    for row in ROWS:
        yield _row(row, [order_cell(each, row) for each in settings.values()])
    yield ""


def _head(title: str, settings: Settings) -> Iterator[str]:
    yield _row(title, settings)
    yield "|---" + "|---:" * len(settings) + "|"


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def write_page(measurements: list[Measurement]) -> None:
    """Put the tables between the marks of the page."""
    about = measurements[0]
    versions = sorted({f"{each['runtime']} {each['version']}" for each in measurements})
    noisy = sum(each["protocol"]["is_noisy"] for each in measurements)
    said = (
        f"{about['environment']['cpu']}, {' and '.join(versions)}, {len(measurements)} "
        f"measurements, of which {noisy} on a machine that the meter calls noisy; "
        f"{about['protocol']['conditions']['sustained']['minutes']} minutes of work."
    )
    put_into_page(SCRIPT, [said, "", *tables(measurements)], PAGE)
