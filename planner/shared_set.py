"""The best set of entries for several targets at once, by Lagrangian branch and bound.

Choosing one set for targets that order the entries differently is a p-median problem: NP-hard,
with no known dynamic program. Let mu(b) be a price of each budget b. A budget pays its price and
keeps, of every chosen entry, only what exceeds it. Whatever the prices,

    sum of w(b) mu(b) + the sum of the `size` largest profits,
    profit of an entry = sum of w(b) max(0, top1 - mu(b)) over the budgets that allow it,

is at least the expected top1 of every set of `size` entries. Subgradient steps lower this bound
(Cornuejols, Fisher, Nemhauser 1977), which usually comes within a few thousandths of the best set;
profits far from the `size`-th largest then force or bar entries, and the rest is branched on.

An entry's top1 is the same under every budget that allows it. Prices can therefore ascend with the
budget: averaging two prices that don't raises no profit. With ascending prices a profit takes two
prefix sums and one bisection, whatever the number of budgets.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate, count
from operator import ge, gt, mul
from typing import NamedTuple

from planner.fleet import Demand

TOLERANCE = 1e-12
FEWEST_STEPS, MOST_STEPS = 120, 300
FREE_WORK = 30_000
"""What a size may take in all however small the problem, in entries and budgets looked at."""
FIRST_STEPS, NODE_STEPS = 100, 8
"""Subgradient steps at the root and at any other node, of those that a size may take in all."""
MEMORY = 0.7
"""The part of a step that the next one repeats."""
PATIENCE = 10
"""Steps without a lower bound after which the step size is halved."""
Progress = Callable[[int, int], None]
"""Called with the number of sets found so far and the number wanted."""
Prices = list[list[float]]
"""By target and budget, ascending within a target."""


class _Node(NamedTuple):
    """All sets that have `forced` and none of `barred`."""

    minus_bound: float
    order: int
    forced: frozenset[int]
    barred: frozenset[int]
    prices: Prices


@dataclass(frozen=True)
class _Relaxed:
    """The lowest bound found for a node."""

    bound: float
    prices: Prices
    profits: list[float]


class Targets:
    """The entries as numbers: the first budget that allows each on each target, and its top1."""

    def __init__(self, demands: Sequence[Demand], names: Sequence[str]) -> None:
        """Keep those of `names` that no other one dominates on every target."""
        places = {
            name: tuple(
                (d.first_budget[name], d.top1[name])
                if d.first_budget[name] < len(d.budgets)
                else (len(d.budgets), 0.0)
                for d in demands
            )
            for name in names
        }
        self.names = without_dominated(places)
        self.places = [
            [places[name][index] for name in self.names] for index in range(len(demands))
        ]
        """By target and entry: (first budget, top1)."""
        self.weights = [[weight for _, weight in demand.budgets] for demand in demands]
        self.upto = [[0.0, *accumulate(weights)] for weights in self.weights]
        """By target: the weight of the budgets before each."""

    def expected_top1(self, chosen: Iterable[int]) -> float:
        """The expected top1 of a set: the sum over budgets of the maximum over its entries."""
        chosen = list(chosen)
        total = 0.0
        for places, upto in zip(self.places, self.upto, strict=True):
            last = 0.0
            for first, top1 in sorted([places[index] for index in chosen]):
                if top1 > last:
                    total += (top1 - last) * (upto[-1] - upto[first])
                    last = top1
        return total

    def best_top1(self, chosen: Iterable[int]) -> Prices:
        """The highest top1 of a set under each budget: prices that leave what an entry adds."""
        found = []
        chosen = list(chosen)
        for places, weights in zip(self.places, self.weights, strict=True):
            steps = [0.0] * (len(weights) + 1)
            for index in chosen:
                first, top1 = places[index]
                steps[first] = max(steps[first], top1)
            found.append(list(accumulate(steps[:-1], max)))
        return found

    def profits(self, prices: Prices) -> tuple[list[float], float]:
        """What each entry exceeds the prices by, and the sum that the budgets pay."""
        columns, paid = [], 0.0
        for price, places, weights, upto in zip(
            prices, self.places, self.weights, self.upto, strict=True
        ):
            spent = [0.0, *accumulate(map(mul, weights, price))]
            paid += spent[-1]
            columns.append(
                [
                    top1 * (upto[(end := bisect_left(price, top1, first))] - upto[first])
                    - spent[end]
                    + spent[first]
                    for first, top1 in places
                ]
            )
        return [sum(column) for column in zip(*columns, strict=True)], paid

    def num_served(self, chosen: Sequence[int], prices: Prices) -> list[list[int]]:
        """By target and budget: how many of the chosen entries exceed the price."""
        found = []
        for price, places in zip(prices, self.places, strict=True):
            changes = [0] * (len(price) + 1)
            for index in chosen:
                first, top1 = places[index]
                changes[first] += 1
                changes[bisect_left(price, top1, first)] -= 1
            found.append(list(accumulate(changes[:-1])))
        return found


def without_dominated(places: Mapping[str, tuple[tuple[int, float], ...]]) -> list[str]:
    """Drop each entry that another equals or exceeds on every target; of equals keep one."""
    kept: list[str] = []
    rows: list[tuple[float, ...]] = []
    flat = {
        name: tuple(number for first, top1 in each for number in (-first, top1))
        for name, each in places.items()
    }
    useful = [name for name, each in places.items() if any(top1 for _, top1 in each)]
    for name in sorted(useful, key=lambda name: (-sum(flat[name]), name)):
        row = flat[name]
        if not any(all(map(ge, other, row)) for other in rows):
            kept.append(name)
            rows.append(row)
    return kept


def best_shared_sets(
    demands: Sequence[Demand],
    names: Sequence[str],
    num_entries: int,
    *,
    max_steps: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[list[str], float]]:
    """Return sets of 1, 2, ... entries, each with an upper bound for any set of its size.

    Each search starts from the previous set plus the entry that adds most, improved by exchanges.
    The set is optimal if its expected top1 reaches the bound; after `max_steps` subgradient steps
    (by default 120 to 300) the search for a size ends without that proof. Stops when no entry adds
    anything.
    """
    targets = Targets(demands, names)
    num = len(targets.names)
    if max_steps is None:
        work = num * len(demands) + sum(map(len, targets.weights))  # of one step, roughly
        max_steps = min(MOST_STEPS, max(FEWEST_STEPS, work // 5, FREE_WORK // max(1, work)))
    found: list[tuple[list[str], float]] = []
    chosen: list[int] = []
    prices = targets.best_top1([])
    while len(chosen) < num and len(found) < num_entries:
        gains, _ = targets.profits(targets.best_top1(chosen))
        best = max(range(num), key=gains.__getitem__)
        if gains[best] <= TOLERANCE:
            break
        chosen = exchanged(targets, [*chosen, best])
        if not found:
            prices = targets.best_top1(chosen)
        chosen, bound, prices = _Search(targets, len(chosen), chosen).run(prices, max_steps)
        found.append(([targets.names[index] for index in chosen], bound))
        if progress is not None:
            progress(len(found), num_entries)
    return found


def exchanged(targets: Targets, chosen: list[int]) -> list[int]:
    """Exchange single entries while that raises the expected top1."""
    improved = True
    while improved:
        improved = False
        for old in list(chosen):
            others = [index for index in chosen if index != old]
            gains, _ = targets.profits(targets.best_top1(others))
            new = max(range(len(gains)), key=gains.__getitem__)
            if gains[new] > gains[old] + TOLERANCE:
                chosen, improved = [*others, new], True
    return chosen


class _Search:
    """Branch and bound for one size."""

    def __init__(self, targets: Targets, size: int, start: list[int]) -> None:
        self.targets, self.size = targets, size
        self.best, self.most = list(start), targets.expected_top1(start)
        self.num_steps = 0

    def run(self, prices: Prices, max_steps: int) -> tuple[list[int], float, Prices]:
        """The best set found, an upper bound for all of its size, and the root's prices."""
        orders = count()
        root = self._relaxed(frozenset(), frozenset(), prices, min(FIRST_STEPS, max_steps))
        nodes: list[_Node] = []
        self._push(nodes, orders, root, frozenset(), frozenset())
        while nodes and self.num_steps < max_steps:
            node = heappop(nodes)
            if -node.minus_bound <= self.most + TOLERANCE:
                return self.best, self.most, root.prices
            self._branch(nodes, orders, node)
        bound = -nodes[0].minus_bound if nodes else self.most
        return self.best, max(self.most, bound), root.prices

    def _branch(self, nodes: list[_Node], orders: "count[int]", node: _Node) -> None:
        """Force the entry that the bound is least sure of, and bar it."""
        profits, _ = self.targets.profits(node.prices)
        inside, outside = self._split(profits, node.forced, node.barred)
        free = [index for index in inside if index not in node.forced]
        limit = profits[outside[0]] if outside else 0.0
        doubtful = min(free, key=lambda index: profits[index] - limit)
        for forced, barred in (
            (node.forced | {doubtful}, node.barred),
            (node.forced, node.barred | {doubtful}),
        ):
            relaxed = self._relaxed(forced, barred, node.prices, NODE_STEPS)
            self._push(nodes, orders, relaxed, forced, barred)

    def _push(
        self,
        nodes: list[_Node],
        orders: "count[int]",
        relaxed: _Relaxed,
        forced: frozenset[int],
        barred: frozenset[int],
    ) -> None:
        """Force and bar what the bound decides, and keep the node unless that decides all."""
        if relaxed.bound <= self.most + TOLERANCE:
            return
        profits = relaxed.profits
        inside, outside = self._split(profits, forced, barred)
        free = [index for index in inside if index not in forced]
        if free and outside:
            last, next_one = profits[free[-1]], profits[outside[0]]
            enough = self.most + TOLERANCE - relaxed.bound
            barred = barred | {i for i in outside if profits[i] - last <= enough}
            forced = forced | {i for i in free if next_one - profits[i] <= enough}
            inside, outside = self._split(profits, forced, barred)
            free = [index for index in inside if index not in forced]
        if not free or not outside:
            self._try(inside)
            return
        heappush(nodes, _Node(-relaxed.bound, next(orders), forced, barred, relaxed.prices))

    def _split(
        self, profits: list[float], forced: frozenset[int], barred: frozenset[int]
    ) -> tuple[list[int], list[int]]:
        """The entries that the bound counts, and the others that it may; by descending profit."""
        free = sorted(
            (i for i in range(len(profits)) if i not in forced and i not in barred),
            key=profits.__getitem__,
            reverse=True,
        )
        room = self.size - len(forced)
        return [*forced, *free[:room]], free[room:]

    def _try(self, chosen: list[int]) -> None:
        reached = self.targets.expected_top1(chosen)
        if reached > self.most + TOLERANCE:
            self.best = exchanged(self.targets, list(chosen))
            self.most = self.targets.expected_top1(self.best)

    def _relaxed(
        self, forced: frozenset[int], barred: frozenset[int], prices: Prices, num_steps: int
    ) -> _Relaxed:
        """Lower the bound of a node by subgradient steps from these prices."""
        lowest: _Relaxed | None = None
        scale, since = 1.0, 0
        course = [[0.0] * len(price) for price in prices]
        for _ in range(num_steps):
            self.num_steps += 1
            profits, paid = self.targets.profits(prices)
            inside, _ = self._split(profits, forced, barred)
            bound = paid + sum(profits[index] for index in inside)
            self._try(inside)
            if lowest is None or bound < lowest.bound - TOLERANCE:
                lowest, since = _Relaxed(bound, prices, profits), 0
            else:
                since += 1
            if bound <= self.most + TOLERANCE:
                break
            if since == PATIENCE:
                scale, since, prices = scale / 2, 0, lowest.prices
                course = [[0.0] * len(price) for price in prices]
                continue
            course = self._course(inside, prices, course)
            prices = self._step(prices, course, scale * (bound - self.most))
        assert lowest is not None
        return lowest

    def _course(self, inside: list[int], prices: Prices, course: Prices) -> Prices:
        """The subgradient's descent, and part of the steps before, which damps its zigzag."""
        return [
            [num - 1 + MEMORY * before for num, before in zip(nums, befores, strict=True)]
            for nums, befores in zip(self.targets.num_served(inside, prices), course, strict=True)
        ]

    def _step(self, prices: Prices, course: Prices, distance: float) -> Prices:
        """Move the prices along `course`, by Polyak's step for `distance`."""
        length = sum(
            sum(w * move * move for w, move in zip(weights, moves, strict=True))
            for weights, moves in zip(self.targets.weights, course, strict=True)
        )
        if length <= 0.0:
            return prices
        step = distance / length
        return [
            ascending([p + step * move for p, move in zip(price, moves, strict=True)], weights)
            for price, moves, weights in zip(prices, course, self.targets.weights, strict=True)
        ]


def ascending(values: list[float], weights: Sequence[float]) -> list[float]:
    """The closest ascending values, 0 or more (weighted least squares: pool adjacent violators)."""
    if any(map(gt, values, values[1:])):  # most steps keep the order
        pools: list[tuple[float, float, int]] = []
        for value, weight in zip(values, weights, strict=True):
            num = 1
            while pools and pools[-1][0] > value:
                before, other, more = pools.pop()
                value = (value * weight + before * other) / (weight + other)
                weight, num = weight + other, num + more
            pools.append((value, weight, num))
        values = [value for value, _, num in pools for _ in range(num)]
    return [max(0.0, value) for value in values] if values and values[0] < 0 else values
