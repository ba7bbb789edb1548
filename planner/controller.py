"""Controller: which entry to run next, so that batches keep a latency target under a changing load.

A load lengthens all entries' times by about the same factor, so each timed batch tells the
factor whichever entry ran it, and no entry has to be tried out to know what it would take.
"""

from collections import deque
from collections.abc import Iterable

from planner.entry import Entry
from planner.errors import InvalidValue, shown
from planner.load import Load
from planner.rules import is_positive
from planner.selector import Selector

MOST_MISSES = 0.5
WORTH = 0.02
HEADROOM = 1.02
CHANGE = 1.2
FIRST_WAIT = 3
SURPRISE = 1.25
NUM_SURPRISES = 10


class Controller:
    """Follows a target by how likely each entry would miss it under the load that is seen.

    Of the entries likelier to keep the target than to miss it (else the fastest alone) it wants
    the one of the highest top1, less 0.02 of the share of batches that would miss: a tenth fewer
    late batches are worth 0.2 points. After a batch a quarter slower than the load it counts with
    another like it, as often as the last ten such had one after them: so it answers the first
    batch of a rival that stays, and lone slow ones soon change nothing.

    It steps down at once. It steps up only to what it would want under 2 % more load as well, and
    not before 3 batches after a switch, so at most at every third batch. Each step up that it takes
    back, though no change of the load was found since, doubles that wait until the load changes by
    a fifth. So under a constant load at most log2(n / 3 + 1) of n batches take one back, and one
    for each change that was found wrongly.
    """

    def __init__(self, entries: Iterable[Entry], target_ms: float) -> None:
        """Begin with what fits an idle device; raise InvalidValue without entries or target."""
        if not is_positive(target_ms):
            raise InvalidValue(f"`target_ms` must be above 0, but got {shown(target_ms)}")
        self._front = Selector(entries).front
        if not self._front:
            raise InvalidValue("a controller must have entries to choose from, but got none")
        self.target_ms = target_ms
        self._load = Load()
        self._wait = FIRST_WAIT
        self._num_since_switch = 0
        self._num_changes = 0
        self._stepped_up = False
        self._slow: float | None = None
        self._followed: deque[bool] = deque(maxlen=NUM_SURPRISES)
        self._waiting_load = self.load
        self.entry = self._wanted(self.load)
        """The entry to run next."""

    @property
    def load(self) -> float:
        """Times as slow as in the table; 1.0 before the first batch."""
        return self._load.level

    @property
    def num_changes(self) -> int:
        """How often the load was found to have changed."""
        return self._load.num_changes

    def observe(self, latency_ms: float) -> Entry:
        """Note how long a batch took on `entry`; return the entry for the next, now `entry`."""
        if not is_positive(latency_ms):
            raise InvalidValue(f"`latency_ms` must be above 0, but got {shown(latency_ms)}")
        self._note_surprise(latency_ms / self.entry.latency.p50_ms)
        self._load.observe(latency_ms / self.entry.latency.p50_ms)
        self._num_since_switch += 1
        self._note_change()
        wanted = self._wanted(self.load)
        if wanted.latency.p50_ms < self.entry.latency.p50_ms:
            self._step_down(wanted)
        elif self._num_since_switch >= self._wait:
            self._step_up(self._wanted(self.load * HEADROOM))
        return self.entry

    def _note_surprise(self, factor: float) -> None:
        is_slow = factor > SURPRISE * self.load
        if self._slow is not None:
            self._followed.append(is_slow)
        self._slow = factor if is_slow else None

    def _note_change(self) -> None:
        """Forget the steps up that failed under a load that is gone."""
        if self._load.settled and not 1 / CHANGE < self.load / self._waiting_load < CHANGE:
            self._waiting_load, self._wait = self.load, FIRST_WAIT

    def _step_down(self, entry: Entry) -> None:
        if self._slow is None and self._stepped_up and self.num_changes == self._num_changes:
            self._wait *= 2
        self._switch(entry)

    def _step_up(self, entry: Entry) -> None:
        if entry.latency.p50_ms > self.entry.latency.p50_ms:
            self._switch(entry)

    def _switch(self, entry: Entry) -> None:
        self._stepped_up = entry.latency.p50_ms > self.entry.latency.p50_ms
        self._num_changes = self.num_changes
        self.entry, self._num_since_switch = entry, 0

    def _wanted(self, level: float) -> Entry:
        best, most = self._front[0], float("-inf")
        for entry in self._front:
            limit = self.target_ms / entry.latency.p50_ms
            misses = self._load.share_above(limit, level)
            if misses > MOST_MISSES:
                break
            value = entry.accuracy.top1 - WORTH * self._with_fear(misses, limit)
            if value > most:
                best, most = entry, value
        return best

    def _with_fear(self, misses: float, limit: float) -> float:
        """The share of misses, where the next batch may be like the slow one just seen."""
        if self._slow is None:
            return misses
        again = (1 + sum(self._followed)) / (2 + len(self._followed))
        return (1 - again) * misses + again * self._load.share_above(limit, self._slow)
