"""Accuracy: top-1 with its confidence interval."""

from dataclasses import dataclass

from planner.rules import FRACTION, check, check_order

RULES = {"top1": FRACTION, "top1_low": FRACTION, "top1_high": FRACTION}
ORDERED = (("top1_low", "top1", "top1_high"),)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Fractions 0..1, higher is better; raises InvalidValue for impossible numbers."""

    top1: float
    """Fraction of images whose most probable class is correct."""
    top1_low: float
    """Lower end of the 95 % confidence interval of `top1`."""
    top1_high: float
    """Upper end of that interval."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or out of order with another."""
        check(self, RULES)
        check_order(self, ORDERED)
