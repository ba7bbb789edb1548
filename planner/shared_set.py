"""The best set of entries for several targets at once, by branch and bound.

Sharing one set over targets that order their entries differently is the maximum-coverage problem
(a k-median problem), NP-hard, for which no dynamic programming is known. What a set earns is
monotone and submodular: an entry adds the less, the more is there already. So what the entries
add to a part of a set bounds what they add to any more of it, and most sets are never looked at.
The greedy set that it begins with earns at least 1 - 1/e of the best (Nemhauser, Wolsey, Fisher
1978).
"""

from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from operator import ge
from typing import NamedTuple

MAX_STEPS = 100_000
TOLERANCE = 1e-12
Row = Sequence[float]
"""What one entry earns at each budget of each target, alone."""


class _Node(NamedTuple):
    """All sets of `chosen` with any of `rest`."""

    minus_bound: float
    order: int
    chosen: tuple[str, ...]
    rest: tuple[str, ...]


def earned(rows: Mapping[str, Row], names: Collection[str]) -> float:
    """What a set earns: at each budget the most of what its entries earn."""
    return sum(_at_each_budget(rows, names))


def without_dominated(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows that no other one matches everywhere; of equal ones the first stays."""
    kept: dict[str, Row] = {}
    for name in sorted(rows, key=lambda name: -sum(rows[name])):
        if any(rows[name]) and not any(_covers(row, rows[name]) for row in kept.values()):
            kept[name] = rows[name]
    return kept


def _covers(one: Row, other: Row) -> bool:
    return all(map(ge, one, other))


def best_shared_sets(
    rows: Mapping[str, Row], num_entries: int, max_steps: int = MAX_STEPS
) -> list[tuple[list[str], float]]:
    """Sets of 1, 2, ... entries, each with what no set of as many can exceed.

    Each begins as the set before with the entry that adds most, improved by exchanges; where
    branch and bound ends, it is the best. Ends early where nothing is left to gain.
    """
    kept = without_dominated(rows)
    found: list[tuple[list[str], float]] = []
    chosen: list[str] = []
    while kept.keys() - set(chosen) and len(found) < num_entries:
        gains = _gains(kept, chosen, [name for name in kept if name not in chosen])
        name = max(gains, key=lambda key: gains[key])
        if gains[name] <= TOLERANCE:
            break
        chosen = _exchange(kept, [*chosen, name])
        chosen, bound = best_shared_set(kept, len(chosen), chosen, max_steps)
        found.append((chosen, bound))
    return found


def _gains(
    rows: Mapping[str, Row], chosen: Collection[str], names: Sequence[str]
) -> dict[str, float]:
    """What each of `names` adds to `chosen`."""
    so_far = _at_each_budget(rows, chosen)
    return {
        name: sum(a - b for a, b in zip(rows[name], so_far, strict=True) if a > b) for name in names
    }


def _at_each_budget(rows: Mapping[str, Row], names: Collection[str]) -> Row:
    if not names:
        return [0.0] * len(next(iter(rows.values())))
    return [max(column) for column in zip(*(rows[name] for name in names), strict=True)]


def _exchange(rows: Mapping[str, Row], chosen: list[str]) -> list[str]:
    """Swap one entry for another while that earns more."""
    improved = True
    while improved:
        improved = False
        for index in range(len(chosen)):
            others = chosen[:index] + chosen[index + 1 :]
            gains = _gains(rows, others, [name for name in rows if name not in others])
            name = max(gains, key=lambda key: gains[key])
            if gains[name] > gains[chosen[index]] + TOLERANCE:
                chosen, improved = [*others, name], True
    return chosen


def best_shared_set(
    rows: Mapping[str, Row], size: int, start: Sequence[str], max_steps: int = MAX_STEPS
) -> tuple[list[str], float]:
    """The set of at most `size` names that earns most, and what no such set can exceed.

    `start` is a good set to begin with. The two agree, so that the set is the best, unless
    `max_steps` ended the search. Best first: the first node's bound is that of all sets.
    """
    best, most = list(start), earned(rows, start)
    orders = count()
    nodes = [_Node(-earned(rows, rows), next(orders), (), tuple(rows))]
    num_steps = 0
    while num_steps < max_steps:
        if not nodes or -nodes[0].minus_bound <= most + TOLERANCE:
            return best, most
        node = heappop(nodes)
        num_steps += len(node.rest)
        for bound, chosen, rest, reached in _children(rows, node, size):
            if reached > most + TOLERANCE:
                best, most = list(chosen), reached
            if len(chosen) < size and rest and bound > most + TOLERANCE:
                heappush(nodes, _Node(-bound, next(orders), chosen, rest))
    return best, max(most, -nodes[0].minus_bound if nodes else most)


def _children(
    rows: Mapping[str, Row], node: _Node, size: int
) -> list[tuple[float, tuple[str, ...], tuple[str, ...], float]]:
    """(bound, chosen, rest, earned) with each of `rest` added; those before it are ruled out."""
    reached = sum(_at_each_budget(rows, node.chosen))
    gains = _gains(rows, node.chosen, node.rest)
    ranked = sorted(node.rest, key=lambda name: -gains[name])
    room = size - len(node.chosen)
    return [
        (
            reached + sum(gains[other] for other in ranked[index : index + room]),
            (*node.chosen, name),
            tuple(ranked[index + 1 :]),
            reached + gains[name],
        )
        for index, name in enumerate(ranked)
    ]
