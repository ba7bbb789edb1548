"""ServiceLevel: how much slower than the load a batch may be, if a share of them must be in time.

The margin is a quantile of the recent batches' times, each as a ratio to the load expected before
it ran, so that it also covers how wrong that expectation was. Which quantile follows adaptive
conformal inference (Gibbs and Candes, "Adaptive Conformal Inference Under Distribution Shift",
NeurIPS 2021): a late batch lowers the share of late batches that the margin allows, one in time
raises it again, at most to what is promised. At 0 the margin is infinite, so that the fastest entry
runs; late batches don't count then, as nothing would have avoided them. Whatever the load does, at
most n * (1 - share) + 3 of n batches are late on an entry that isn't the fastest.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from statistics import NormalDist

from planner.errors import InvalidValue, shown
from planner.latency import Latency
from planner.rules import is_number

MIN_HISTORY = 100
HISTORY = 5
"""The history holds this many batches for each one that may be late."""
Z_P90, Z_P99 = (NormalDist().inv_cdf(share) for share in (0.9, 0.99))


class ServiceLevel:
    """The margin above the load within which `share` of the batches stay."""

    def __init__(self, share: float) -> None:
        """Raise InvalidValue unless `share` is at least 0.5 and below 1."""
        if not (is_number(share) and 0.5 <= share < 1):
            raise InvalidValue(
                "`service_level` must be a share of the batches, at least 0.5 and below 1 "
                f"(0.99: 99 %), but got {shown(share)}"
            )
        self.share = share
        self._allowed = 1 - share
        self._late_share = self._allowed
        num_batches = max(MIN_HISTORY, math.ceil(HISTORY / self._allowed))
        self._ratios: deque[float] = deque(maxlen=num_batches)
        self._sorted: list[float] = []

    def observe(self, ratio: float, is_late: bool) -> None:
        """Note a batch: its time as a ratio to the time expected, and whether it was late."""
        if len(self._ratios) == self._ratios.maxlen:
            del self._sorted[bisect_left(self._sorted, self._ratios[0])]
        self._ratios.append(ratio)
        insort(self._sorted, ratio)
        if not is_late or self._late_share > 0:
            step = self._allowed / 2
            self._late_share += step * (self._allowed - is_late)
            self._late_share = min(self._allowed, self._late_share)

    def margin(self, latency: Latency) -> float:
        """How many times its median an entry may take under a constant load.

        At least the ratio of the table until the history holds enough batches; infinite while
        more batches were late than promised.
        """
        if self._late_share <= 0:
            return math.inf
        rank = math.ceil((1 - self._late_share) * (len(self._sorted) + 1)) - 1
        if rank < len(self._sorted):
            return self._sorted[rank]
        return max([_table_ratio(latency, self.share), *self._sorted[-1:]])


def _table_ratio(latency: Latency, share: float) -> float:
    """The quantile at `share` over the median in the table, log-linear in the normal deviate."""
    z = NormalDist().inv_cdf(share)
    p90, p99 = (math.log(one / latency.p50_ms) for one in (latency.p90_ms, latency.p99_ms))
    if z <= Z_P90:
        return math.exp(p90 * z / Z_P90)
    return math.exp(p90 + (p99 - p90) * (z - Z_P90) / (Z_P99 - Z_P90))
