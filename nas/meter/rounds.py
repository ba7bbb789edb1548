"""Rounds: each visits the reference and every network, in random order, and keeps all times.

Standard library only: the kit for other devices carries this file.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Protocol

from nas.meter.statistics import median

VISIT_S = 0.01  # long enough for many samples, short enough for many rounds
MAX_RUNS_PER_VISIT = 50
MIN_WARM_UP_RUNS = 6
STABLE = 0.05  # two windows of warm-up runs whose medians differ by less
REFERENCE_RUNS = 5


class Runnable(Protocol):
    """What can be timed: one synchronous inference a call."""

    def run(self) -> None:
        """Returns when the inference is done."""


@dataclass(frozen=True)
class Round:
    """Two visits to the reference and to each candidate."""

    reference_s: list[float]
    """Samples of the reference: half of them before the candidates, half after."""
    first_s: tuple[list[float], ...]
    """One list of samples a candidate."""
    second_s: tuple[list[float], ...]

    @cached_property
    def reference_visit_s(self) -> float:
        """Median of the reference's samples in the slower of its two visits."""
        return max(median(visit) for visit in self.reference_visits_s)

    @property
    def reference_visits_s(self) -> tuple[list[float], list[float]]:
        """The reference's samples before the candidates, and those after."""
        half = len(self.reference_s) // 2
        return self.reference_s[:half], self.reference_s[half:]

    def median_s(self, index: int) -> float:
        """Of a candidate's samples, of both visits."""
        return median(self.first_s[index] + self.second_s[index])


def warm_up(candidate: Runnable, max_s: float, clock: Callable[[], float]) -> int:
    """Run until the time is stable; return how many runs make a visit."""
    start, times = clock(), _times(candidate, MIN_WARM_UP_RUNS, clock)
    while clock() - start < max_s:
        before, after = median(times[-6:-3]), median(times[-3:])
        if abs(after - before) <= STABLE * before:
            break
        times += _times(candidate, 3, clock)
    return max(2, min(MAX_RUNS_PER_VISIT, round(VISIT_S / max(median(times[-3:]), 1e-9))))


def make_round(
    candidates: Sequence[Runnable],
    runs: Sequence[int],
    reference: Runnable,
    rng: Random,
    clock: Callable[[], float],
) -> Round:
    """Visit all candidates twice, `runs[i]` samples of candidate i each time."""
    visits: list[list[list[float]]] = [[] for _ in candidates]
    reference_s = _visit(reference, REFERENCE_RUNS, clock)
    order = [*range(len(candidates))] * 2
    rng.shuffle(order)
    for index in order:
        visits[index].append(_visit(candidates[index], runs[index], clock))
    reference_s += _visit(reference, REFERENCE_RUNS, clock)
    first, second = zip(*visits, strict=True)
    return Round(reference_s, first, second)


def _visit(candidate: Runnable, runs: int, clock: Callable[[], float]) -> list[float]:
    candidate.run()  # brings its weights back into the caches; the last one's threads come to rest
    return _times(candidate, runs, clock)


def _times(candidate: Runnable, runs: int, clock: Callable[[], float]) -> list[float]:
    times = []
    for _ in range(runs):
        start = clock()
        candidate.run()
        times.append(clock() - start)
    return times


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A collection in the middle of a run would be counted as the network's own time."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
