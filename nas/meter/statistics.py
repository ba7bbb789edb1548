"""Percentiles, and an interval for the median that assumes nothing about the distribution."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Value below which `percent` % of `values` lie, linear between neighbours as in numpy."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """Half of `values` lie below, half above."""
    return percentile(values, 50)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval for the median of what independent `values` were drawn from.

    From order statistics (David and Nagaraja, Order Statistics, section 7.1): how many of n draws
    fall below the median is binomial (n, 1/2), whatever the distribution. Fewer than six draws
    cannot give 95 %; the interval is then from the smallest to the largest.
    """
    ordered = sorted(values)
    n = len(ordered)
    outside, rank = 0.0, 0
    while rank < n // 2 and outside + math.comb(n, rank) / 2**n <= 0.025:
        outside += math.comb(n, rank) / 2**n
        rank += 1
    cut = max(rank - 1, 0)
    return ordered[cut], ordered[n - 1 - cut]
