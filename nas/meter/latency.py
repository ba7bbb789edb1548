"""The latency meter: several compiled networks timed side by side, so that they can be compared.

A machine is never quiet for long: its clock drifts, others use it. So all candidates are timed in
rounds, each in random order; what disturbs a round disturbs all of them alike, and two candidates
are compared by their ratio within each round. A round visits every candidate twice, which compares
each with itself: that is the noise floor, below which no difference in this measurement counts.
A fixed reference workload, timed before and after each round, tells how fast the machine is in it.
Only rounds in which it is as fast as it can be count; more are made until these are enough. How
fast it can be is known from earlier measurements, too (`nas.meter.reference_workload`), so that two
measurements on one machine agree although it was slower for minutes.

Standard library only: the kit for other devices carries this file.
"""

import math
import time
from collections.abc import Callable, Sequence
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

MIN_ROUNDS = 8  # from six on, the median has a 95 % interval
WARM_UP_SHARE = 0.2  # of the time, at most; what is not stable by then is measured as it is
MAX_SHARE_HELD_UP = 0.15  # of the rounds; idle 0.01, with a process for each core 0.25 to 0.5
MAX_NOISE_FLOOR = 0.10
MAX_SLOWDOWN = 0.25  # of the reference; rounds on an idle virtual machine differ by up to 0.15
PATIENCE = 3  # times the limit, while the machine is slower than that


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Time of one batch on the target."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    p50_low_ms: float
    p50_high_ms: float
    """`p50_low_ms` to `p50_high_ms`: 95 % interval of the median, from the rounds' medians."""
    num_samples: int


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What `measure_latency` found: a latency for each candidate, in their order."""

    latencies: tuple[Latency, ...]
    noise_floor: float
    """Relative difference that a candidate typically shows against itself, at 95 %."""
    rounds: tuple[Round, ...]
    """Those that count: the quiet ones, or the quickest where these are too few."""
    num_disturbed_rounds: int
    """Made, and not counted."""
    slowdown: float
    """How much longer the reference took in the slowest of `rounds` than it can take, relative."""
    share_held_up: float
    """Share of all rounds in which something else took the reference's time."""
    drift: float
    """How much slower the reference was in the second half than in the first, relative to it."""
    duration_s: float

    @property
    def is_noisy(self) -> bool:
        """Whether the noise floor is too high to rely on, or the machine busy or too slow."""
        return (
            self.noise_floor > MAX_NOISE_FLOOR
            or self.share_held_up > MAX_SHARE_HELD_UP
            or self.slowdown > MAX_SLOWDOWN
        )

    def is_tied(self, one: int, other: int) -> bool:
        """Whether two candidates can't be told apart, at 95 % and above the noise floor."""
        ratios = [math.log(r.median_s(one) / r.median_s(other)) for r in self.rounds]
        low, high = median_interval(ratios)
        return low <= 0 <= high or abs(median(ratios)) <= math.log1p(self.noise_floor)

    def ties(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Each candidate's name to those of the candidates that can't be told apart from it.

        `names` are the candidates', in their order.
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
        samples = [s for r in self.rounds for s in r.first_s[index] + r.second_s[index]]
        return sum(1e3 * s <= max_ms for s in samples) / len(samples)

    def protocol(self) -> dict[str, str | int | float | bool]:
        """How it was measured, for the lookup table."""
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
) -> Measurement:
    """Time all `candidates` until every median is known to `precision` or `max_s` seconds are over.

    Args:
        candidates: compiled networks; one alone is fine.
        reference: tells a slow machine from a slow network. What was seen of it is noted there.
        rng: orders the candidates in each round.
        max_s: limit for all of them together; `MIN_ROUNDS` rounds are made even if they take
            longer, and where noise isn't allowed a slow machine is given `PATIENCE` times as long.
        precision: half of a median's 95 % interval, relative to it, at which to stop.
        allow_noisy: return a measurement above the limit of noise, marked as noisy, too.
        clock: seconds.
        progress: called with the share of `max_s` used so far, 0 to 1.

    Raises:
        NoisyMachineError: the measurement `is_noisy`, and `allow_noisy` is false.
    """
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
        latencies=tuple(_latency(counted, index) for index in range(len(candidates))),
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
    elif not allow_noisy:
        raise NoisyMachineError(_complaint(measurement, reference))
    return measurement


def _complaint(measurement: Measurement, reference: ReferenceWorkload) -> str:
    advice = "stop what else runs here, or pass --allow-noisy"
    if measurement.share_held_up > MAX_SHARE_HELD_UP:
        return (
            f"something else may hold up {MAX_SHARE_HELD_UP:.0%} of the rounds, "
            f"but it held up {measurement.share_held_up:.0%}; {advice}"
        )
    if measurement.slowdown > MAX_SLOWDOWN:
        return (
            f"this machine must be at most {MAX_SLOWDOWN:.0%} slower than it can be, "
            f"but it is {measurement.slowdown:.0%} slower; {advice}{reference.reset_advice}"
        )
    return (
        f"a network must differ from itself by at most {MAX_NOISE_FLOOR:.0%}, "
        f"but it differs by {measurement.noise_floor:.1%}; {advice}"
    )


def _precise(rounds: Sequence[Round], precision: float) -> bool:
    for index in range(len(rounds[0].first_s)):
        low, high = median_interval([r.median_s(index) for r in rounds])
        if high - low > 2 * precision * low:
            return False
    return True


def _latency(rounds: Sequence[Round], index: int) -> Latency:
    samples = [1e3 * s for r in rounds for s in r.first_s[index] + r.second_s[index]]
    p50 = median(samples)
    low, high = median_interval([1e3 * r.median_s(index) for r in rounds])
    return Latency(
        p50_ms=p50,
        p90_ms=percentile(samples, 90),
        p99_ms=percentile(samples, 99),
        p50_low_ms=min(low, p50),
        p50_high_ms=max(high, p50),
        num_samples=len(samples),
    )
