"""The few entries worth shipping, and what shipping only those costs.

A fleet wants, at each budget, the most accurate entry within it. With only some entries at
hand it gets a less accurate one; the expected difference in top1 is the *regret*. A budget
under which none of the shipped entries runs loses the whole top1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.errors import InvalidValue, shown
from planner.fleet import Demand, best_sets
from planner.rules import is_positive
from planner.selector import Selector
from planner.shared_set import best_shared_sets
from planner.table import LookupTable

NUM_DEFAULT_BUDGETS = 100


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Entries to ship, and the regret of shipping no others."""

    config_ids: tuple[str, ...]
    """From fast to accurate on the first target."""
    regret: float
    """Expected top1 lost against shipping everything, 0..1."""
    regret_bound: float
    """No set of as many entries has less regret than this; equal to `regret` where exact."""

    @property
    def exact(self) -> bool:
        """Whether no other set of as many entries is better."""
        return self.regret <= self.regret_bound + 1e-12


def default_budgets(table: LookupTable) -> list[tuple[float, float]]:
    """100 budgets from the fastest to the slowest entry of the front, evenly on a log scale."""
    latencies = Selector(table.entries).latencies_ms
    if not latencies:
        raise InvalidValue("a table must have entries to plan with, but it has none")
    ratio = latencies[-1] / latencies[0]
    steps = [index / (NUM_DEFAULT_BUDGETS - 1) for index in range(NUM_DEFAULT_BUDGETS)]
    # The last is exact, so that rounding doesn't leave the most accurate entry out of reach.
    return [(latencies[0] * ratio**step, 1.0) for step in steps[:-1]] + [(latencies[-1], 1.0)]


def make_plans(
    tables: Sequence[LookupTable],
    num_entries: int,
    *,
    budgets: Iterable[tuple[float, float]] | None = None,
    weights: Sequence[float] | None = None,
) -> list[Plan]:
    """The best plans with 1, 2, ... `num_entries` entries: the curve of regret against k.

    `budgets` are (milliseconds, weight) at the median latency, the same on every target;
    by default each target's own `default_budgets`. `weights` says how common each target is.
    For one target a plan is exact (dynamic programming). For several, which order the entries
    differently, it is exact (branch and bound) unless the search grows too long, and then
    `regret_bound` says how far from the best it can be. Raises
    InvalidValue for no tables, no entries or weights that don't fit.
    """
    demands = _demands(tables, num_entries, budgets, weights)
    most = sum(demand.most for demand in demands)
    order = demands[0].latencies_ms
    alone = [[d.earned(ids) for ids in best_sets(d, num_entries)] for d in demands]
    if len(demands) == 1:
        sets = [(ids, demands[0].earned(ids)) for ids in best_sets(demands[0], num_entries)]
    else:
        rows = {name: [one for d in demands for one in d.row(name)] for name in order}
        sets = best_shared_sets(rows, num_entries)
    return [
        Plan(
            config_ids=tuple(sorted(ids, key=lambda name: (order[name], name))),
            regret=max(0.0, most - sum(demand.earned(ids) for demand in demands)),
            regret_bound=max(0.0, most - min(bound, _each_its_own(alone, len(ids)))),
        )
        for ids, bound in sets
    ]


def _each_its_own(alone: Sequence[Sequence[float]], num_entries: int) -> float:
    """What the targets earn when each has its own best set: no shared set earns more."""
    return sum(earned[min(num_entries, len(earned)) - 1] for earned in alone if earned)


def _demands(
    tables: Sequence[LookupTable],
    num_entries: int,
    budgets: Iterable[tuple[float, float]] | None,
    weights: Sequence[float] | None,
) -> list[Demand]:
    weights = [1.0] * len(tables) if weights is None else weights
    if not tables or len(weights) != len(tables) or not all(map(is_positive, weights)):
        raise InvalidValue(
            f"`weights` must be one number above 0 for each of 1 or more tables, "
            f"but got {shown(list(weights))} for {len(tables)}"
        )
    if not isinstance(num_entries, int) or num_entries < 1:
        raise InvalidValue(f"`num_entries` must be 1 or more, but got {shown(num_entries)}")
    shipped = _shared_ids(tables)
    points = None if budgets is None else list(budgets)
    demands = []
    for table, weight in zip(tables, weights, strict=True):
        mine = default_budgets(table) if points is None else points
        _check_budgets(mine)
        scale = weight / sum(weights) / sum(share for _, share in mine)
        entries = [entry for entry in table if entry.config_id in shipped]
        demands.append(Demand(entries, [(budget, share * scale) for budget, share in mine]))
    return demands


def _shared_ids(tables: Sequence[LookupTable]) -> set[str]:
    shared = set.intersection(*(set(table.by_config_id) for table in tables))
    if not shared:
        raise InvalidValue(
            "the tables must share entries to ship, but no config is in all of them; "
            "measure one table's entries on the other targets with python -m nas.measure"
        )
    return shared


def _check_budgets(budgets: Sequence[tuple[float, float]]) -> None:
    if not budgets or not all(is_positive(ms) and is_positive(share) for ms, share in budgets):
        raise InvalidValue(
            "`budgets` must be (milliseconds above 0, weight above 0), "
            f"but got {shown(list(budgets))}"
        )
