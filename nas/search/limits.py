"""What a candidate must keep to be on the front."""

from dataclasses import dataclass

from planner import Candidate


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper bounds; None: no limit."""

    max_latency_ms: float | None = None
    """Of the median time of one batch."""
    max_macs: float | None = None
    """Multiply-adds of one image."""

    def excess(self, candidate: Candidate) -> list[float]:
        """How far above each limit, relative to it; at most 0 where it is kept."""
        pairs = [
            (candidate.latency_p50_ms, self.max_latency_ms),
            (candidate.macs, self.max_macs),
        ]
        return [value / limit - 1 for value, limit in pairs if limit is not None]

    def allow(self, candidate: Candidate) -> bool:
        """Whether all limits are kept."""
        return all(excess <= 0 for excess in self.excess(candidate))
