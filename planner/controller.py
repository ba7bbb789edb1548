"""Controller: which entry to run next, so that batches keep a latency target under a changing load.

A load lengthens all entries' times by about the same factor, so each timed batch tells the
factor whichever entry ran it, and no entry has to be tried out to know what it would take.
"""

from collections.abc import Iterable

from planner.entry import Entry
from planner.errors import InvalidValue, shown
from planner.load import Load
from planner.rules import is_positive
from planner.selector import Selector

MOST_MISSES = 0.5
WORTH = 0.03
HEADROOM = 1.02
CHANGE = 1.2
FIRST_WAIT = 5


class Controller:
    """Follows a target by how likely each entry would miss it under the load that is seen.

    Of the entries likelier to keep the target than to miss it (else the fastest alone) it wants
    the one of the highest top1, less 0.03 of the share of batches that would miss: a tenth fewer
    late batches are worth 0.3 points. It steps down at once. It steps up only to what it would
    want under 2 % more load as well, and not before 5 batches after a switch, so at most at every
    fifth batch. Each step up that it takes back, though no change of the load was found since,
    doubles that wait until the load changes by a fifth. So under a constant load at most
    log2(n / 5 + 1) of n batches take one back, and one for each change that was found wrongly.
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
        self._load.observe(latency_ms / self.entry.latency_p50_ms)
        self._num_since_switch += 1
        self._note_change()
        wanted = self._wanted(self.load)
        if wanted.latency_p50_ms < self.entry.latency_p50_ms:
            self._step_down(wanted)
        elif self._num_since_switch >= self._wait:
            self._step_up(self._wanted(self.load * HEADROOM))
        return self.entry

    def _note_change(self) -> None:
        """Forget the steps up that failed under a load that is gone."""
        if self._load.settled and not 1 / CHANGE < self.load / self._waiting_load < CHANGE:
            self._waiting_load, self._wait = self.load, FIRST_WAIT

    def _step_down(self, entry: Entry) -> None:
        if self._stepped_up and self.num_changes == self._num_changes:
            self._wait *= 2
        self._switch(entry)

    def _step_up(self, entry: Entry) -> None:
        if entry.latency_p50_ms > self.entry.latency_p50_ms:
            self._switch(entry)

    def _switch(self, entry: Entry) -> None:
        self._stepped_up = entry.latency_p50_ms > self.entry.latency_p50_ms
        self._num_changes = self.num_changes
        self.entry, self._num_since_switch = entry, 0

    def _wanted(self, level: float) -> Entry:
        best, most = self._front[0], float("-inf")
        for entry in self._front:
            misses = self._load.share_above(self.target_ms / entry.latency_p50_ms, level)
            if misses > MOST_MISSES:
                break
            if entry.top1 - WORTH * misses > most:
                best, most = entry, entry.top1 - WORTH * misses
        return best
