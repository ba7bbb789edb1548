"""The few entries worth shipping, and what shipping only those costs.

Under each budget a fleet runs the most accurate entry that fits. If only some entries are
shipped, it may run a less accurate one; the expected loss of top1 is the *regret*. A budget
that no shipped entry fits loses its whole top1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.errors import InvalidValue, shown
from planner.fleet import Demand, best_sets
from planner.rules import is_positive
from planner.selector import Selector
from planner.shared_set import Progress, best_shared_sets
from planner.table import LookupTable

NUM_DEFAULT_BUDGETS = 100


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Entries to ship, and the regret of shipping only those."""

    config_ids: tuple[str, ...]
    """From fast to accurate on the first target."""
    regret: float
    """Expected loss of top1 against shipping all entries, 0..1; lower is better."""
    regret_bound: float
    """Lower bound on the regret of any set of this size; equal to `regret` if exact."""

    @property
    def exact(self) -> bool:
        """Whether the plan is proven optimal for its size."""
        return self.regret <= self.regret_bound + 1e-12


def default_budgets(table: LookupTable) -> list[tuple[float, float]]:
    """100 budgets, log-spaced from the fastest to the slowest entry of the Pareto front."""
    latencies = Selector(table.entries).latencies_ms
    if not latencies:
        raise InvalidValue("a table must have entries to plan with, but it has none")
    ratio = latencies[-1] / latencies[0]
    steps = [index / (NUM_DEFAULT_BUDGETS - 1) for index in range(NUM_DEFAULT_BUDGETS)]
    # The last budget is exact, so that rounding can't exclude the most accurate entry.
    return [(latencies[0] * ratio**step, 1.0) for step in steps[:-1]] + [(latencies[-1], 1.0)]


def make_plans(
    tables: Sequence[LookupTable],
    num_entries: int,
    *,
    budgets: Iterable[tuple[float, float]] | None = None,
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
) -> list[Plan]:
    """Return the best plans with 1, 2, ... `num_entries` entries.

    `budgets` are (milliseconds, weight) for the median latency, the same on every target; the
    default is `default_budgets` of each target. `weights` is each target's share of the fleet.
    For one target a plan is exact (dynamic programming). For several targets it is exact (branch
    and bound) unless the search reaches its step limit; `regret_bound` then bounds the optimum.
    `progress` is called with the number of plans made so far and `num_entries`.
    Raises InvalidValue for no tables, no shared entries, or invalid budgets or weights.
    """
    demands = _demands(tables, num_entries, budgets, weights)
    if progress is not None:
        progress(0, num_entries)
    max_top1 = sum(demand.max_top1 for demand in demands)
    order = demands[0].latencies_ms
    if len(demands) == 1:
        best = best_sets(demands[0], num_entries)
        sets = [(ids, demands[0].expected_top1(ids)) for ids in best]
    else:
        sets = best_shared_sets(demands, list(order), num_entries, progress=progress)
    plans = []
    for ids, bound in sets:
        regret = max(0.0, max_top1 - sum(demand.expected_top1(ids) for demand in demands))
        config_ids = tuple(sorted(ids, key=lambda name: (order[name], name)))
        regret_bound = min(regret, max(0.0, max_top1 - bound))
        plans.append(Plan(config_ids=config_ids, regret=regret, regret_bound=regret_bound))
    return plans


def _demands(
    tables: Sequence[LookupTable],
    num_entries: int,
    budgets: Iterable[tuple[float, float]] | None,
    weights: Sequence[float] | None,
) -> list[Demand]:
    weights = [1.0] * len(tables) if weights is None else weights
    if not tables or len(weights) != len(tables) or not all(map(is_positive, weights)):
        raise InvalidValue(
            f"`weights` must be one number above 0 per table, with at least 1 table, "
            f"but got {shown(list(weights))} for {len(tables)} tables"
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
            "the tables must share entries, but no config is in all of them; "
            "measure one table's entries on the other targets with python -m nas.measure"
        )
    return shared


def _check_budgets(budgets: Sequence[tuple[float, float]]) -> None:
    if not budgets or not all(is_positive(ms) and is_positive(share) for ms, share in budgets):
        raise InvalidValue(
            "`budgets` must be (milliseconds above 0, weight above 0), "
            f"but got {shown(list(budgets))}"
        )
