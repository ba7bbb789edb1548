"""Other designs of a controller, to compare the one that was chosen with.

Their constants were tuned on the development traces too, at three targets.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median

from planner import Controller, Entry, Selector
from planner.load import Load

FIRST_WAIT = 5


class _OneBudget:
    """Runs the most accurate entry that a cautious load allows; ups are waited for."""

    headroom = 1.0

    def __init__(self, entries: Sequence[Entry], target_ms: float) -> None:
        self._selector, self._target_ms = Selector(entries), target_ms
        self._num_since_switch = 0
        self.entry = self._fitting(1.0)

    def _fitting(self, load: float) -> Entry:
        fastest = self._selector.latencies_ms[0]
        return self._selector.select(max(fastest, self._target_ms / load))

    def _follow(self, load: float) -> None:
        self._num_since_switch += 1
        wanted = self._fitting(load)
        if wanted.latency_p50_ms > self.entry.latency_p50_ms:
            may = self._num_since_switch >= FIRST_WAIT
            wanted = max(
                self._fitting(load * self.headroom) if may else self.entry,
                self.entry,
                key=lambda entry: entry.latency_p50_ms,
            )
        if wanted is not self.entry:
            self.entry, self._num_since_switch = wanted, 0


class WindowedQuantile(_OneBudget):
    """The 67 % quantile of the last 10 batches; three that differ by a quarter start anew."""

    headroom = 1.06

    def __init__(self, entries: Sequence[Entry], target_ms: float) -> None:
        """Begin with what fits an idle device."""
        super().__init__(entries, target_ms)
        self._factors: deque[float] = deque(maxlen=10)

    def observe(self, latency_ms: float) -> None:
        """Note how long a batch took."""
        self._factors.append(latency_ms / self.entry.latency_p50_ms)
        recent = list(self._factors)[-3:]
        if len(recent) == 3 and not 0.8 < median(recent) / median(self._factors) < 1.25:
            self._factors = deque(recent, maxlen=10)
        ordered = sorted(self._factors)
        self._follow(ordered[min(len(ordered) - 1, int(0.67 * len(ordered)))])


class ChangePointQuantile(_OneBudget):
    """The level since the last change (CUSUM) times the 75 % quantile of the jitter."""

    headroom = 1.02

    def __init__(self, entries: Sequence[Entry], target_ms: float) -> None:
        """Begin with what fits an idle device."""
        super().__init__(entries, target_ms)
        self._load = Load()

    def observe(self, latency_ms: float) -> None:
        """Note how long a batch took."""
        self._load.observe(latency_ms / self.entry.latency_p50_ms)
        self._follow(self._load.level * self._load.quantile(0.75))


class Fearless(Controller):
    """The controller without counting with another batch like a slow one it has just seen."""

    def _note_surprise(self, factor: float) -> None:
        pass
