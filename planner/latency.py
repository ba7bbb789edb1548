"""Latency: percentiles of the time of one batch, with an interval for the median."""

from dataclasses import dataclass

from planner.errors import InvalidValue
from planner.rules import COUNT, POSITIVE, Rule, check, check_order

KINDS = ("measured", "predicted")
PREFIX = "latency_"
"""What the milliseconds' names begin with in files, and so in errors."""

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
"""Fields of which none may be above the next."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of one batch, lower is better; raises InvalidValue for impossible numbers."""

    p50_ms: float
    """Median time of one batch."""
    p90_ms: float
    p99_ms: float
    p50_low_ms: float
    """Lower end of the 95 % interval of the median."""
    p50_high_ms: float
    """Upper end of it."""
    num_samples: int
    """Timed batches; 0 where the latency is predicted from no run of its own."""
    kind: str = "measured"
    """measured (timed on the target) or predicted (computed by a model of it)."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or out of order with another."""
        check(self, RULES, PREFIX)
        check(self, RULES_OF_SAMPLES)
        check_order(self, ORDERED, PREFIX)
        if self.kind == "measured" and self.num_samples == 0:
            raise InvalidValue("`num_samples` must be 1 or more where measured, but got 0")
