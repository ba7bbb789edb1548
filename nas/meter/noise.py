"""Noise statistics of a measurement: quiet rounds, slowdown, drift, noise floor.

Standard library only, because the kit packs this file.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from nas.meter.rounds import Round
from nas.meter.statistics import median, percentile

UNDISTURBED = 5  # percentile of the rounds: the machine's full speed, robust against outliers
QUIET = 1.08  # maximum ratio of the reference's slower visit to its undisturbed time
HELD_UP = 1.5  # ratio of mean to median of a reference visit above which it was preempted


def undisturbed_s(rounds: Sequence[Round]) -> float:
    """Undisturbed time of the reference in seconds: a low percentile, since noise only adds."""
    return percentile([r.reference_visit_s for r in rounds], UNDISTURBED)


def quiet_rounds(rounds: Sequence[Round], reference_s: float) -> list[Round]:
    """Rounds in which both visits to the reference took at most `QUIET` times `reference_s`."""
    return [r for r in rounds if r.reference_visit_s <= QUIET * reference_s]


def quickest_rounds(rounds: Sequence[Round], number: int) -> list[Round]:
    """The `number` rounds with the fastest reference."""
    return sorted(rounds, key=lambda r: r.reference_visit_s)[:number]


def slowdown(rounds: Sequence[Round], reference_s: float) -> float:
    """Relative slowdown of the slowest reference visit against `reference_s`."""
    return max(r.reference_visit_s for r in rounds) / reference_s - 1


def share_held_up(rounds: Sequence[Round]) -> float:
    """Share of the rounds in which another process preempted the reference."""
    return fmean(
        any(fmean(visit) > HELD_UP * median(visit) for visit in r.reference_visits_s)
        for r in rounds
    )


def drift(rounds: Sequence[Round]) -> float:
    """Relative slowdown of the reference from the first half of the rounds to the second."""
    half = len(rounds) // 2
    first = median([s for r in rounds[:half] for s in r.reference_s])
    return median([s for r in rounds[half:] for s in r.reference_s]) / first - 1


def noise_floor(rounds: Sequence[Round]) -> float:
    """Half-width of the 95 % interval of the relative difference between a candidate's two visits.

    Computed as 1.96 standard errors of a median, each 1.2533 sigma / sqrt(n), where sigma is 1.4826
    times the median absolute deviation (both assume a normal distribution; Rousseeuw and Croux
    1993). Deviations are pooled over all candidates: with few rounds, a separate interval for each
    would be determined by its single worst visit.
    """
    deviations = [
        abs(math.log(median(first) / median(second)))
        for r in rounds
        for first, second in zip(r.first_s, r.second_s, strict=True)
    ]
    return math.expm1(1.96 * 1.2533 * 1.4826 * median(deviations) / math.sqrt(len(rounds)))
