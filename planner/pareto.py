"""The Pareto front of candidates, and the hypervolume under it."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from planner.candidate import Candidate
from planner.errors import InvalidValue, shown

Objective = tuple[str, Literal["max", "min"]]
AnyCandidate = TypeVar("AnyCandidate", bound=Candidate)

ACCURATE_AND_FAST: tuple[Objective, Objective] = (("top1", "max"), ("latency_p50_ms", "min"))


def pareto_front(
    candidates: Iterable[AnyCandidate],
    objectives: Sequence[Objective] = ACCURATE_AND_FAST,
) -> list[AnyCandidate]:
    """Those that no other matches in both objectives and beats in one, in O(n log n).

    Sorted from best to worst in the second objective: from fast to accurate by default. Of
    several that are equal in both, the first by `config_id` stays. Raises InvalidValue for
    NaN, a missing value or other than two objectives.
    """
    if len(objectives) != 2 or any(goal not in ("max", "min") for _, goal in objectives):
        raise InvalidValue(
            f'two objectives like ("top1", "max") must be given, but got {shown(tuple(objectives))}'
        )
    (first, first_goal), (second, second_goal) = objectives

    ordered = sorted(candidates, key=lambda candidate: candidate.config_id)
    points = [
        (-_loss(candidate, first, first_goal), _loss(candidate, second, second_goal))
        for candidate in ordered
    ]
    return [ordered[index] for index in front_indices(points)]


def front_indices(points: Sequence[tuple[float, float]]) -> list[int]:
    """The points that no other matches in both and beats in one, from the cheapest on.

    Points are (gain, cost), as in `hypervolume`; of equal ones the first stays. O(n log n).
    """
    front: list[int] = []
    reached = -math.inf
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0])):
        if points[index][0] > reached:
            front.append(index)
            reached = points[index][0]
    return front


def _loss(candidate: Candidate, name: str, goal: str) -> float:
    """The objective with its sign turned so that less is better."""
    value = candidate.value(name)
    if not isinstance(value, int | float) or math.isnan(value):
        raise InvalidValue(
            f"`{name}` of {candidate.config_id} must be a number, but got {shown(value)}"
        )
    return -value if goal == "max" else value


def hypervolume(points: Iterable[tuple[float, float]], reference: tuple[float, float]) -> float:
    """The area that `points` dominate, up to `reference`; 0.0 for no points.

    Points and reference are (gain, cost): more of the first and less of the second is better,
    as (top1, latency_p50_ms). A point that doesn't beat the reference in both adds nothing.
    """
    worst_gain, worst_cost = reference
    area, reached = 0.0, worst_gain
    for gain, cost in sorted(points, key=lambda point: (point[1], -point[0])):
        if cost < worst_cost and gain > reached:
            area += (gain - reached) * (worst_cost - cost)
            reached = gain
    return area
