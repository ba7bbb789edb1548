"""Percentiles, and a distribution-free confidence interval of the median."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The given percentile of `values`, with linear interpolation as in numpy."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """The 50th percentile of `values`."""
    return percentile(values, 50)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % confidence interval of the median of the distribution that `values` are samples of.

    Uses order statistics (David and Nagaraja, Order Statistics, section 7.1): the number of n
    independent samples below the median is binomial (n, 1/2) for every continuous distribution.
    Fewer than six samples cannot reach 95 %; the interval is then their minimum to maximum.
    """
    ordered = sorted(values)
    n = len(ordered)
    outside, rank = 0.0, 0
    while rank < n // 2 and outside + math.comb(n, rank) / 2**n <= 0.025:
        outside += math.comb(n, rank) / 2**n
        rank += 1
    cut = max(rank - 1, 0)
    return ordered[cut], ordered[n - 1 - cut]
