"""The Pareto front of candidates and the hypervolume it dominates."""

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
    """Return the candidates that no other candidate dominates in two objectives; O(n log n).

    A candidate dominates another when it is at least as good in both objectives and better in
    one. The front is sorted from best to worst in the second objective, by default from fast to
    accurate. Of candidates equal in both, the first by `config_id` is kept. Raises InvalidValue
    for NaN, a missing value or a number of objectives other than two.
    """
    if len(objectives) != 2 or any(goal not in ("max", "min") for _, goal in objectives):
        raise InvalidValue(
            f'two objectives like ("top1", "max") must be given, but got {shown(tuple(objectives))}'
        )
    (first, first_goal), (second, second_goal) = objectives
    pool = list(candidates)
    points = [
        (-_loss(candidate, first, first_goal), _loss(candidate, second, second_goal))
        for candidate in pool
    ]
    names = [candidate.config_id for candidate in pool]
    return [pool[index] for index in front_indices(points, names)]


def front_indices(points: Sequence[tuple[float, float]], names: Sequence[str] = ()) -> list[int]:
    """Return the indices of the non-dominated points, from the lowest cost up; O(n log n).

    Points are (gain, cost), as in `hypervolume`. Of equal points the first by `names` is kept, or
    the first in the sequence where there are no names.
    """
    ties: Sequence[str] | range = names or range(len(points))
    front: list[int] = []
    reached = -math.inf
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], ties[i])):
        if points[index][0] > reached:
            front.append(index)
            reached = points[index][0]
    return front


def _loss(candidate: Candidate, name: str, goal: str) -> float:
    """The objective's value, negated if it is maximised, so that lower is better."""
    value = candidate.value(name)
    if not isinstance(value, int | float) or math.isnan(value):
        raise InvalidValue(
            f"`{name}` of {candidate.config_id} must be a number, but got {shown(value)}"
        )
    return -value if goal == "max" else value


def hypervolume(points: Iterable[tuple[float, float]], reference: tuple[float, float]) -> float:
    """Return the area that `points` dominate, bounded by `reference`; 0.0 for no points.

    Points and reference are (gain, cost), for example (top1, latency_p50_ms): gain is
    maximised, cost minimised. A point that isn't better than the reference in both adds nothing.
    """
    worst_gain, worst_cost = reference
    area, reached = 0.0, worst_gain
    for gain, cost in sorted(points, key=lambda point: (point[1], -point[0])):
        if cost < worst_cost and gain > reached:
            area += (gain - reached) * (worst_cost - cost)
            reached = gain
    return area
