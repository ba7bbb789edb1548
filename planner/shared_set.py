"""The best set of entries for several targets at once, by branch and bound.

Choosing one set for targets that order the entries differently is a maximum-coverage (k-median)
problem: NP-hard, with no known dynamic program. The expected top1 of a set is monotone and
submodular: the gain of an entry shrinks as the set grows. Gains over a partial set therefore
bound the gains over all its supersets, which prunes most of the search. The greedy set that the
search starts from reaches at least 1 - 1/e of the optimum (Nemhauser, Wolsey, Fisher 1978).
"""

from collections.abc import Collection, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from operator import ge
from typing import NamedTuple

MAX_STEPS = 100_000
TOLERANCE = 1e-12
Row = Sequence[float]
"""The contribution of each budget of each target to the expected top1 of one entry alone."""


class _Node(NamedTuple):
    """All sets that extend `chosen` with names from `rest`."""

    minus_bound: float
    order: int
    chosen: tuple[str, ...]
    rest: tuple[str, ...]


def expected_top1(rows: Mapping[str, Row], names: Collection[str]) -> float:
    """The expected top1 of a set: the sum over budgets of the maximum over its entries."""
    return sum(_at_each_budget(rows, names))


def without_dominated(rows: Mapping[str, Row]) -> dict[str, Row]:
    """Drop each row that another row equals or exceeds everywhere; of equal rows keep one."""
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
    """Return sets of 1, 2, ... entries, each with an upper bound for any set of its size.

    Each search starts from the previous set plus the entry with the highest gain, improved by
    exchanges. The set is optimal if branch and bound completes. Stops when no entry adds a gain.
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
    """The gain in expected top1 from adding each of `names` to `chosen`."""
    so_far = _at_each_budget(rows, chosen)
    return {
        name: sum(a - b for a, b in zip(rows[name], so_far, strict=True) if a > b) for name in names
    }


def _at_each_budget(rows: Mapping[str, Row], names: Collection[str]) -> Row:
    if not names:
        return [0.0] * len(next(iter(rows.values())))
    return [max(column) for column in zip(*(rows[name] for name in names), strict=True)]


def _exchange(rows: Mapping[str, Row], chosen: list[str]) -> list[str]:
    """Exchange single entries while that raises the expected top1."""
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
    """Return the best set of at most `size` names, and an upper bound for all such sets.

    `start` is a good initial set. The bound equals the set's expected top1, which proves it
    optimal, unless `max_steps` ended the search. The search is best first: the bound of the
    first node holds for all open nodes.
    """
    best, most = list(start), expected_top1(rows, start)
    orders = count()
    nodes = [_Node(-expected_top1(rows, rows), next(orders), (), tuple(rows))]
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
    """Add each of `rest` in turn, excluding those before it: (bound, chosen, rest, top1)."""
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
