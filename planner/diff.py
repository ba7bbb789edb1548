"""Changes between two lookup tables that exceed their confidence intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from planner.entry import Entry
from planner.selector import Selector
from planner.table import LookupTable


@dataclass(frozen=True)
class Change:
    """One quantity before and after."""

    old: float
    new: float
    sign: int
    """-1 for a decrease, 1 for an increase, 0 where the 95 % confidence intervals overlap."""

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
class Diff:
    """Compares two tables by config and by budget; docs/lookup_table.md explains the rules."""

    old: LookupTable
    new: LookupTable

    @cached_property
    def configs(self) -> tuple[ConfigChange, ...]:
        """The changes of the configs in both tables, in the old table's order."""
        return tuple(
            ConfigChange(entry.config_id, _latency_change(entry, now), _top1_change(entry, now))
            for entry in self.old
            if (now := self.new.by_config_id.get(entry.config_id)) is not None
        )

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

        The budget is the upper end of the confidence interval of that entry's median, so that an
        unchanged entry still fits when it is measured again.
        """
        before, after = Selector(self.old.entries), Selector(self.new.entries)
        return tuple(
            BudgetChange(
                entry.latency.p50_high_ms,
                before.select(entry.latency.p50_high_ms),
                after.find(entry.latency.p50_high_ms),
            )
            for entry in before.front
        )

    def regressions(self, max_latency_regress: float, max_top1_drop: float) -> Iterator[str]:
        """Yield one line per regression that exceeds confidence interval and allowance.

        `max_latency_regress` is a fraction of the old median, `max_top1_drop` a fraction of all
        images.
        """
        for change in self.configs:
            slower = change.latency_p50_ms
            if slower.sign > 0 and slower.relative > max_latency_regress:
                yield (
                    f"{change.config_id} got slower: {slower.old:.4g} -> {slower.new:.4g} ms "
                    f"({slower.relative:+.1%})"
                )
            worse = change.top1
            if worse.sign < 0 and worse.old - worse.new > max_top1_drop:
                yield (
                    f"{change.config_id} got less accurate: top1 {worse.old:.4f} -> {worse.new:.4f}"
                )
        for budget in self.budgets:
            worse = budget.top1
            if worse.sign < 0 and worse.old - worse.new > max_top1_drop:
                yield (
                    f"the best entry under {budget.max_latency_ms:.4g} ms got less accurate: "
                    f"top1 {worse.old:.4f} -> {worse.new:.4f}"
                )


def _sign(old_low: float, old_high: float, new_low: float, new_high: float) -> int:
    """The sign of a change; 0 for overlapping intervals, a conservative test for a difference."""
    return (new_low > old_high) - (new_high < old_low)


def _latency_change(old: Entry, new: Entry) -> Change:
    before, now = old.latency, new.latency
    sign = _sign(before.p50_low_ms, before.p50_high_ms, now.p50_low_ms, now.p50_high_ms)
    return Change(before.p50_ms, now.p50_ms, sign)


def _top1_change(old: Entry, new: Entry) -> Change:
    before, now = old.accuracy, new.accuracy
    sign = _sign(before.top1_low, before.top1_high, now.top1_low, now.top1_high)
    return Change(before.top1, now.top1, sign)
