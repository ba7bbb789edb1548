"""Choice: which candidates become entries of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nas.errors import LimitError
from nas.evaluate.constraint import Constraint, nearest
from nas.evaluate.evaluation import CLEARLY_FASTER
from nas.evaluate.measures import MEASURES
from planner import Candidate

DEFAULT_OBJECTIVES = ("top1", "latency_p50_ms")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The Pareto front of the objectives, among the candidates that keep the constraints.

    Values by name and config_id may replace those of a candidate, as with a top1 that is believed.
    """

    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    """Names of MEASURES; top1 and at least one cost."""
    constraints: tuple[Constraint, ...] = ()
    known: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By the name of a measure and a config_id."""

    def value(self, candidate: Candidate, name: str) -> float | None:
        """A candidate's measure; None where it was not measured."""
        known = self.known.get(name, {})
        if name == "energy_mj" or candidate.config_id in known:
            return known.get(candidate.config_id)
        found: float | None = candidate.value(name)
        return found

    def near(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates that may become entries once all are timed together, fastest first.

        Excluded are those that violate a constraint, and those that another one dominates which
        keeps all; what is timed must differ clearly (CLEARLY_FASTER).

        Raises LimitError if none is left.
        """
        allowed = [each for each in candidates if self._violates(each) is None]
        nearly = [each for each in candidates if self._violates(each, CLEARLY_FASTER) is None]
        if not nearly:
            raise self._nothing(candidates)
        return [
            candidate
            for candidate in sorted(nearly, key=lambda each: each.latency.p50_ms)
            if not any(self._clearly_dominates(other, candidate) for other in allowed)
        ]

    def front(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The entries, from fast to accurate. Of those equal in all, the first by config_id.

        Raises LimitError if none keeps the constraints.
        """
        allowed = [each for each in candidates if self._violates(each) is None]
        if not allowed:
            raise self._nothing(candidates)
        found: dict[tuple[float, ...], Candidate] = {}
        for each in sorted(allowed, key=lambda each: each.config_id):
            found.setdefault(self._losses(each), each)
        front = [
            each
            for losses, each in found.items()
            if not any(_dominates(other, losses) for other in found)
        ]
        return sorted(front, key=lambda each: (each.latency.p50_ms, self.value(each, "top1")))

    def _violates(self, candidate: Candidate, tolerance: float = 0.0) -> Constraint | None:
        """The first constraint that is violated, by more than `tolerance` if it is not exact."""
        for each in self.constraints:
            limit = 0.0 if MEASURES[each.name].is_exact else tolerance
            if each.excess(self.value(candidate, each.name)) > limit:
                return each
        return None

    def _nothing(self, candidates: Sequence[Candidate]) -> LimitError:
        rows = [
            {each.name: self.value(candidate, each.name) for each in self.constraints}
            for candidate in candidates
        ]
        return LimitError(
            f"at least one candidate must keep {' and '.join(map(str, self.constraints))}, but "
            f"none of {len(candidates)} does: {nearest(self.constraints, rows)}; loosen one"
        )

    def _losses(self, candidate: Candidate) -> tuple[float, ...]:
        """The objectives' values, lower is better; unknown ones are infinite."""
        values = ((name, self.value(candidate, name)) for name in self.objectives)
        return tuple(
            math.inf if value is None else -value if name == "top1" else value
            for name, value in values
        )

    def _clearly_dominates(self, one: Candidate, other: Candidate) -> bool:
        """Whether one would still dominate the other if what is timed were timed again."""
        for name, ours, theirs in zip(
            self.objectives, self._losses(one), self._losses(other), strict=True
        ):
            is_noisy = not MEASURES[name].is_exact
            if ours > theirs or (is_noisy and ours * (1 + CLEARLY_FASTER) >= theirs):
                return False
        return one is not other


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
