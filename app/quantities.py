"""The quantities that the pages show, with their columns, units and digits."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd


@dataclass(frozen=True)
class Quantity:
    """One value of a candidate, and how to display it."""

    column: str
    label: str
    """Axis title, including the unit."""
    unit: str
    factor: float
    """Converts stored values to `unit`."""
    goal: Literal["max", "min"]
    digits: int = 3
    """Significant digits to display."""

    def shown(self, value: float | None) -> str:
        """Format `0.8745` as `87.45 %`, and a missing value as `unknown`."""
        if value is None or pd.isna(value):
            return "unknown"
        return f"{self.number(value)} {self.unit}"

    def number(self, value: float) -> str:
        """Format the value in `unit`, without the unit."""
        scaled = value * self.factor
        if self.column.startswith("top1"):
            return f"{scaled:.2f}"
        decimals = max(0, self.digits - len(str(int(abs(scaled)))))
        return f"{scaled:,.{decimals}f}" if abs(scaled) >= 1 else _small(scaled, self.digits)


def _small(value: float, digits: int) -> str:
    """Format a value below 1 with trailing zeros, as `0.0440`; tiny ones as `1.00e-07`."""
    return f"{value:#.{digits}g}" if value else "0"


TOP1 = Quantity("top1", "Top-1 accuracy, %", "%", 100.0, "max")
SELECTED = Quantity(
    "top1_selection", "Top-1 on selection images (all candidates), %", "%", 100.0, "max"
)
"""What all candidates of a run have; only the table's entries were scored on report images too."""
P50 = Quantity("latency_p50_ms", "Latency p50 (median), ms", "ms", 1.0, "min")
P90 = Quantity("latency_p90_ms", "Latency p90, ms", "ms", 1.0, "min")
P99 = Quantity("latency_p99_ms", "Latency p99, ms", "ms", 1.0, "min")
MACS = Quantity("macs", "Multiply-adds, millions", "MMACs", 1e-6, "min")
PARAMS = Quantity("num_params", "Parameters, thousands", "k", 1e-3, "min")
MEMORY = Quantity("peak_memory_bytes", "Peak memory, MB", "MB", 1e-6, "min")

PLUS_MINUS = "\u00b1"
QUANTITIES = {
    "top1": TOP1,
    "selection": SELECTED,
    "p50": P50,
    "p90": P90,
    "p99": P99,
    "macs": MACS,
    "params": PARAMS,
    "memory": MEMORY,
}
LATENCIES = {"p50": P50, "p90": P90, "p99": P99}


def points(fraction: float, *, sign: bool = False) -> str:
    """Format a difference in top1 as percentage points: `0.0123` as `1.23 points`."""
    return f"{fraction * 100:{'+' if sign else ''}.2f} points"


def interval(quantity: Quantity, low: float, high: float) -> str:
    """Format an interval in the quantity's unit, as `(85.87 to 88.93)`."""
    return f"({quantity.number(low)} to {quantity.number(high)})"
