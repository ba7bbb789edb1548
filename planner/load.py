"""Load: how many times as slow as in the table a device is just now, from the batches seen.

What lasts and what doesn't are kept apart. The *level* is the median since the last change, and
a change is found by CUSUM (Page, "Continuous inspection schemes", Biometrika 1954): the sums of
how far the batches lie above, and below, the level. The *jitter*, each batch's factor over the
level, is remembered for longer, for it stays the same when the level changes.
"""

import math
from bisect import bisect_right
from collections import deque
from statistics import median

NUM_LEVEL = 25
NUM_JITTER = 60
NUM_SETTLED = 10
SLACK = 0.5  # deviations: what each batch may be off without adding to a sum
ALARM = 6.0  # deviations: the sum that is a change
CLIP = 3.0  # deviations: the most that one batch adds, so that a lone slow one is no change
NORMAL_MAD = 1.4826  # a normal distribution's deviation, in median absolute deviations
LEAST_DEVIATION = 0.02
# What is assumed before the first batch: a normal distribution, a twelfth wide.
FIRST_JITTER = tuple(
    math.exp(0.08 * z) for z in (-1.6, -1.1, -0.8, -0.55, -0.3, -0.1, 0.1, 0.3, 0.55, 0.8, 1.1, 1.6)
)


class Load:
    """Learns from `observe`; `level` and `share_above` say what it makes of it."""

    def __init__(self) -> None:
        """An idle device, before the first batch."""
        self.level = 1.0
        """What lasts: times as slow as in the table."""
        self.num_changes = 0
        """How often the level was found to have changed."""
        self._factors: deque[float] = deque(maxlen=NUM_LEVEL)
        self._jitter: deque[float] = deque(FIRST_JITTER, maxlen=NUM_JITTER)
        self._sorted_jitter = sorted(self._jitter)
        self._above, self._below = _Sum(), _Sum()

    def observe(self, factor: float) -> None:
        """Note that a batch took `factor` times its entry's median."""
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
        """Whether the level comes from enough batches to be told from noise."""
        return len(self._factors) >= NUM_SETTLED

    def share_above(self, limit: float, level: float) -> float:
        """The share of batches that will take more than `limit` at `level`, by their jitter."""
        num_within = bisect_right(self._sorted_jitter, limit / level)
        return 1 - num_within / len(self._sorted_jitter)

    def quantile(self, share: float) -> float:
        """What `share` of the jitter keeps below, as a factor over the level."""
        last = len(self._sorted_jitter) - 1
        return self._sorted_jitter[min(last, int(share * (last + 1)))]

    def _note_deviation(self, deviation: float) -> None:
        spread = NORMAL_MAD * median(abs(math.log(one)) for one in self._jitter)
        scaled = deviation / max(LEAST_DEVIATION, spread)
        scaled = max(-CLIP, min(CLIP, scaled))
        self._above.add(scaled - SLACK)
        self._below.add(-scaled - SLACK)

    def _forget_all_but(self, num_batches: int) -> None:
        self.num_changes += 1
        recent = list(self._factors)[-num_batches:]
        self._factors.clear()
        self._factors.extend(recent)
        self._above, self._below = _Sum(), _Sum()


class _Sum:
    """A sum that never falls below 0, and of how many batches it is since it was 0."""

    def __init__(self) -> None:
        self.total, self.num_batches = 0.0, 0

    def add(self, value: float) -> None:
        self.total = max(0.0, self.total + value)
        self.num_batches = self.num_batches + 1 if self.total > 0 else 0
