"""Select the most accurate entry under limits: on a latency percentile, MACs and memory."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from planner.entry import Entry
from planner.errors import InvalidValue, NoEntryFits, shown
from planner.rules import is_number, is_positive

PERCENTILES = ("p50", "p90", "p99")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an entry must keep; raises InvalidValue for a limit that isn't positive."""

    max_latency_ms: float | None = None
    percentile: str = "p50"
    """Which latency `max_latency_ms` bounds: p50, p90 or p99."""
    margin: float = 0.0
    """How much of the median's 95 % interval to add: 0 the estimate, 1 its upper end."""
    max_macs: float | None = None
    max_peak_memory_bytes: float | None = None

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        if self.percentile not in PERCENTILES:
            got = shown(self.percentile)
            raise InvalidValue(f"`percentile` must be p50, p90 or p99, but got {got}")
        if not (is_number(self.margin) and self.margin >= 0):
            raise InvalidValue(f"`margin` must be 0 or more, but got {shown(self.margin)}")
        for name in ("max_latency_ms", "max_macs", "max_peak_memory_bytes"):
            value = getattr(self, name)
            if value is not None and not is_positive(value):
                raise InvalidValue(f"`{name}` must be above 0, but got {shown(value)}")


def latency_ms(entry: Entry, percentile: str = "p50", margin: float = 0.0) -> float:
    """The entry's percentile, lengthened by `margin` times its median's relative interval."""
    value: float = getattr(entry, f"latency_{percentile}_ms")
    return value * (1 + margin * (entry.latency_p50_high_ms / entry.latency_p50_ms - 1))


@dataclass(frozen=True)
class Selector:
    """Answers `select` for any latency budget in microseconds, after one pass over the entries.

    Of the entries that keep all limits but the latency, it holds those that are more accurate
    than every faster one. `limits.max_latency_ms` is not used; each call brings its own.
    """

    entries: Iterable[Entry]
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Sort what keeps the limits; an entry whose memory is unknown keeps no memory limit."""
        kept = sorted(filter(self._keeps, self.entries), key=self._fast_then_accurate)
        front: list[Entry] = []
        for entry in kept:
            if not front or entry.top1 > front[-1].top1:
                front.append(entry)
        object.__setattr__(self, "front", tuple(front))
        object.__setattr__(self, "latencies_ms", [self._latency_ms(entry) for entry in front])

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

    def _latency_ms(self, entry: Entry) -> float:
        return latency_ms(entry, self.limits.percentile, self.limits.margin)

    def _fast_then_accurate(self, entry: Entry) -> tuple[float, float, str]:
        return self._latency_ms(entry), -entry.top1, entry.config_id

    def _keeps(self, entry: Entry) -> bool:
        memory, limits = entry.peak_memory_bytes, self.limits
        if limits.max_macs is not None and entry.macs > limits.max_macs:
            return False
        if limits.max_peak_memory_bytes is None:
            return True
        return memory is not None and memory <= limits.max_peak_memory_bytes

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
