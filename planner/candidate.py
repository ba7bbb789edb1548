"""Candidate: the numbers of one subnet on one target."""

from dataclasses import dataclass

from planner.errors import InvalidValue, shown
from planner.rules import (
    COUNT,
    FRACTION,
    NAME,
    POSITIVE,
    POSITIVE_COUNT,
    Rule,
    check,
    is_count,
    is_fraction,
)

ORIGINS = ("grid", "search", "baseline")
KINDS = ("measured", "predicted")


def _are_widths(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and 0 < len(value) <= 1000
        and all(map(is_fraction, value))
        and min(value) > 0
    )


RULES = {
    "config_id": NAME,
    "origin": Rule(lambda value: value in ORIGINS, "grid, search or baseline"),
    "width_mults": Rule(_are_widths, "a tuple of numbers above 0 and at most 1"),
    "resolution": POSITIVE_COUNT,
    "top1": FRACTION,
    "top1_low": FRACTION,
    "top1_high": FRACTION,
    "macs": COUNT,
    "num_params": COUNT,
    "latency_p50_ms": POSITIVE,
    "latency_p90_ms": POSITIVE,
    "latency_p99_ms": POSITIVE,
    "latency_p50_low_ms": POSITIVE,
    "latency_p50_high_ms": POSITIVE,
    "num_samples": COUNT,
    "kind": Rule(lambda value: value in KINDS, "measured or predicted"),
    "peak_memory_bytes": Rule(
        lambda value: value is None or is_count(value), "a whole number, 0 or more, or None"
    ),
}

ORDERED = (
    ("top1_low", "top1", "top1_high"),
    ("latency_p50_low_ms", "latency_p50_ms", "latency_p50_high_ms"),
    ("latency_p50_ms", "latency_p90_ms", "latency_p99_ms"),
)
"""Fields of which none may be above the next."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One subnet's accuracy and cost on one target; raises InvalidValue for impossible numbers."""

    config_id: str
    """`w0.25_0.5_1-r24`; also the artifact's file name."""
    origin: str
    """grid (one width for all layers), search (Optuna) or baseline (trained on its own)."""
    width_mults: tuple[float, ...]
    """One per channel group, or one for all; each in (0, 1]."""
    resolution: int
    """Input side, pixels."""
    top1: float
    """Fraction of images whose most probable class is right, 0..1."""
    top1_low: float
    """Lower end of the 95 % interval of `top1`."""
    top1_high: float
    """Upper end of it."""
    macs: int
    """Multiply-adds of convolutions, matrix products and attention, batch 1."""
    num_params: int
    """Learned numbers of the extracted network."""
    latency_p50_ms: float
    """Median time of one batch."""
    latency_p90_ms: float
    latency_p99_ms: float
    latency_p50_low_ms: float
    """Lower end of the 95 % interval of the median."""
    latency_p50_high_ms: float
    """Upper end of it."""
    num_samples: int
    """Timed batches; 0 where the latency is predicted from no run of its own."""
    kind: str
    """measured (timed on the target) or predicted (computed by a model of it)."""
    peak_memory_bytes: int | None = None
    """Most memory used while running, where it was measured."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or out of order with another."""
        check(self, RULES)
        for names in ORDERED:
            self._ordered(*names)
        if self.kind == "measured" and self.num_samples == 0:
            raise InvalidValue("`num_samples` must be 1 or more where measured, but got 0")

    def _ordered(self, low: str, middle: str, high: str) -> None:
        if not getattr(self, low) <= getattr(self, middle) <= getattr(self, high):
            got = ", ".join(f"{name}={shown(getattr(self, name))}" for name in (low, middle, high))
            raise InvalidValue(f"`{low} <= {middle} <= {high}` must hold, but got {got}")
