"""What changed between two tables, beyond what their intervals allow."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from planner.entry import Entry
from planner.selector import Selector
from planner.table import LookupTable


@dataclass(frozen=True)
class Change:
    """One quantity before and after, each with its 95 % interval."""

    old: float
    new: float
    sign: int
    """-1 where it went down, 1 where it went up, 0 where the intervals overlap."""

    @property
    def relative(self) -> float:
        """(new - old) / old; 0.0 where both are 0."""
        return 0.0 if self.new == self.old else (self.new - self.old) / (self.old or self.new)


@dataclass(frozen=True)
class ConfigChange:
    """One config that both tables have."""

    config_id: str
    latency_p50_ms: Change
    top1: Change


@dataclass(frozen=True)
class BudgetChange:
    """The best entry under one budget, before and after."""

    max_latency_ms: float
    old: Entry
    new: Entry | None
    """None where nothing runs within the budget any more."""

    @property
    def top1(self) -> Change:
        """The change of the best top1; to 0 where nothing runs any more."""
        if self.new is None:
            return Change(self.old.accuracy.top1, 0.0, -1)
        return _top1_change(self.old, self.new)


@dataclass(frozen=True)
class Diff:
    """Two tables compared by config and by budget; see docs/lookup_table.md for the rules."""

    old: LookupTable
    new: LookupTable

    @cached_property
    def configs(self) -> tuple[ConfigChange, ...]:
        """The configs of both, in the old table's order."""
        return tuple(
            ConfigChange(entry.config_id, _latency_change(entry, now), _top1_change(entry, now))
            for entry in self.old
            if (now := self.new.by_config_id.get(entry.config_id)) is not None
        )

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The configs that only the old table has."""
        return tuple(name for name in self.old.by_config_id if name not in self.new.by_config_id)

    @cached_property
    def added(self) -> tuple[str, ...]:
        """The configs that only the new table has."""
        return tuple(name for name in self.new.by_config_id if name not in self.old.by_config_id)

    @cached_property
    def budgets(self) -> tuple[BudgetChange, ...]:
        """One budget a step of the old front: the upper end of that entry's interval.

        At that end an entry that is merely timed anew, without having changed, still fits.
        """
        before, after = Selector(self.old.entries), Selector(self.new.entries)
        return tuple(
            BudgetChange(
                entry.latency.p50_high_ms,
                before.select(entry.latency.p50_high_ms),
                _select(after, entry.latency.p50_high_ms),
            )
            for entry in before.front
        )

    def regressions(self, max_latency_regress: float, max_top1_drop: float) -> Iterator[str]:
        """One line for each thing that got worse beyond its interval and beyond the allowance.

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
                    f"under {budget.max_latency_ms:.4g} ms the best got less accurate: "
                    f"top1 {worse.old:.4f} -> {worse.new:.4f}"
                )


def _select(selector: Selector, budget: float) -> Entry | None:
    fits = selector.front and selector.latencies_ms[0] <= budget
    return selector.select(budget) if fits else None


def _sign(old_low: float, old_high: float, new_low: float, new_high: float) -> int:
    """Two intervals that don't overlap differ: strict, for it errs towards "no change"."""
    return (new_low > old_high) - (new_high < old_low)


def _latency_change(old: Entry, new: Entry) -> Change:
    before, now = old.latency, new.latency
    sign = _sign(before.p50_low_ms, before.p50_high_ms, now.p50_low_ms, now.p50_high_ms)
    return Change(before.p50_ms, now.p50_ms, sign)


def _top1_change(old: Entry, new: Entry) -> Change:
    before, now = old.accuracy, new.accuracy
    sign = _sign(before.top1_low, before.top1_high, now.top1_low, now.top1_high)
    return Change(before.top1, now.top1, sign)
