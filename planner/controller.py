"""Controller: choose the entry for each batch to meet a latency target under a changing load.

Load slows all entries by about the same factor. A timed batch of any entry therefore measures
that factor, and the latency of the other entries follows without running them.
"""

from collections import deque
from collections.abc import Iterable

from planner.entry import Entry
from planner.errors import InvalidValue, shown
from planner.load import Load
from planner.rules import is_positive
from planner.selector import Selector
from planner.service_level import ServiceLevel

MAX_MISS_SHARE = 0.5
MISS_PENALTY = 0.02
HEADROOM = 1.02
LOAD_CHANGE = 1.2
MIN_WAIT = 3
OUTLIER_RATIO = 1.25
NUM_OUTLIERS = 10


class Controller:
    """Chooses the entry for the next batch by the expected share of batches that miss the target.

    Among the entries that miss the target in at most half of the batches (else the fastest), it
    chooses the one that maximises top1 - 0.02 * miss share: missing 10 points less is worth 0.2
    points of top1. After an outlier, a batch more than 25 % slower than the load, it expects
    another one with the frequency observed after the last ten outliers. It thus reacts to the
    first batch of a lasting slowdown, and soon ignores isolated outliers.

    It steps down (to a faster entry) at once. It steps up only to the entry it would choose under
    2 % more load, and at least 3 batches after the last switch. This wait doubles each time it
    reverts a step up without a detected change of the load, and is reset when the load changes by
    20 %. Under a constant load, it reverts at most log2(n / 3 + 1) steps up in n batches, plus one
    per falsely detected change.

    With `service_level` it chooses the most accurate entry that keeps the target in this share of
    the batches, instead of weighing misses against top1; see `planner/service_level.py`. It runs
    the fastest entry if none keeps it.

    A controller isn't thread-safe; AdaptiveSession calls it under a lock.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        target_ms: float,
        *,
        service_level: float | None = None,
    ) -> None:
        """Assume an idle device; raises InvalidValue for no entries or an invalid target.

        `service_level` is the share of the batches that must meet the target, such as 0.99.
        """
        if not is_positive(target_ms):
            raise InvalidValue(f"`target_ms` must be above 0, but got {shown(target_ms)}")
        self._front = _front(entries)
        self._service_level = None if service_level is None else ServiceLevel(service_level)
        self.target_ms = target_ms
        self._load = Load()
        self._wait = MIN_WAIT
        self._num_since_switch = 0
        self._num_changes = 0
        self._stepped_up = False
        self._outlier: float | None = None
        self._repeated: deque[bool] = deque(maxlen=NUM_OUTLIERS)
        self._waiting_load = self.load
        self.entry = self._choose(self.load)
        """The entry to run the next batch on."""

    @property
    def load(self) -> float:
        """Slowdown against the lookup table; 1.0 before the first batch."""
        return self._load.level

    @property
    def num_changes(self) -> int:
        """Number of detected changes of the load."""
        return self._load.num_changes

    def choose_from(self, entries: Iterable[Entry]) -> Entry:
        """Replace the entries; return `entry`, chosen again if it is no longer among them.

        Raises InvalidValue for no entries.
        """
        self._front = _front(entries)
        if self.entry not in self._front:
            self._switch(self._choose(self.load))
        return self.entry

    def observe(self, latency_ms: float, ran: Entry | None = None) -> Entry:
        """Record the time of a batch; update and return `entry` for the next batch.

        `ran` is the entry that ran it, if not `entry`: one that runs while `entry` is loaded, or
        that ran in another thread.
        """
        if not is_positive(latency_ms):
            raise InvalidValue(f"`latency_ms` must be above 0, but got {shown(latency_ms)}")
        factor = latency_ms / (ran or self.entry).latency.p50_ms
        if self._service_level is not None:
            self._service_level.observe(factor / self.load, latency_ms > self.target_ms)
        self._note_outlier(factor)
        self._load.observe(factor)
        self._num_since_switch += 1
        self._reset_wait()
        chosen = self._choose(self.load)
        if chosen.latency.p50_ms < self.entry.latency.p50_ms:
            self._step_down(chosen)
        elif self._num_since_switch >= self._wait:
            self._step_up(self._choose(self.load * HEADROOM))
        return self.entry

    def _note_outlier(self, factor: float) -> None:
        is_slow = factor > OUTLIER_RATIO * self.load
        if self._outlier is not None:
            self._repeated.append(is_slow)
        self._outlier = factor if is_slow else None

    def _reset_wait(self) -> None:
        """Reset the wait when the load has changed since the last reset."""
        if (
            self._load.settled
            and not 1 / LOAD_CHANGE < self.load / self._waiting_load < LOAD_CHANGE
        ):
            self._waiting_load, self._wait = self.load, MIN_WAIT

    def _step_down(self, entry: Entry) -> None:
        if self._outlier is None and self._stepped_up and self.num_changes == self._num_changes:
            self._wait *= 2
        self._switch(entry)

    def _step_up(self, entry: Entry) -> None:
        if entry.latency.p50_ms > self.entry.latency.p50_ms:
            self._switch(entry)

    def _switch(self, entry: Entry) -> None:
        self._stepped_up = entry.latency.p50_ms > self.entry.latency.p50_ms
        self._num_changes = self.num_changes
        self.entry, self._num_since_switch = entry, 0

    def _choose(self, level: float) -> Entry:
        if self._service_level is not None:
            return self._keeping(self._service_level, max(level, self._outlier or 0.0))
        best, most = self._front[0], float("-inf")
        for entry in self._front:
            limit = self.target_ms / entry.latency.p50_ms
            misses = self._load.share_above(limit, level)
            if misses > MAX_MISS_SHARE:
                break
            value = entry.accuracy.top1 - MISS_PENALTY * self._expected_misses(misses, limit)
            if value > most:
                best, most = entry, value
        return best

    def _keeping(self, service_level: ServiceLevel, level: float) -> Entry:
        """The most accurate entry that stays within the target at `level`, else the fastest."""
        for entry in reversed(self._front):
            latency = entry.latency
            if latency.p50_ms * level * service_level.margin(latency) <= self.target_ms:
                return entry
        return self._front[0]

    def _expected_misses(self, misses: float, limit: float) -> float:
        """The share of misses, raised after an outlier by the probability of another one."""
        if self._outlier is None:
            return misses
        again = (1 + sum(self._repeated)) / (2 + len(self._repeated))
        return (1 - again) * misses + again * self._load.share_above(limit, self._outlier)


def _front(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    front = Selector(entries).front
    if not front:
        raise InvalidValue("a controller must have entries to choose from, but got none")
    return front
