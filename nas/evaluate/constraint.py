"""Constraint: a bound on one measure, such as `latency_p99_ms<=8` or `top1>=0.9`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.errors import NasError
from nas.evaluate.measures import MEASURES, require_known

FORM = re.compile(r"\s*(\w+)\s*(<=|>=)\s*(\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """An upper bound on a cost, or a lower bound on top1. Raises NasError for any other."""

    name: str
    """One of `nas.evaluate.measures.MEASURES`."""
    bound: float
    """Above zero, in the unit that the name says; that of top1 at most 1."""

    def __post_init__(self) -> None:
        """Raise NasError for an unknown measure or an impossible bound."""
        require_known([self.name], "what is bounded")
        most = 1.0 if self.name == "top1" else math.inf
        if not (0 < self.bound <= most and math.isfinite(self.bound)):
            at_most = "" if math.isinf(most) else " and at most 1"
            raise NasError(
                f"the bound of {self.name} must be above 0{at_most}, but got {self.bound:g}"
            )

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read `NAME<=BOUND`, or `top1>=BOUND`. Raises NasError for other text."""
        found = FORM.fullmatch(text)
        try:
            name, sense, bound = found.groups() if found else ("", "", "")
            constraint = cls(name, float(bound)) if found else None
        except ValueError as error:
            if isinstance(error, NasError):
                raise
            constraint = None
        if constraint is None:
            raise NasError(
                f"a constraint must read like 'latency_p99_ms<=8' or 'top1>=0.9', but got {text!r}"
            )
        if sense != constraint.sense:
            raise NasError(f"{name} must be bounded by {constraint.sense}, but got {text!r}")
        return constraint

    @property
    def sense(self) -> str:
        """<= or >=."""
        return ">=" if MEASURES[self.name].direction == "maximize" else "<="

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.name}{self.sense}{self.bound:g}"

    def excess(self, value: float | None) -> float:
        """How much a value violates the bound, as a share; at most 0 where it keeps it.

        Infinite where the value is not known.
        """
        if value is None or (self.sense == ">=" and value <= 0):
            return math.inf
        return (self.bound / value if self.sense == ">=" else value / self.bound) - 1

    def best(self, values: Sequence[float]) -> float:
        """The value that is nearest to keeping the bound, or keeps it best."""
        return min(values, key=self.excess)


def nearest(constraints: Sequence[Constraint], rows: Sequence[Mapping[str, float | None]]) -> str:
    """What can be had instead of constraints that none of `rows` keeps all at once.

    A clause for each constraint: its best value among the rows that keep all the others, such as
    "top1>=0.9 needs latency_p50_ms 12.3; latency_p50_ms<=8 allows top1 0.884". Rows are values by
    the names of the measures; there must be one at least.
    """
    clauses = []
    for each in constraints:
        others = [other for other in constraints if other != each]
        values = [
            value
            for row in rows
            if (value := row[each.name]) is not None
            and all(other.excess(row[other.name]) <= 0 for other in others)
        ]
        if values:
            given = " and ".join(map(str, others)) or "this supernet here"
            verb = "allows" if each.sense == ">=" else "needs"
            clauses.append(f"{given} {verb} {each.name} {_number(each.best(values))}")
    return "; ".join(clauses) or "no two of them are kept at once"


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
