"""Rounds of timing: each visits the reference and every candidate, in random order.

Standard library only, because the kit packs this file.
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
STABLE = 0.05  # warm-up ends when the medians of two windows of runs differ by at most this share
REFERENCE_RUNS = 5


class Runnable(Protocol):
    """Anything that can be timed: each call of `run` is one synchronous inference."""

    def run(self) -> None:
        """Run one inference; return when it has finished."""


@dataclass(frozen=True)
class Round:
    """Times in seconds of two visits to the reference and to each candidate."""

    reference_s: list[float]
    """Samples of the reference: half of them before the candidates, half after."""
    first_s: tuple[list[float], ...]
    """Samples of each candidate's first visit."""
    second_s: tuple[list[float], ...]
    """Samples of each candidate's second visit."""

    @cached_property
    def reference_visit_s(self) -> float:
        """Median of the samples in the reference's slower visit."""
        return max(median(visit) for visit in self.reference_visits_s)

    @property
    def reference_visits_s(self) -> tuple[list[float], list[float]]:
        """The reference's samples before and after the candidates."""
        half = len(self.reference_s) // 2
        return self.reference_s[:half], self.reference_s[half:]

    def samples_s(self, index: int) -> list[float]:
        """A candidate's samples of both visits."""
        return self.first_s[index] + self.second_s[index]

    def median_s(self, index: int) -> float:
        """Median of a candidate's samples over both visits."""
        return median(self.samples_s(index))


def warm_up(candidate: Runnable, max_s: float, clock: Callable[[], float]) -> int:
    """Run until the time is stable, at most `max_s` seconds; return the number of runs per visit.

    A visit should take about `VISIT_S` seconds.
    """
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
    """Visit all candidates twice in random order, taking `runs[i]` samples of candidate i."""
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
    candidate.run()  # refills the caches with its weights; the previous network's threads go idle
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
    """Disable Python's garbage collector: a collection during a run would add to its time.

    None is made before: with PyTorch's objects, one takes longer than the timing of a network.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
