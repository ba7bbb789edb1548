"""Select the most accurate entry under limits on latency, multiply-adds and memory."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from planner.entry import Entry
from planner.errors import NoEntryFits
from planner.limits import Limits
from planner.pareto import front_indices


@dataclass(frozen=True)
class Selector:
    """Indexes entries once, so that each `select` takes microseconds.

    It keeps the Pareto front (top1, latency) of the entries that meet the limits on multiply-adds
    and memory. `limits.max_latency_ms` is ignored; each call passes its own budget.
    """

    entries: Iterable[Entry]
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Compute the Pareto front of the entries that meet the limits."""
        but_latency = replace(self.limits, max_latency_ms=None)
        kept = [*filter(but_latency.allow, self.entries)]
        points = [(entry.accuracy.top1, self.limits.latency_ms(entry)) for entry in kept]
        indices = front_indices(points, [entry.config_id for entry in kept])
        object.__setattr__(self, "front", tuple(kept[index] for index in indices))
        object.__setattr__(self, "latencies_ms", [points[index][1] for index in indices])

    front: tuple[Entry, ...] = field(init=False, repr=False)
    """From fast to accurate."""
    latencies_ms: list[float] = field(init=False, repr=False)
    """The limited percentile of each entry of `front`, margin included; ascending."""

    def select(self, max_latency_ms: float | None = None) -> Entry:
        """Return the most accurate entry within the budget, if any; raise NoEntryFits for none."""
        entry = self.find(max_latency_ms)
        if entry is None:
            raise NoEntryFits(self._why_none(max_latency_ms))
        return entry

    def find(self, max_latency_ms: float | None = None) -> Entry | None:
        """Like `select`, but return None where no entry fits."""
        if max_latency_ms is None:
            index = len(self.front)
        else:
            index = bisect_right(self.latencies_ms, max_latency_ms)
        return self.front[index - 1] if index else None

    def _why_none(self, max_latency_ms: float | None) -> str:
        if not self.front:
            return (
                "an entry must meet the limits on MACs and memory, but none does; raise the "
                "limits, or measure peak memory where it is unknown"
            )
        fastest = self.front[0]
        return (
            f"an entry must run in {max_latency_ms:g} ms at {self.limits.percentile}, but the "
            f"fastest, {fastest.config_id}, takes {self.latencies_ms[0]:.4g} ms; raise the limit"
        )


def select(entries: Iterable[Entry], limits: Limits) -> Entry:
    """Return the most accurate of `entries` (or of a table) within `limits`; raises NoEntryFits.

    Ties in top1 go to the faster entry, then to the first by `config_id`.
    """
    return Selector(entries, limits).select(limits.max_latency_ms)
