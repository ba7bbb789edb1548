"""How far a measurement can be trusted: disturbed rounds, drift, the machine's noise floor.

Standard library only: the kit for other devices carries this file.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from nas.order_statistics import median, percentile
from nas.rounds import Round

UNDISTURBED = 5  # percentile of the kernel's runs; on two cores the same to 2 %, idle or busy
DISTURBED = 1.5  # mean of the kernel's runs in a round against that


def quiet_rounds(rounds: Sequence[Round]) -> list[Round]:
    """Those in which nothing held the kernel up. What disturbs it adds to its time, never takes."""
    undisturbed_s = percentile([s for r in rounds for s in r.kernel_s], UNDISTURBED)
    return [r for r in rounds if fmean(r.kernel_s) <= DISTURBED * undisturbed_s]


def drift(rounds: Sequence[Round]) -> float:
    """How much slower the kernel was in the second half than in the first, relative to it."""
    half = len(rounds) // 2
    first = median([s for r in rounds[:half] for s in r.kernel_s])
    return median([s for r in rounds[half:] for s in r.kernel_s]) / first - 1


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
