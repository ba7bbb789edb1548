"""Changes between two lookup tables that exceed noise; docs/ci.md explains the rules."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from planner.common_change import CommonChange, Interval, common_change
from planner.entry import Entry
from planner.errors import InvalidValue, shown
from planner.pareto import front_indices
from planner.rules import is_number
from planner.selector import Selector
from planner.table import LookupTable
from planner.target_difference import listed, target_differences

SESSION_SPREAD = 0.025
"""Assumed where no table has a measured one."""
KINDS = {
    "common": "all common configs together got slower",
    "latency": "a config got slower",
    "accuracy": "a config got less accurate",
    "budget": "the best entry under a budget got less accurate",
    "removed": "a config is no longer in the table",
    "target": "the tables were measured on different targets",
}
"""What a regression may be, by the name that `--fail-on` takes."""


@dataclass(frozen=True)
class Change:
    """One quantity before and after."""

    old: float
    new: float
    sign: int
    """-1 for a decrease, 1 for an increase, 0 where the difference may be noise."""

    @property
    def relative(self) -> float:
        """(new - old) / old; 1.0 for an increase from 0, 0.0 where both are 0."""
        return 0.0 if self.new == self.old else (self.new - self.old) / (self.old or self.new)


@dataclass(frozen=True)
class ConfigChange:
    """The changes of one config that both tables contain."""

    config_id: str
    latency_p50_ms: Change
    top1: Change


@dataclass(frozen=True)
class BudgetChange:
    """The best entry under one budget, before and after."""

    max_latency_ms: float
    old: Entry
    new: Entry | None
    """None where no entry of the new table fits the budget."""

    @property
    def top1(self) -> Change:
        """The change of the best top1; to 0 where no new entry fits the budget."""
        if self.new is None:
            return Change(self.old.accuracy.top1, 0.0, -1)
        return _top1_change(self.old, self.new)


@dataclass(frozen=True)
class Regression:
    """One thing that got worse beyond noise and allowance."""

    kind: str
    """One of KINDS."""
    text: str
    """One line for people."""
    config_id: str | None = None
    max_latency_ms: float | None = None
    """The budget, for a regression of kind `budget`."""


@dataclass(frozen=True)
class Diff:
    """Compares two tables by config, all configs together, and by budget.

    Raises InvalidValue for an allowance that is negative.
    """

    old: LookupTable
    new: LookupTable
    session_spread: float | None = field(default=None, kw_only=True)
    """The largest common change, as a fraction, of all latencies between two sessions of measuring
    the same table on the same machine; 0 takes both for one session. None: see `spread`."""
    max_latency_regress: float = field(default=0.0, kw_only=True)
    """Slowdown to allow, as a fraction of the old median."""
    max_top1_drop: float = field(default=0.0, kw_only=True)
    """Loss of top1 to allow, as a fraction of all images."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        for name in ("session_spread", "max_latency_regress", "max_top1_drop"):
            value = getattr(self, name)
            if value is None and name == "session_spread":
                continue
            if not (is_number(value) and value >= 0):
                raise InvalidValue(f"`{name}` must be 0 or more, but got {shown(value)}")

    @cached_property
    def spread(self) -> float:
        """`session_spread`, else the larger one that was measured for a table, else 2.5 %."""
        if self.session_spread is not None:
            return self.session_spread
        measured = (self.old.session_spread, self.new.session_spread)
        return max((one for one in measured if one is not None), default=SESSION_SPREAD)

    @cached_property
    def configs(self) -> tuple[ConfigChange, ...]:
        """The changes of the configs in both tables, in the old table's order."""
        return tuple(
            ConfigChange(
                entry.config_id, self._latency_change(entry, now), _top1_change(entry, now)
            )
            for entry, now in self._pairs
        )

    @cached_property
    def common(self) -> CommonChange | None:
        """The change of all common configs together; None if there are none."""
        pairs = [
            (_interval(entry, self.old), _interval(now, self.new)) for entry, now in self._pairs
        ]
        return common_change(pairs, self.spread)

    @cached_property
    def target_differences(self) -> tuple[str, ...]:
        """What identifies the two targets and differs, in words; empty for equal targets."""
        return target_differences(self.old.target, self.new.target)

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The config_ids that only the old table contains."""
        return tuple(name for name in self.old.by_config_id if name not in self.new.by_config_id)

    @cached_property
    def added(self) -> tuple[str, ...]:
        """The config_ids that only the new table contains."""
        return tuple(name for name in self.new.by_config_id if name not in self.old.by_config_id)

    @cached_property
    def budgets(self) -> tuple[BudgetChange, ...]:
        """The change under one budget per entry of the old Pareto front.

        The budget is the upper end of the interval of that entry's median. A new entry fits if the
        lower end of its interval exceeds the budget by no more than the spread between sessions,
        or the allowance: an unchanged entry still fits when it is measured again.
        """
        tolerance = 1 + max(self.spread, self.max_latency_regress)
        lowest = [_interval(entry, self.new)[0] / tolerance for entry in self.new]
        points = [(e.accuracy.top1, ms) for e, ms in zip(self.new, lowest, strict=True)]
        front = front_indices(points, list(self.new.by_config_id))
        latencies_ms = [lowest[index] for index in front]
        before = Selector(self.old.entries)
        found = []
        for entry in before.front:
            budget = _interval(entry, self.old)[2]
            num_fitting = bisect_right(latencies_ms, budget)
            new = self.new.entries[front[num_fitting - 1]] if num_fitting else None
            found.append(BudgetChange(budget, before.select(budget), new))
        return tuple(found)

    @cached_property
    def regressions(self) -> tuple[Regression, ...]:
        """All that got worse beyond noise and allowance, in the order of KINDS."""
        return (*self._slower(), *self._less_accurate(), *self._missing())

    @cached_property
    def _pairs(self) -> tuple[tuple[Entry, Entry], ...]:
        return tuple(
            (entry, now)
            for entry in self.old
            if (now := self.new.by_config_id.get(entry.config_id)) is not None
        )

    def _latency_change(self, old: Entry, new: Entry) -> Change:
        before, now = _interval(old, self.old), _interval(new, self.new)
        spread = 1 + self.spread
        sign = (now[0] > before[2] * spread) - (now[2] * spread < before[0])
        return Change(old.latency.p50_ms, new.latency.p50_ms, sign)

    def _slower(self) -> Iterator[Regression]:
        common = self.common
        if common and common.sign > 0 and common.relative > self.max_latency_regress:
            yield Regression(
                "common",
                f"all {common.num_configs} common configs got slower: {common.relative:+.1%} "
                f"(at least {common.low:+.1%}, at a confidence of 95 %)",
            )
        for change in self.configs:
            slower = change.latency_p50_ms
            if slower.sign > 0 and slower.relative > self.max_latency_regress:
                yield Regression(
                    "latency",
                    f"{change.config_id} got slower: {slower.old:.4g} -> {slower.new:.4g} ms "
                    f"({slower.relative:+.1%})",
                    config_id=change.config_id,
                )

    def _less_accurate(self) -> Iterator[Regression]:
        for change in self.configs:
            if self._is_drop(change.top1):
                yield Regression(
                    "accuracy",
                    f"{change.config_id} got less accurate: "
                    f"top1 {change.top1.old:.4f} -> {change.top1.new:.4f}",
                    config_id=change.config_id,
                )
        for budget in self.budgets:
            if self._is_drop(budget.top1):
                under = f"under {budget.max_latency_ms:.4g} ms"
                yield Regression(
                    "budget",
                    f"no entry fits {under}, where {budget.old.config_id} did"
                    if budget.new is None
                    else f"the best entry {under} got less accurate: {budget.old.config_id} -> "
                    f"{budget.new.config_id}, top1 {budget.top1.old:.4f} -> {budget.top1.new:.4f}",
                    max_latency_ms=budget.max_latency_ms,
                )

    def _missing(self) -> Iterator[Regression]:
        for name in self.removed:
            yield Regression("removed", f"{name} is no longer in the table", config_id=name)
        if self.old.target != self.new.target:
            yield Regression(
                "target",
                "the tables were measured on different targets: "
                f"{', '.join(self.old.target.traits)} ({self.old.target.fingerprint[:12]}) and "
                f"{', '.join(self.new.target.traits)} ({self.new.target.fingerprint[:12]}); "
                f"{listed(self.target_differences)}",
            )

    def _is_drop(self, top1: Change) -> bool:
        return top1.sign < 0 and top1.old - top1.new > self.max_top1_drop


def _interval(entry: Entry, table: LookupTable) -> Interval:
    """The median's 95 % interval, at least as wide as the table's noise floor."""
    latency = entry.latency
    floor = 1 + (table.protocol.get("noise_floor") or 0.0)
    return (
        min(latency.p50_low_ms, latency.p50_ms / floor),
        latency.p50_ms,
        max(latency.p50_high_ms, latency.p50_ms * floor),
    )


def _top1_change(old: Entry, new: Entry) -> Change:
    before, now = old.accuracy, new.accuracy
    sign = (now.top1_low > before.top1_high) - (now.top1_high < before.top1_low)
    return Change(before.top1, now.top1, sign)
