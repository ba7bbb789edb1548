"""The latency meter: times several compiled networks in interleaved rounds.

A machine's speed changes constantly: its clock drifts and other processes use it. So all candidates
are timed in rounds, each in random order. A disturbance affects all candidates of a round alike,
and two candidates are compared by their ratio within each round. A round visits every candidate
twice, and the differences between the two visits give the noise floor, below which no difference
between candidates is significant.

A fixed reference workload, timed at the start and end of each round, measures the machine's speed.
Only rounds at full speed (quiet rounds) count, and measuring continues until there are enough of
them. Full speed includes the best of earlier measurements (`nas.meter.reference_workload`), so
two measurements on one machine agree even if it was throttled for minutes during one of them.

Standard library only, because the kit packs this file.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from nas.errors import NoisyMachineError
from nas.meter.noise import (
    drift,
    noise_floor,
    quickest_rounds,
    quiet_rounds,
    share_held_up,
    slowdown,
    undisturbed_s,
)
from nas.meter.other_processes import OtherProcesses
from nas.meter.reference_workload import ReferenceWorkload
from nas.meter.rounds import (
    MIN_WARM_UP_RUNS,
    Round,
    Runnable,
    make_round,
    no_garbage_collection,
    warm_up,
)
from nas.meter.statistics import median, median_interval, percentile

MIN_ROUNDS = 8  # a 95 % interval of the median needs at least six
WARM_UP_SHARE = 0.2  # maximum share of the time limit; then timing starts, stable or not
MAX_SHARE_HELD_UP = 0.15  # of the rounds; 0.01 when idle, 0.25 to 0.5 with one process per core
MAX_NOISE_FLOOR = 0.10
MAX_SLOWDOWN = 0.25  # of the reference; rounds on an idle virtual machine differ by up to 0.15
MAX_BUSY_CORES = 0.1  # by other processes on average; a desktop's background takes 0.01 to 0.05
PATIENCE = 3  # extends the time limit by this factor while the slowdown exceeds MAX_SLOWDOWN


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Percentiles of the time of one batch on the target."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    p50_low_ms: float
    p50_high_ms: float
    """`p50_low_ms` to `p50_high_ms`: 95 % confidence interval of the median, from the medians of
    the rounds."""
    num_samples: int


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Result of `measure_latency`."""

    latencies: tuple[Latency, ...]
    """One for each candidate, in the order they were passed."""
    noise_floor: float
    """Relative difference between two measurements of the same candidate, at 95 %."""
    rounds: tuple[Round, ...]
    """The rounds used: the quiet ones, or the fastest `MIN_ROUNDS` if too few were quiet."""
    num_disturbed_rounds: int
    """Rounds measured but discarded."""
    slowdown: float
    """Relative slowdown of the reference in the slowest of `rounds` against its best time."""
    share_held_up: float
    """Share of all rounds in which another process preempted the reference."""
    drift: float
    """Relative slowdown of the reference from the first half of the rounds to the second."""
    duration_s: float

    @property
    def is_slow(self) -> bool:
        """Whether the machine ran slower than at its best throughout, by more than the limit."""
        return self.slowdown > MAX_SLOWDOWN

    @property
    def is_disturbed(self) -> bool:
        """Whether the noise floor or the preempted rounds exceed their limits."""
        return self.noise_floor > MAX_NOISE_FLOOR or self.share_held_up > MAX_SHARE_HELD_UP

    @property
    def is_noisy(self) -> bool:
        """Whether it can't be relied on: disturbed, or from a slow machine."""
        return self.is_disturbed or self.is_slow

    @property
    def reference_s(self) -> float:
        """Median time of the reference in `rounds`."""
        return median([sample for each in self.rounds for sample in each.reference_s])

    def is_tied(self, one: int, other: int) -> bool:
        """Whether the latencies of two candidates do not differ significantly.

        They differ if the 95 % interval of their ratio excludes 1 and the ratio exceeds the noise
        floor.
        """
        ratios = [math.log(r.median_s(one) / r.median_s(other)) for r in self.rounds]
        low, high = median_interval(ratios)
        return low <= 0 <= high or abs(median(ratios)) <= math.log1p(self.noise_floor)

    def ties(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Map each candidate's name to the names of the candidates it is tied with.

        `names` holds one name for each candidate, in the order they were passed.
        """
        return {
            name: [
                other
                for place, other in enumerate(names)
                if place != index and self.is_tied(index, place)
            ]
            for index, name in enumerate(names)
        }

    def share_within(self, index: int, max_ms: float) -> float:
        """Share of a candidate's runs that took at most `max_ms`."""
        samples = [s for r in self.rounds for s in r.samples_s(index)]
        return sum(1e3 * s <= max_ms for s in samples) / len(samples)

    def protocol(self) -> dict[str, str | int | float | bool]:
        """The measurement protocol as JSON values, for the lookup table."""
        return {
            "method": "interleaved rounds in random order, two visits a round; interval from the "
            "order statistics of the rounds' medians",
            "warmup": MIN_WARM_UP_RUNS,
            "num_samples": sum(latency.num_samples for latency in self.latencies),
            "num_rounds": len(self.rounds),
            "num_disturbed_rounds": self.num_disturbed_rounds,
            "duration_s": round(self.duration_s, 3),
            "noise_floor": round(self.noise_floor, 5),
            "slowdown": round(self.slowdown, 5),
            "drift": round(self.drift, 5),
            "is_noisy": self.is_noisy,
        }


def measure_latency(
    candidates: Sequence[Runnable],
    *,
    reference: ReferenceWorkload,
    rng: Random,
    max_s: float,
    precision: float = 0.01,
    allow_noisy: bool = False,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[float], None] | None = None,
    others: OtherProcesses | None = None,
) -> Measurement:
    """Time `candidates` until every median reaches `precision` or `max_s` seconds have passed.

    A machine that stays slow although no other process is busy is one that its user cannot make
    faster (a shared host, heat): the measurement is returned, and marked by `is_noisy`.

    Args:
        candidates: compiled networks, at least one.
        reference: measures the machine's speed; a new best time is recorded in it.
        rng: shuffles the candidates in each round.
        max_s: time limit in seconds for all candidates together. `MIN_ROUNDS` rounds are completed
            even if they take longer, and unless `allow_noisy` is set, a slowed-down machine gets
            up to `PATIENCE` times as long to recover.
        precision: stop when half of each median's 95 % interval is at most this share of it.
        allow_noisy: return a noisy measurement, marked as such, instead of raising.
        clock: returns the time in seconds.
        progress: called with the share of `max_s` used so far, 0 to 1.
        others: tells how busy other processes are; None counts from now on.

    Raises:
        NoisyMachineError: unless `allow_noisy`, if the measurement `is_disturbed`, or `is_slow`
            while other processes are busy, or may be.
    """
    others = others or OtherProcesses()
    start = clock()
    warm_up_s = WARM_UP_SHARE * max_s / (len(candidates) + 1)
    runs = [warm_up(candidate, warm_up_s, clock) for candidate in candidates]
    warm_up(reference, warm_up_s, clock)
    rounds: list[Round] = []
    with no_garbage_collection():
        while True:
            rounds.append(make_round(candidates, runs, reference, rng, clock))
            reference_s = min(reference.quickest_s, undisturbed_s(rounds))
            quiet = quiet_rounds(rounds, reference_s)
            is_enough = len(quiet) >= MIN_ROUNDS
            counted = quiet if is_enough else quickest_rounds(rounds, MIN_ROUNDS)
            elapsed = clock() - start
            if progress is not None:
                progress(min(1.0, elapsed / max_s))
            if is_enough and _precise(quiet, precision):
                break
            may_wait = (
                not allow_noisy
                and elapsed < PATIENCE * max_s
                and not is_enough
                and slowdown(counted, reference_s) > MAX_SLOWDOWN
            )
            if len(rounds) >= MIN_ROUNDS and elapsed >= max_s and not may_wait:
                break
    measurement = Measurement(
        latencies=tuple(
            latency_of(r.samples_s(index) for r in counted) for index in range(len(candidates))
        ),
        noise_floor=noise_floor(counted),
        rounds=tuple(counted),
        num_disturbed_rounds=len(rounds) - len(counted),
        slowdown=slowdown(counted, reference_s),
        share_held_up=share_held_up(rounds),
        drift=drift(rounds),
        duration_s=elapsed,
    )
    if not measurement.is_noisy:
        reference.record_best(median([r.reference_visit_s for r in counted]))
    elif not allow_noisy and (complaint := _complaint(measurement, reference, others)):
        raise NoisyMachineError(complaint)
    return measurement


def _complaint(
    measurement: Measurement, reference: ReferenceWorkload, others: OtherProcesses
) -> str | None:
    """Why a noisy measurement is refused; None where it is not."""
    busy = others.busy_cores()
    is_idle = busy is not None and busy <= MAX_BUSY_CORES
    advice = "stop other processes on this machine, or pass --allow-noisy"
    if measurement.share_held_up > MAX_SHARE_HELD_UP:
        return (
            f"other processes must disturb at most {MAX_SHARE_HELD_UP:.0%} of the rounds, "
            f"but disturbed {measurement.share_held_up:.0%}; {advice}"
        )
    if measurement.is_disturbed:
        if is_idle:
            advice = (
                "no other process here is busy, so the machine is disturbed from outside: run the "
                "same command again later, or pass --allow-noisy"
            )
        return (
            f"the noise floor must be at most {MAX_NOISE_FLOOR:.0%}, "
            f"but is {measurement.noise_floor:.1%}; {advice}"
        )
    if is_idle:
        return None
    while_busy = "" if busy is None else f" while other processes keep {busy:.1f} cores busy"
    return (
        f"this machine must run at most {MAX_SLOWDOWN:.0%} slower than at its best, but runs "
        f"{measurement.slowdown:.0%} slower{while_busy}; {advice}{reference.reset_advice}"
    )


def _precise(rounds: Sequence[Round], precision: float) -> bool:
    for index in range(len(rounds[0].first_s)):
        low, high = median_interval([r.median_s(index) for r in rounds])
        if high - low > 2 * precision * low:
            return False
    return True


def latency_of(groups_s: Iterable[Sequence[float]]) -> Latency:
    """The latency of samples in seconds, grouped by the round or visit that they share.

    A disturbance may slow all of a group, so the interval comes from the groups' medians.
    """
    groups_ms = [[1e3 * s for s in group] for group in groups_s]
    samples = [ms for group in groups_ms for ms in group]
    p50 = median(samples)
    low, high = median_interval([median(group) for group in groups_ms])
    return Latency(
        p50_ms=p50,
        p90_ms=percentile(samples, 90),
        p99_ms=percentile(samples, 99),
        p50_low_ms=min(low, p50),
        p50_high_ms=max(high, p50),
        num_samples=len(samples),
    )
