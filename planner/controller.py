"""Controller: which entry to run next, so that batches keep a latency target under a changing load.

A load lengthens all entries' times by about the same factor, so each timed batch tells the
factor whichever entry ran it, and no entry has to be tried out to know what it would take.
"""

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

from planner.entry import Entry
from planner.errors import InvalidValue, shown
from planner.rules import is_positive
from planner.selector import Selector

NUM_REMEMBERED = 15
NUM_RECENT = 3
JUMP = 1.25
HEADROOM = 1.02
NORMAL_MAD = 1.4826  # a normal distribution's deviation, in median absolute deviations
MEDIAN_ERROR = 1.2533  # its median's standard error, in that of its mean
FIRST_WAIT = 5


class Controller:
    """Follows a target by the table's medians times the load that it sees.

    The load is the median of the last 15 batches' times over their entries' medians; three in
    a row that say a quarter more or less than that are a jump, and the older ones are dropped.
    It steps down as soon as the entry would miss the target. It steps up only where the load
    with two of its standard errors (2 % at least) would still keep it, and not before 5 batches
    after a switch. Each step up that it has to take back doubles that wait until the load falls
    at a jump, so under a constant load at most log2(n / 5 + 1) of n batches take one back.
    """

    def __init__(self, entries: Iterable[Entry], target_ms: float) -> None:
        """Begin with what fits an idle device; raise InvalidValue without entries or target."""
        if not is_positive(target_ms):
            raise InvalidValue(f"`target_ms` must be above 0, but got {shown(target_ms)}")
        self._selector = Selector(entries)
        if not self._selector.front:
            raise InvalidValue("a controller must have entries to choose from, but got none")
        self.target_ms = target_ms
        self._factors: deque[float] = deque(maxlen=NUM_REMEMBERED)
        self._wait = FIRST_WAIT
        self._num_since_switch = 0
        self._stepped_up = False
        self.entry = self._fitting(1.0)
        """The entry to run next."""

    @property
    def load(self) -> float:
        """Times as slow as in the table; 1.0 before the first batch."""
        return median(self._factors) if self._factors else 1.0

    def observe(self, latency_ms: float) -> Entry:
        """Note how long a batch took on `entry`; return the entry for the next, now `entry`."""
        if not is_positive(latency_ms):
            raise InvalidValue(f"`latency_ms` must be above 0, but got {shown(latency_ms)}")
        self._factors.append(latency_ms / self.entry.latency_p50_ms)
        self._num_since_switch += 1
        self._forget_after_jump()
        if self.load * self.entry.latency_p50_ms > self.target_ms:
            self._step_down()
        elif self._num_since_switch >= self._wait:
            self._step_up()
        return self.entry

    def _forget_after_jump(self) -> None:
        recent = list(self._factors)[-NUM_RECENT:]
        change = median(recent) / self.load
        if len(recent) == NUM_RECENT and not 1 / JUMP < change < JUMP:
            self._factors.clear()
            self._factors.extend(recent)
            if change < 1:
                self._wait = FIRST_WAIT

    def _step_down(self) -> None:
        entry = self._fitting(self.load)
        if entry is not self.entry:
            if self._stepped_up:
                self._wait *= 2
            self._switch(entry)

    def _step_up(self) -> None:
        entry = self._fitting(self._cautious_load())
        if entry.latency_p50_ms > self.entry.latency_p50_ms:
            self._switch(entry)

    def _cautious_load(self) -> float:
        """The load, more what its estimate may be short of: two standard errors of a median."""
        load = self.load
        spread = NORMAL_MAD * median(abs(factor - load) for factor in self._factors)
        error = MEDIAN_ERROR * spread / math.sqrt(len(self._factors))
        return max(load * HEADROOM, load + 2 * error)

    def _switch(self, entry: Entry) -> None:
        self._stepped_up = entry.latency_p50_ms > self.entry.latency_p50_ms
        self.entry, self._num_since_switch = entry, 0

    def _fitting(self, load: float) -> Entry:
        """The most accurate entry that keeps the target under the load, else the fastest."""
        budget = max(self.target_ms / load, self._selector.latencies_ms[0])
        return self._selector.select(budget)
