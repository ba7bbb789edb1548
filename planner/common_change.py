"""CommonChange: by how much all common configs together became slower or faster.

A uniform slowdown can lie within the interval of each config and yet be certain, because the
errors of many configs average out. The logarithms of the ratios new / old are pooled by a
random-effects model (DerSimonian and Laird, "Meta-analysis in clinical trials", Controlled
Clinical Trials 1986): if they scatter more than their intervals explain, as when a single config
changed, the limits widen accordingly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)
ONE_SIDED_Z95 = NormalDist().inv_cdf(0.95)
MIN_DEVIATION = 1e-6
Interval = tuple[float, float, float]
"""Low end, median and high end of a latency; low and high are a 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class CommonChange:
    """The pooled change as a fraction of the old latencies; above 0 is slower."""

    relative: float
    low: float
    """The change is at least this, at a confidence of 95 %."""
    high: float
    """The change is at most this, at a confidence of 95 %."""
    num_configs: int
    sign: int
    """1 where `low` is slower than two sessions differ, -1 where `high` is faster, else 0."""


def common_change(
    pairs: Sequence[tuple[Interval, Interval]], session_spread: float
) -> CommonChange | None:
    """Pool the changes of (old, new) pairs, one per config; None for no pairs.

    `session_spread` is the largest fraction by which all latencies of two sessions differ though
    nothing changed.
    """
    if not pairs:
        return None
    changes = [math.log(new[1] / old[1]) for old, new in pairs]
    variances = [_deviation(old) ** 2 + _deviation(new) ** 2 for old, new in pairs]
    weights = [1 / max(MIN_DEVIATION**2, one) for one in variances]
    excess = _excess_variance(changes, weights)
    weights = [1 / (1 / weight + excess) for weight in weights]
    mean = _mean(changes, weights)
    half = ONE_SIDED_Z95 / math.sqrt(sum(weights))
    spread = math.log1p(session_spread)
    return CommonChange(
        relative=math.expm1(mean),
        low=math.expm1(mean - half),
        high=math.expm1(mean + half),
        num_configs=len(pairs),
        sign=(mean - half > spread) - (mean + half < -spread),
    )


def _deviation(interval: Interval) -> float:
    """The standard deviation of a logarithm, from its 95 % interval."""
    low, _, high = interval
    return math.log(high / low) / (2 * Z95)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def _excess_variance(values: Sequence[float], weights: Sequence[float]) -> float:
    """The variance between configs, beyond what their own intervals explain; 0.0 for one value."""
    if len(values) < 2:
        return 0.0
    mean, total = _mean(values, weights), sum(weights)
    scatter = sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
    scale = total - sum(weight**2 for weight in weights) / total
    return max(0.0, (scatter - (len(values) - 1)) / scale)
