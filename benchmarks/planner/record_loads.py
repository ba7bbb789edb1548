"""Record load traces on this machine: fixed work, timed over and over while others come and go.

Development traces time arithmetic in Python while other processes count; held-out ones time
matrix products while processes stream through memory, multiply, or wake and sleep. The two files
share neither the work nor the kinds of load, so what is tuned on one can be judged on the other.

    python -m benchmarks.planner.record_loads held_out --out tests/planner/held_out_traces.json
"""

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nas.meter.machine import machine_details
from planner.atomic import write_atomically

SIDE = 384
Schedule = Sequence[tuple[float, Sequence[str]]]
"""(seconds, the rivals that compete for the timed process's core)."""


def _count(end: float) -> None:
    while time.perf_counter() < end:
        sum(range(10_000))


def _stream(end: float) -> None:
    source = np.ones(2**22)
    target = np.empty_like(source)
    while time.perf_counter() < end:
        np.copyto(target, source)


def _multiply(end: float) -> None:
    matrix = np.ones((SIDE, SIDE), np.float32)
    while time.perf_counter() < end:
        matrix @ matrix


def _wake(end: float) -> None:
    """Works for 30 ms, sleeps for 120."""
    while time.perf_counter() < end:
        _multiply(min(end, time.perf_counter() + 0.03))
        time.sleep(0.12)


RIVALS: dict[str, Callable[[float], None]] = {
    "count": _count,
    "stream": _stream,
    "multiply": _multiply,
    "wake": _wake,
}


def _rival(kind: str, core: int, seconds: float) -> None:
    os.sched_setaffinity(0, {core})
    RIVALS[kind](time.perf_counter() + seconds)


def _arithmetic() -> None:
    sum(range(400_000))


def _products() -> None:
    matrix = np.ones((SIDE, SIDE), np.float32)
    for _ in range(3):
        matrix @ matrix


DEVELOPMENT: dict[str, Schedule] = {
    "idle": [(4.0, [])],
    "one rival": [(2.0, []), (3.0, ["count"]), (2.0, [])],
    "crowd": [(1.5, []), (3.0, ["count"] * 3), (1.5, ["count"]), (1.5, [])],
    "stairs": [(1.5, []), (1.5, ["count"]), (2.0, ["count"] * 2), (2.0, ["count"] * 3)],
    "busy": [(5.0, ["count"])],
    "waves": [(1.5, []), (1.5, ["count"] * 2), (1.5, []), (1.5, ["count"] * 2)],
}
HELD_OUT: dict[str, Schedule] = {
    "quiet products": [(5.0, [])],
    "streams come and go": [(1.0, []), (1.0, ["stream"]), (1.5, []), (1.5, ["stream"]), (1.0, [])],
    "wakes often": [(1.0, []), (4.0, ["wake"]), (1.0, [])],
    "two of them wake": [(2.0, ["wake"]), (3.0, ["wake", "wake"]), (1.0, [])],
    "arrives and stays": [(2.0, []), (4.0, ["multiply"])],
    "leaves for good": [(3.0, ["multiply"]), (3.0, [])],
    "short visits": [(0.8, []), (0.3, ["multiply"])] * 5,
    "rush hour": [
        (1.0, []),
        (1.5, ["stream"]),
        (2.0, ["stream", "multiply"]),
        (1.0, ["wake"]),
        (1.0, []),
    ],
}
SETS: dict[str, tuple[Callable[[], None], dict[str, Schedule]]] = {
    "development": (_arithmetic, DEVELOPMENT),
    "held_out": (_products, HELD_OUT),
}


def record(name: str, work: Callable[[], None], schedule: Schedule) -> dict[str, object]:
    """Time `work` on one core while `schedule`'s rivals come and go on it."""
    (core, *_) = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    times: list[float] = []
    context = multiprocessing.get_context("fork")
    for seconds, kinds in schedule:
        rivals = [context.Process(target=_rival, args=(k, core, seconds)) for k in kinds]
        for rival in rivals:
            rival.start()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        for rival in rivals:
            rival.join()
    idle = statistics.median(sorted(times)[: max(1, len(times) // 4)])
    return {"name": name, "seen": [round(value / idle, 4) for value in times]}


def main() -> None:
    """Record every schedule of a set and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    work, schedules = SETS[arguments.set]
    for _ in range(50):
        work()
    traces = [record(name, work, schedule) for name, schedule in schedules.items()]
    text = json.dumps({"recorded_on": machine_details(), "traces": traces})
    write_atomically(arguments.out, text.encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
