"""How far a measurement can be trusted: disturbed rounds, drift, the machine's noise floor.

Standard library only: the kit for other devices carries this file.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from nas.meter.rounds import Round
from nas.meter.statistics import median, percentile

UNDISTURBED = 5  # percentile of the rounds: as fast as the machine can be, without freak values
QUIET = 1.08  # the reference's slower visit in a round against that
HELD_UP = 1.5  # mean of the reference's runs in a visit against their median


def undisturbed_s(rounds: Sequence[Round]) -> float:
    """Seconds of the reference when nothing disturbs it; disturbances only ever add to it."""
    return percentile([r.reference_visit_s for r in rounds], UNDISTURBED)


def quiet_rounds(rounds: Sequence[Round], reference_s: float) -> list[Round]:
    """Those in which the reference took about `reference_s`."""
    return [r for r in rounds if r.reference_visit_s <= QUIET * reference_s]


def quickest_rounds(rounds: Sequence[Round], number: int) -> list[Round]:
    """The `number` rounds in which the reference was quickest."""
    return sorted(rounds, key=lambda r: r.reference_visit_s)[:number]


def slowdown(rounds: Sequence[Round], reference_s: float) -> float:
    """How much longer than `reference_s` the slowest visit took, as a share of it."""
    return max(r.reference_visit_s for r in rounds) / reference_s - 1


def share_held_up(rounds: Sequence[Round]) -> float:
    """Share of the rounds in which another had the core for some of the reference's runs."""
    return fmean(
        any(fmean(visit) > HELD_UP * median(visit) for visit in r.reference_visits_s)
        for r in rounds
    )


def drift(rounds: Sequence[Round]) -> float:
    """How much slower the reference was in the second half than in the first, relative to it."""
    half = len(rounds) // 2
    first = median([s for r in rounds[:half] for s in r.reference_s])
    return median([s for r in rounds[half:] for s in r.reference_s]) / first - 1


def noise_floor(rounds: Sequence[Round]) -> float:
    """Half of the 95 % interval for a candidate's first visits against its second ones.

    1.96 standard errors of a median, 1.2533 sigma / sqrt(n); sigma from the median absolute
    deviation times 1.4826 (both as for a normal distribution; Rousseeuw and Croux 1993), over all
    candidates: with few rounds, an interval of each alone would be its one worst visit.
    """
    deviations = [
        abs(math.log(median(first) / median(second)))
        for r in rounds
        for first, second in zip(r.first_s, r.second_s, strict=True)
    ]
    return math.expm1(1.96 * 1.2533 * 1.4826 * median(deviations) / math.sqrt(len(rounds)))
