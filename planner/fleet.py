"""What a target's budgets earn with a set of entries, and the best sets for one target.

`planner/shared_set.py` finds sets that several targets share.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import product

from planner.entry import Entry
from planner.errors import NoEntryFits
from planner.selector import Selector


class Demand:
    """One target's budgets with their weights, and what each entry would earn there."""

    def __init__(self, entries: Sequence[Entry], budgets: Sequence[tuple[float, float]]) -> None:
        """`budgets` are (milliseconds, weight); each is answered with the front of `entries`."""
        selector = Selector(entries)
        self.budgets = sorted(budgets)
        self.top1 = {entry.config_id: entry.accuracy.top1 for entry in entries}
        self.latencies_ms = {entry.config_id: entry.latency.p50_ms for entry in entries}
        limits = [budget for budget, _ in self.budgets]
        self.first_budget = {
            name: bisect_left(limits, latency) for name, latency in self.latencies_ms.items()
        }
        self.wanted: list[Entry | None] = [_best(selector, limit) for limit in limits]
        """The entry each budget would choose of all; None where none is fast enough."""
        self.most = self.earned([entry.config_id for entry in self.wanted if entry])

    def earned(self, config_ids: Collection[str]) -> float:
        """The expected top1 of a fleet that has only `config_ids`."""
        best = self.best_top1(config_ids)
        return sum(weight * top1 for (_, weight), top1 in zip(self.budgets, best, strict=True))

    def best_top1(self, config_ids: Collection[str]) -> list[float]:
        """The highest top1 of `config_ids` at each budget; 0 where none is fast enough."""
        best = [0.0] * (len(self.budgets) + 1)
        for name in config_ids:
            first = self.first_budget[name]
            best[first] = max(best[first], self.top1[name])
        for index in range(1, len(best)):
            best[index] = max(best[index], best[index - 1])
        return best[:-1]

    def row(self, name: str) -> list[float]:
        """What one entry alone earns at each budget."""
        first, top1 = self.first_budget[name], self.top1[name]
        return [0.0] * first + [weight * top1 for _, weight in self.budgets[first:]]


def _best(selector: Selector, budget: float) -> Entry | None:
    try:
        return selector.select(budget)
    except NoEntryFits:
        return None


def best_sets(demand: Demand, num_entries: int) -> list[list[str]]:
    """The best sets of 1, 2, ... entries for one target, by dynamic programming; exact.

    Only entries that some budget would choose of all can be in a best set: any other one gives
    way to the choice of the first budget that allows it. An entry lifts all budgets from its
    own on, so with the rungs in order (top1 t, weight w of the budgets from the rung on) the
    best earning E of j rungs that end with b is max over a < b of E[j-1][a] + w[b] (t[b] - t[a]).
    """
    rungs = list(dict.fromkeys(entry.config_id for entry in demand.wanted if entry))
    top1 = [demand.top1[name] for name in rungs]
    above = [sum(w for _, w in demand.budgets[demand.first_budget[name] :]) for name in rungs]
    earned = [weight * reached for weight, reached in zip(above, top1, strict=True)]
    paths = [[name] for name in rungs]
    found: list[list[str]] = []
    while len(found) < min(num_entries, len(rungs)):
        found.append(paths[max(range(len(rungs)), key=lambda rung: earned[rung])])
        best, longer = list(earned), list(paths)
        for b, a in product(range(len(rungs)), repeat=2):
            lifted = earned[a] + above[b] * (top1[b] - top1[a])
            if a < b and lifted > best[b]:
                best[b], longer[b] = lifted, [*paths[a], rungs[b]]
        earned, paths = best, longer
    return found
