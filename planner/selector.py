"""Select the most accurate entry under limits: on a latency percentile, MACs and memory."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from planner.entry import Entry
from planner.errors import NoEntryFits
from planner.limits import Limits
from planner.pareto import front_indices


@dataclass(frozen=True)
class Selector:
    """Answers `select` for any latency budget in microseconds, after one pass over the entries.

    Of the entries that keep all limits but the latency, it holds those that are more accurate
    than every faster one. `limits.max_latency_ms` is not used; each call brings its own.
    """

    entries: Iterable[Entry]
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Find the front of what keeps the limits."""
        but_latency = replace(self.limits, max_latency_ms=None)
        kept = sorted(filter(but_latency.allow, self.entries), key=lambda entry: entry.config_id)
        points = [(entry.accuracy.top1, self.limits.latency_ms(entry)) for entry in kept]
        indices = front_indices(points)
        object.__setattr__(self, "front", tuple(kept[index] for index in indices))
        object.__setattr__(self, "latencies_ms", [points[index][1] for index in indices])

    front: tuple[Entry, ...] = field(init=False, repr=False)
    """From fast to accurate."""
    latencies_ms: list[float] = field(init=False, repr=False)
    """Of `front`, with the margin; ascending."""

    def select(self, max_latency_ms: float | None = None) -> Entry:
        """The most accurate entry within the budget (None: any); raise NoEntryFits if none is."""
        if max_latency_ms is None:
            index = len(self.front)
        else:
            index = bisect_right(self.latencies_ms, max_latency_ms)
        if index == 0:
            raise NoEntryFits(self._why_none(max_latency_ms))
        return self.front[index - 1]

    def _why_none(self, max_latency_ms: float | None) -> str:
        if not self.front:
            return (
                "an entry must keep the limits on MACs and memory, but none does; raise them, "
                "or measure the memory where it is unknown"
            )
        fastest = self.front[0]
        return (
            f"an entry must run in {max_latency_ms:g} ms at {self.limits.percentile}, but the "
            f"fastest, {fastest.config_id}, takes {self.latencies_ms[0]:.4g} ms; raise the limit"
        )


def select(entries: Iterable[Entry], limits: Limits) -> Entry:
    """The most accurate of `entries` (or of a table) that keeps `limits`.

    Of equally accurate ones the faster, then the first by `config_id`. Raises NoEntryFits.
    """
    return Selector(entries, limits).select(limits.max_latency_ms)
