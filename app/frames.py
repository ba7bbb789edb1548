"""Lookup tables -> DataFrames for the charts; pure functions."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.opening import Source
from app.quantities import P50, PLUS_MINUS, QUANTITIES, Quantity
from planner import Candidate, Diff, Entry, LookupTable, Selector
from planner.candidate import VALUES
from planner.candidates_csv import widths_to_text
from planner.pareto import front_indices

Item = TypeVar("Item")

MAX_POINTS = 700
MAX_STEPS = 300


@lru_cache(maxsize=8)  # 20,000 candidates take 0.1 s, at every interaction with a page
def candidates_frame(source: Source) -> pd.DataFrame:
    """One row per candidate, one column per value, plus `in_table` and `tied_with` (text).

    top1 and its interval are those on the report images, so they are NaN for candidates that are
    not in the table; top1_selection is known for all. The frame is cached: don't modify it.
    """
    columns = {
        name: [*map(attrgetter(path), source.candidates)]
        for name, path in VALUES.items()
        if name != "width_mults"
    }
    frame = pd.DataFrame(columns)
    frame["peak_memory_bytes"] = frame["peak_memory_bytes"].astype("Float64").astype(float)
    frame["width_mults"] = [widths_to_text(c.config.width_mults) for c in source.candidates]
    # The table's entries come first.
    in_table = np.arange(len(frame)) < len(source.table)
    frame["in_table"] = in_table
    own = [entry.top1_selection for entry in source.table]
    frame["top1_selection"] = [*own, *frame["top1"].iloc[len(own) :]]
    report = ["top1", "top1_low", "top1_high"]
    frame.loc[~in_table, report] = np.nan
    frame["tied_with"] = [
        ", ".join(c.tied_with) if isinstance(c, Entry) else "" for c in source.candidates
    ]
    return frame


def known(frame: pd.DataFrame, quantity: Quantity) -> bool:
    """Whether the quantity is known for any row."""
    return bool(frame[quantity.column].notna().any())


def front_mask(frame: pd.DataFrame, x: Quantity, y: Quantity) -> pd.Series:
    """Which rows are on the Pareto front; of equal rows, the first by config_id."""
    rows = frame.dropna(subset=[x.column, y.column])
    gains = rows[y.column] * (1.0 if y.goal == "max" else -1.0)
    costs = rows[x.column] * (-1.0 if x.goal == "max" else 1.0)
    front = front_indices([*zip(gains, costs, strict=True)], [*rows["config_id"]])
    return pd.Series(frame.index.isin(rows.index[front]), index=frame.index)


def thinned(frame: pd.DataFrame, x: Quantity, y: Quantity) -> pd.DataFrame:
    """Reduce a frame to about 1,000 rows that give the same chart; adds the column `on_front`.

    Keeps the Pareto front (at most 300 rows, evenly spaced), and one of the other rows per cell
    of a fine grid, so that sparse regions keep every point.
    """
    frame = frame.dropna(subset=[x.column, y.column])
    frame = frame.assign(on_front=front_mask(frame, x, y))
    if len(frame) <= MAX_POINTS:
        return frame
    front = frame[frame["on_front"]].sort_values(x.column)
    others = frame[~frame["on_front"]]
    cells = pd.DataFrame(
        {"x": _bins(others[x.column]), "y": _bins(others[y.column])}, index=others.index
    )
    stay = pd.Index(evenly(list(front.index), MAX_STEPS)).union(cells.drop_duplicates().index)
    drawn: pd.DataFrame = frame.loc[stay]
    return drawn


def evenly(items: Sequence[Item], num: int) -> list[Item]:
    """At most `num` evenly spaced items, including the first and the last."""
    if len(items) <= num:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, num).astype(int)]


def _bins(values: pd.Series, num_bins: int = 25) -> NDArray[np.float64]:
    logs = np.log(np.maximum(values.to_numpy(dtype=float), 1e-12))
    span = max(np.ptp(logs), 1e-12) if len(logs) else 1.0
    bins: NDArray[np.float64] = np.round((logs - logs.min(initial=np.inf)) / span * num_bins)
    return bins


def fronts_frame(sources: Mapping[str, Source]) -> pd.DataFrame:
    """Pareto fronts by device: device, config_id, latency_p50_ms, top1; at most 300 rows each."""
    rows = []
    for name, source in sources.items():
        for entry in evenly(Selector(source.table.entries).front, MAX_STEPS):
            rows.append((name, entry.config_id, entry.latency.p50_ms, entry.accuracy.top1))
    return pd.DataFrame(rows, columns=["device", "config_id", "latency_p50_ms", "top1"])


def order_frame(
    sources: Mapping[str, Source], chosen: str | None = None, max_configs: int = 24
) -> pd.DataFrame:
    """Rank shared configs on each device: config_id, device, rank (1: fastest), latency_p50_ms.

    Above `max_configs`, a sample evenly spaced in the first device's order, plus `chosen`.
    """
    tables = {name: source.table for name, source in sources.items()}
    shared = shared_ids(tables.values())
    if not shared:
        return pd.DataFrame(columns=["config_id", "device", "rank", "latency_p50_ms"])
    names = evenly(shared, max_configs)
    if chosen in shared and chosen not in names:
        names.append(chosen)
    rows = []
    for device, table in tables.items():
        entries = sorted((table.by_config_id[n] for n in names), key=lambda e: e.latency.p50_ms)
        for rank, entry in enumerate(entries, start=1):
            rows.append((entry.config_id, device, rank, entry.latency.p50_ms))
    return pd.DataFrame(rows, columns=["config_id", "device", "rank", "latency_p50_ms"])


def shared_ids(tables: Iterable[LookupTable]) -> list[str]:
    """The config_ids in all tables, in the order of the first table."""
    first, *others = tables
    return [e.config_id for e in first if all(e.config_id in t.by_config_id for t in others)]


def swapped_pairs(
    first: LookupTable, second: LookupTable, max_configs: int = 200
) -> tuple[int, int]:
    """Count the pairs of shared configs in reversed latency order, and all pairs.

    A pair is reversed if its confidence intervals are disjoint on both devices, in opposite
    order. Above `max_configs`, an evenly spaced sample of the configs is compared.
    """
    names = evenly(shared_ids([first, second]), max_configs)
    signs = [
        _order_signs([table.by_config_id[name] for name in names]) for table in (first, second)
    ]
    num_pairs = len(names) * (len(names) - 1) // 2
    return int((signs[0] * signs[1] < 0).sum() // 2), num_pairs


def _order_signs(entries: Sequence[Entry]) -> NDArray[np.int64]:
    low = np.array([entry.latency.p50_low_ms for entry in entries])
    high = np.array([entry.latency.p50_high_ms for entry in entries])
    slower, faster = low[:, None] > high[None, :], high[:, None] < low[None, :]
    return slower.astype(np.int64) - faster.astype(np.int64)


def config_frame(sources: Mapping[str, Source], config_id: str) -> pd.DataFrame:
    """One row per device whose table contains the config: device, and the entry's values."""
    rows = [
        {"device": name} | entry.values()
        for name, source in sources.items()
        if (entry := source.table.by_config_id.get(config_id)) is not None
    ]
    return pd.DataFrame(rows)


def largest(candidates: Iterable[Candidate]) -> Candidate:
    """The candidate with the most multiply-adds: the full network, if it was evaluated."""
    return max(candidates, key=lambda c: (c.macs, c.num_params))


def diff_frame(diff: Diff) -> pd.DataFrame:
    """One row per shared config: old and new median and top1, changes and verdicts."""
    verdicts = {-1: "faster", 0: "within noise", 1: "slower"}
    accuracies = {-1: "less accurate", 0: "within noise", 1: "more accurate"}
    rows = [
        {
            "config_id": change.config_id,
            "old_ms": change.latency_p50_ms.old,
            "new_ms": change.latency_p50_ms.new,
            "latency_change": change.latency_p50_ms.relative * 100,
            "latency": verdicts[change.latency_p50_ms.sign],
            "old_top1": change.top1.old * 100,
            "new_top1": change.top1.new * 100,
            "accuracy": accuracies[change.top1.sign],
        }
        for change in diff.configs
    ]
    return pd.DataFrame(rows)


def budgets_frame(diff: Diff) -> pd.DataFrame:
    """One row per budget at which either table's best entry changes, ascending.

    Columns: max_latency_ms, and the highest top1 in the old and the new table in %, NaN if none
    fits.
    """
    tables = {"old": Selector(diff.old.entries), "new": Selector(diff.new.entries)}
    budgets = sorted({ms for selector in tables.values() for ms in selector.latencies_ms})
    columns = {
        name: [
            entry.accuracy.top1 * 100 if (entry := selector.find(budget)) else np.nan
            for budget in budgets
        ]
        for name, selector in tables.items()
    }
    return pd.DataFrame({"max_latency_ms": budgets} | columns)


def budget_steps(selector: Selector, num_steps: int = 200) -> list[float]:
    """Budgets from just below the fastest entry to just above the slowest, log-spaced."""
    first, last = selector.latencies_ms[0] * 0.9, selector.latencies_ms[-1] * 1.1
    return [rounded(first * (last / first) ** (i / (num_steps - 1))) for i in range(num_steps)]


def default_budget(selector: Selector) -> float:
    """A budget in the middle of the front's latencies (log scale) that its fastest entry keeps."""
    first, last = selector.latencies_ms[0], selector.latencies_ms[-1]
    return rounded_up(max(first, float(np.sqrt(first * last))))


def rounded_up(value: float) -> float:
    """Round up to 4 significant digits, so that an entry which takes `value` keeps the budget."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return float(f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.4g}")


def rounded(value: float) -> float:
    """Round to 4 significant digits, as shown on the pages."""
    return float(f"{value:.4g}")


@lru_cache(maxsize=8)
def entries_frame(source: Source) -> pd.DataFrame:
    """One row per entry of the table, in its order, in the units of the pages.

    The frame is cached: don't modify it.
    """
    entries = source.table.entries
    columns: dict[str, list[float | None]] = {
        QUANTITIES[name].label: [
            None
            if (value := entry.value(QUANTITIES[name].column)) is None
            else value * QUANTITIES[name].factor
            for entry in entries
        ]
        for name in ("top1", "p50", "p90", "p99", "macs", "params", "memory")
    }
    frame = pd.DataFrame(columns).dropna(axis="columns", how="all")
    halves = [50 * (e.accuracy.top1_high - e.accuracy.top1_low) for e in entries]
    frame.insert(0, "Config", [entry.config_id for entry in entries])
    frame.insert(2, f"{PLUS_MINUS} (95 %), points", halves)
    frame["Resolution, px"] = [entry.config.resolution for entry in entries]
    return frame


def error_columns(quantity: Quantity) -> tuple[str, str] | None:
    """The columns of the quantity's 95 % confidence interval, if it has one."""
    if quantity.column == "top1":
        return "top1_low", "top1_high"
    return ("latency_p50_low_ms", "latency_p50_high_ms") if quantity is P50 else None
