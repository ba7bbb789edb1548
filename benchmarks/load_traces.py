"""Load traces: how many times as slow as idle a device is, batch by batch.

`python -m benchmarks.load_traces --out tests/planner/traces.json` records new ones on this
machine: a fixed matrix product is timed over and over while other processes compete for the
cores. Synthetic ones are made from a seed.
"""

import argparse
import json
import math
import multiprocessing
import platform
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from planner.atomic import write_atomically

NUM_STEPS = 600


@dataclass(frozen=True)
class Trace:
    """The load at each batch: its level, and with the jitter of that one batch."""

    name: str
    level: tuple[float, ...]
    """What lasts: 1 is idle."""
    seen: tuple[float, ...]
    """What the batch's time is multiplied by."""


def synthetic(name: str, seed: int) -> Trace:
    """One of: constant, steps, ramp, day (a slow sine), bursts, walk (a random walk)."""
    generator = random.Random(f"{name}-{seed}")
    levels: list[float] = []
    level = generator.uniform(1, 2)
    for step in range(NUM_STEPS):
        if name == "steps" and step % 100 == 0:
            level = generator.uniform(1, 4)
        elif name == "ramp":
            level = 1 + 2.5 * abs(1 - 2 * step / NUM_STEPS)
        elif name == "day":
            level = 2 + math.sin(2 * math.pi * step / NUM_STEPS)
        elif name == "bursts" and step % 60 == 0:
            level = generator.choice([1.0, 1.0, 3.0])
        elif name == "walk":
            level = min(4.0, max(1.0, level * math.exp(generator.gauss(0, 0.01))))
        levels.append(level)
    seen = [level * _jitter(generator) for level in levels]
    return Trace(f"{name}-{seed}", tuple(levels), tuple(seen))


def _jitter(generator: random.Random) -> float:
    """A median of 1, a tenth of spread, and one batch of fifty up to three times as slow."""
    spike = generator.uniform(1.5, 3) if generator.random() < 0.02 else 1.0
    return math.exp(generator.gauss(0, 0.1)) * spike


def smoothed(seen: tuple[float, ...], radius: int = 7) -> tuple[float, ...]:
    """The level of a recorded trace: the median of the batches around each, past and future."""
    return tuple(
        statistics.median(seen[max(0, index - radius) : index + radius + 1])
        for index in range(len(seen))
    )


def recorded(path: Path) -> list[Trace]:
    """The traces of a file that this script wrote."""
    traces = json.loads(path.read_text(encoding="utf-8"))["traces"]
    return [
        Trace(trace["name"], smoothed(tuple(trace["seen"])), tuple(trace["seen"]))
        for trace in traces
    ]


def _compete(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(10_000))


def record(name: str, schedule: list[tuple[float, int]]) -> dict[str, object]:
    """Time one core's work while `schedule` says (seconds, competing processes)."""
    times: list[float] = []
    for seconds, num_processes in schedule:
        rivals = [
            multiprocessing.get_context("spawn").Process(target=_compete, args=(seconds,))
            for _ in range(num_processes)
        ]
        for rival in rivals:
            rival.start()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            sum(range(400_000))
            times.append(time.perf_counter() - start)
        for rival in rivals:
            rival.join()
    idle = statistics.median(sorted(times)[: len(times) // 4])
    return {"name": name, "seen": [round(value / idle, 4) for value in times]}


SCHEDULES = {
    "idle": [(4.0, 0)],
    "one rival": [(2.0, 0), (3.0, 2), (2.0, 0)],
    "crowd": [(1.5, 0), (3.0, 4), (1.5, 1), (1.5, 0)],
    "stairs": [(1.5, 0), (1.5, 2), (2.0, 4), (2.0, 6)],
    "busy": [(5.0, 4)],
    "waves": [(1.5, 0), (1.5, 4), (1.5, 0), (1.5, 4)],
}


def main() -> None:
    """Record every schedule and write the file."""
    parser = argparse.ArgumentParser(description="Record load traces on this machine.")
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    traces = [record(name, schedule) for name, schedule in SCHEDULES.items()]
    machine = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    text = json.dumps({"recorded_on": machine, "traces": traces})
    write_atomically(out, text.encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
