"""The expected top1 of a set of entries on one target, and the best sets for that target.

`planner/shared_set.py` finds the best set for several targets.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence

from planner.entry import Entry
from planner.selector import Selector


class Demand:
    """One target's weighted budgets, and the expected top1 of entries under them."""

    def __init__(self, entries: Sequence[Entry], budgets: Sequence[tuple[float, float]]) -> None:
        """`budgets` are (milliseconds, weight); each selects the most accurate entry within it."""
        selector = Selector(entries)
        self.budgets = sorted(budgets)
        self.top1 = {entry.config_id: entry.accuracy.top1 for entry in entries}
        self.latencies_ms = {entry.config_id: entry.latency.p50_ms for entry in entries}
        limits = [budget for budget, _ in self.budgets]
        self.first_budget = {
            name: bisect_left(limits, latency) for name, latency in self.latencies_ms.items()
        }
        self.best_entries: list[Entry | None] = [selector.find(limit) for limit in limits]
        """The most accurate of all entries under each budget; None where none is fast enough."""
        self.max_top1 = self.expected_top1([e.config_id for e in self.best_entries if e])
        """The expected top1 with all entries."""

    def expected_top1(self, config_ids: Collection[str]) -> float:
        """The expected top1 with only `config_ids`: the sum over budgets of weight times top1."""
        best = self.best_top1(config_ids)
        return sum(weight * top1 for (_, weight), top1 in zip(self.budgets, best, strict=True))

    def best_top1(self, config_ids: Collection[str]) -> list[float]:
        """The highest top1 of `config_ids` under each budget; 0 where none is fast enough."""
        best = [0.0] * (len(self.budgets) + 1)
        for name in config_ids:
            first = self.first_budget[name]
            best[first] = max(best[first], self.top1[name])
        for index in range(1, len(best)):
            best[index] = max(best[index], best[index - 1])
        return best[:-1]


def best_sets(demand: Demand, num_entries: int) -> list[list[str]]:
    """Return the best sets of 1, 2, ... entries for one target; exact (dynamic programming).

    Only entries that some budget selects can be in a best set: any other entry can be replaced
    by the selection of the first budget that allows it. Adding an entry raises top1 under every
    budget from its latency up. With these steps in order of latency, top1 t and the total weight
    w of the budgets from each step up, the highest expected top1 E of j steps that end with b
    is the maximum over a < b of E[j-1][a] + w[b] (t[b] - t[a]).
    """
    steps = list(dict.fromkeys(entry.config_id for entry in demand.best_entries if entry))
    top1 = [demand.top1[name] for name in steps]
    weights = [sum(w for _, w in demand.budgets[demand.first_budget[name] :]) for name in steps]
    expected = [weight * reached for weight, reached in zip(weights, top1, strict=True)]
    paths = [[name] for name in steps]
    found: list[list[str]] = []
    while len(found) < min(num_entries, len(steps)):
        found.append(paths[max(range(len(steps)), key=lambda step: expected[step])])
        best, longer = list(expected), list(paths)
        for b in range(1, len(steps)):
            weight, level = weights[b], top1[b]
            extended = [e + weight * (level - t) for e, t in zip(expected[:b], top1, strict=False)]
            a = max(range(b), key=extended.__getitem__)
            if extended[a] > best[b]:
                best[b], longer[b] = extended[a], [*paths[a], steps[b]]
        expected, paths = best, longer
    return found
