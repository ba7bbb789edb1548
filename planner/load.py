"""Load: a device's current slowdown against its lookup table, estimated from timed batches.

The estimate separates lasting from momentary changes. The *level* is the median slowdown since
the last change, which CUSUM detects (Page, "Continuous inspection schemes", Biometrika 1954) by
summing the deviations of the batches above, and below, the level. The *jitter* is the ratio of
each batch to the level; its history is longer, because it does not depend on the level.
"""

import math
from bisect import bisect_right
from collections import deque
from statistics import median

NUM_LEVEL = 25
NUM_JITTER = 60
NUM_SETTLED = 10
SLACK = 0.5  # standard deviations that a batch may be off without adding to a sum
ALARM = 6.0  # standard deviations: a larger sum is a change of the level
CLIP = 3.0  # standard deviations: limit per batch, so that one outlier is no change
NORMAL_MAD = 1.4826  # a normal distribution's standard deviation, in median absolute deviations
MIN_DEVIATION = 0.02
# The jitter assumed before the first batch: log-normal, with a standard deviation of 8 %.
FIRST_JITTER = tuple(
    math.exp(0.08 * z) for z in (-1.6, -1.1, -0.8, -0.55, -0.3, -0.1, 0.1, 0.3, 0.55, 0.8, 1.1, 1.6)
)


class Load:
    """Estimates `level` and the distribution of the jitter from the batches it observes."""

    def __init__(self) -> None:
        """Start with an idle device."""
        self.level = 1.0
        """Lasting slowdown against the table; 1.0 is as fast."""
        self.num_changes = 0
        """Number of detected changes of the level."""
        self._factors: deque[float] = deque(maxlen=NUM_LEVEL)
        self._jitter: deque[float] = deque(FIRST_JITTER, maxlen=NUM_JITTER)
        self._sorted_jitter = sorted(self._jitter)
        self._above, self._below = _CusumSum(), _CusumSum()

    def observe(self, factor: float) -> None:
        """Record that a batch took `factor` times its entry's median."""
        if self._factors:
            self._note_deviation(math.log(factor / self.level))
        self._factors.append(factor)
        for drift in (self._above, self._below):
            if drift.total > ALARM:
                self._forget_all_but(drift.num_batches)
        self.level = median(self._factors)
        if len(self._factors) > 2:
            self._jitter.append(factor / self.level)
            self._sorted_jitter = sorted(self._jitter)

    @property
    def settled(self) -> bool:
        """Whether the level rests on enough batches to be reliable."""
        return len(self._factors) >= NUM_SETTLED

    def share_above(self, limit: float, level: float) -> float:
        """The expected share of batches slower than `limit` at `level`, both as slowdowns."""
        num_within = bisect_right(self._sorted_jitter, limit / level)
        return 1 - num_within / len(self._sorted_jitter)

    def quantile(self, share: float) -> float:
        """The quantile of the jitter at `share` (0..1), as a ratio to the level."""
        last = len(self._sorted_jitter) - 1
        return self._sorted_jitter[min(last, int(share * (last + 1)))]

    def _note_deviation(self, deviation: float) -> None:
        spread = NORMAL_MAD * median(abs(math.log(one)) for one in self._jitter)
        scaled = deviation / max(MIN_DEVIATION, spread)
        scaled = max(-CLIP, min(CLIP, scaled))
        self._above.add(scaled - SLACK)
        self._below.add(-scaled - SLACK)

    def _forget_all_but(self, num_batches: int) -> None:
        self.num_changes += 1
        recent = list(self._factors)[-num_batches:]
        self._factors.clear()
        self._factors.extend(recent)
        self._above, self._below = _CusumSum(), _CusumSum()


class _CusumSum:
    """A sum that never falls below 0, and the number of batches since it last was 0."""

    def __init__(self) -> None:
        self.total, self.num_batches = 0.0, 0

    def add(self, value: float) -> None:
        self.total = max(0.0, self.total + value)
        self.num_batches = self.num_batches + 1 if self.total > 0 else 0
