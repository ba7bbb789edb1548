"""Latency: percentiles of the time per batch, with a confidence interval of the median."""

from dataclasses import dataclass, replace

from planner.errors import InvalidValue
from planner.rules import COUNT, POSITIVE, Rule, check, check_order

KINDS = ("measured", "predicted")
PREFIX = "latency_"
"""Prefix of the names of the times in files and in error messages."""

RULES = {
    "p50_ms": POSITIVE,
    "p90_ms": POSITIVE,
    "p99_ms": POSITIVE,
    "p50_low_ms": POSITIVE,
    "p50_high_ms": POSITIVE,
}
RULES_OF_SAMPLES = {
    "num_samples": COUNT,
    "kind": Rule(lambda value: value in KINDS, "measured or predicted"),
}
ORDERED = (("p50_low_ms", "p50_ms", "p50_high_ms"), ("p50_ms", "p90_ms", "p99_ms"))
"""Groups of fields that must not decrease from one to the next."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds per batch, lower is better; raises InvalidValue for impossible numbers."""

    p50_ms: float
    """Median time per batch."""
    p90_ms: float
    p99_ms: float
    p50_low_ms: float
    """Lower end of the 95 % confidence interval of the median."""
    p50_high_ms: float
    """Upper end of that interval."""
    num_samples: int
    """Number of timed batches; 0 for a latency predicted without timing this subnet."""
    kind: str = "measured"
    """measured (timed on the target) or predicted (by a latency model of the target)."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or out of order with another."""
        check(self, RULES, PREFIX)
        check(self, RULES_OF_SAMPLES)
        check_order(self, ORDERED, PREFIX)
        if self.kind == "measured" and self.num_samples == 0:
            raise InvalidValue("`num_samples` must be 1 or more for a measured latency, but got 0")

    def times(self, factor: float) -> "Latency":
        """The same with every time multiplied."""
        found = {name: getattr(self, name) * factor for name in RULES}
        return replace(self, **found)
