"""Load traces: how many times as slow as idle a device is, batch by batch.

Two sets of 20. What a controller does may be tuned on `development()` alone; `held_out()`, of
other kinds, other seeds and other jitter, judges it. The recorded ones of each come from
`benchmarks/planner/record_loads.py`; the others are made from a seed.
"""

import json
import math
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

NUM_STEPS = 600
TESTS = Path(__file__).parents[2] / "tests" / "planner"


@dataclass(frozen=True)
class Trace:
    """The load at each batch: its level, and with the jitter of that one batch."""

    name: str
    level: tuple[float, ...]
    """What lasts: 1 is idle."""
    seen: tuple[float, ...]
    """What the batch's time is multiplied by."""


Levels = Callable[[random.Random], Iterator[float]]


def _constant(generator: random.Random) -> Iterator[float]:
    level = generator.uniform(1, 2)
    while True:
        yield level


def _steps(generator: random.Random) -> Iterator[float]:
    while True:
        yield from [generator.uniform(1, 4)] * 100


def _ramp(generator: random.Random) -> Iterator[float]:
    yield from (1 + 2.5 * abs(1 - 2 * step / NUM_STEPS) for step in range(NUM_STEPS))


def _day(generator: random.Random) -> Iterator[float]:
    yield from (2 + math.sin(2 * math.pi * step / NUM_STEPS) for step in range(NUM_STEPS))


def _bursts(generator: random.Random) -> Iterator[float]:
    while True:
        yield from [generator.choice([1.0, 1.0, 3.0])] * 60


def _walk(generator: random.Random) -> Iterator[float]:
    level = generator.uniform(1, 2)
    while True:
        level = min(4.0, max(1.0, level * math.exp(generator.gauss(0, 0.01))))
        yield level


def _square(generator: random.Random) -> Iterator[float]:
    """Two levels by turns, each as long as the other."""
    low, high = generator.uniform(1, 1.3), generator.uniform(1.8, 3)
    length = generator.randrange(30, 90)
    while True:
        yield from [low] * length + [high] * length


def _sawtooth(generator: random.Random) -> Iterator[float]:
    """Rises slowly and falls at once, as a queue that is emptied."""
    length, top = generator.randrange(60, 150), generator.uniform(1.8, 3.5)
    while True:
        yield from (1 + (top - 1) * step / length for step in range(length))


def _visitors(generator: random.Random) -> Iterator[float]:
    """Others come and go by chance, each with a share of its own."""
    shares: list[float] = []
    while True:
        if generator.random() < 0.015:
            shares.append(generator.uniform(0.3, 1.0))
        shares = [share for share in shares if generator.random() > 0.02]
        yield 1 + sum(shares)


def _reverting(generator: random.Random) -> Iterator[float]:
    """Wanders about a level that it returns to."""
    centre, away = generator.uniform(0.3, 0.7), 0.0
    while True:
        away = 0.97 * away + generator.gauss(0, 0.06)
        yield math.exp(max(0.0, centre + away))


def _throttle(generator: random.Random) -> Iterator[float]:
    """Grows hot and slow towards a limit, cools down in a pause, and again."""
    heat, limit = 0.0, generator.uniform(0.8, 1.8)
    while True:
        for length, goal in ((160, limit), (60, 0.0)):
            for _ in range(length):
                heat += (goal - heat) * 0.03
                yield 1 + heat


def _rare_crowd(generator: random.Random) -> Iterator[float]:
    """Idle, with one long crowd somewhere."""
    start, length = generator.randrange(150, 300), generator.randrange(80, 200)
    crowd = generator.uniform(2, 4)
    yield from [1.0] * start + [crowd] * length
    while True:
        yield 1.0


DEVELOPMENT: dict[str, Levels] = {
    "constant": _constant,
    "steps": _steps,
    "ramp": _ramp,
    "day": _day,
    "bursts": _bursts,
    "walk": _walk,
}
HELD_OUT: dict[str, Levels] = {
    "square": _square,
    "sawtooth": _sawtooth,
    "visitors": _visitors,
    "reverting": _reverting,
    "throttle": _throttle,
    "rare crowd": _rare_crowd,
}


def development() -> list[Trace]:
    """Six recorded and fourteen synthetic, to tune on."""
    names = [(name, seed) for seed in range(3) for name in DEVELOPMENT][:14]
    made = [_synthetic(name, seed, DEVELOPMENT[name], gaussian_jitter) for name, seed in names]
    return recorded(TESTS / "traces.json") + made


def held_out() -> list[Trace]:
    """Eight recorded and twelve synthetic, to judge by: not one of them was tuned on."""
    names = [(name, seed) for seed in (200, 201) for name in HELD_OUT]
    made = [_synthetic(name, seed, HELD_OUT[name], skewed_jitter) for name, seed in names]
    return recorded(TESTS / "held_out_traces.json") + made


def _synthetic(
    name: str, seed: int, kind: Levels, jitter: Callable[[random.Random], Iterator[float]]
) -> Trace:
    generator = random.Random(f"{name}-{seed}")
    levels = tuple(islice(kind(generator), NUM_STEPS))
    factors = jitter(generator)
    return Trace(f"{name}-{seed}", levels, tuple(level * next(factors) for level in levels))


def gaussian_jitter(generator: random.Random) -> Iterator[float]:
    """A median of 1, a tenth of spread, and one batch of fifty up to three times as slow."""
    while True:
        spike = generator.uniform(1.5, 3) if generator.random() < 0.02 else 1.0
        yield math.exp(generator.gauss(0, 0.1)) * spike


def skewed_jitter(generator: random.Random) -> Iterator[float]:
    """A median of about 1; seldom faster, often slower, with a long tail: as timings are."""
    spread = generator.uniform(0.02, 0.12)
    while True:
        yield (1 - spread / 2) * (1 + spread * (generator.paretovariate(2.5) - 1) * 2)


def smoothed(seen: tuple[float, ...], radius: int = 7) -> tuple[float, ...]:
    """The level of a recorded trace: the median of the batches around each, past and future."""
    return tuple(
        statistics.median(seen[max(0, index - radius) : index + radius + 1])
        for index in range(len(seen))
    )


def recorded(path: Path) -> list[Trace]:
    """The traces of a file that `benchmarks/planner/record_loads.py` wrote."""
    traces = json.loads(path.read_text(encoding="utf-8"))["traces"]
    return [
        Trace(trace["name"], smoothed(tuple(trace["seen"])), tuple(trace["seen"]))
        for trace in traces
    ]
