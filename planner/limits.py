"""Limits: upper bounds on a candidate's latency, multiply-adds and memory."""

import math
from dataclasses import dataclass

from planner.candidate import Candidate
from planner.errors import InvalidValue, shown
from planner.rules import is_number, is_positive

PERCENTILES = ("p50", "p90", "p99")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper bounds, None for no bound; raises InvalidValue for a bound that isn't positive."""

    max_latency_ms: float | None = None
    percentile: str = "p50"
    """The latency percentile that `max_latency_ms` bounds: p50, p90 or p99."""
    margin: float = 0.0
    """0 uses the estimate, 1 the upper end of the median's 95 % confidence interval."""
    max_macs: float | None = None
    """Multiply-adds per image."""
    max_peak_memory_bytes: float | None = None
    """Excludes candidates whose memory is unknown."""

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

    def latency_ms(self, candidate: Candidate) -> float:
        """The percentile, increased by `margin` times the median's relative upper error."""
        latency = candidate.latency
        value: float = getattr(latency, f"{self.percentile}_ms")
        return value * (1 + self.margin * (latency.p50_high_ms / latency.p50_ms - 1))

    def excess(self, candidate: Candidate) -> list[float]:
        """The relative excess of a candidate over each bound; at most 0 where the bound is met."""
        found = []
        if self.max_latency_ms is not None:
            found.append(self.latency_ms(candidate) / self.max_latency_ms - 1)
        if self.max_macs is not None:
            found.append(candidate.macs / self.max_macs - 1)
        if self.max_peak_memory_bytes is not None:
            memory = candidate.peak_memory_bytes
            found.append(math.inf if memory is None else memory / self.max_peak_memory_bytes - 1)
        return found

    def allow(self, candidate: Candidate) -> bool:
        """Whether the candidate meets all bounds."""
        return all(excess <= 0 for excess in self.excess(candidate))
