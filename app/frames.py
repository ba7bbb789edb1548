"""Tables -> DataFrames, ready to be drawn; pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.opening import Source
from app.quantities import P50, Quantity
from planner import Candidate, Diff, Entry, LookupTable, Selector
from planner.candidate import VALUES
from planner.candidates_csv import widths_to_text
from planner.pareto import front_indices

Item = TypeVar("Item")

MAX_POINTS = 700
MAX_STEPS = 300


@lru_cache(maxsize=8)  # 20,000 candidates take 0.1 s, and a page asks at every change
def candidates_frame(source: Source) -> pd.DataFrame:
    """One row a candidate, one column a field, with `in_table` and `tied_with` as text.

    The frame is shared: don't change it.
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
    frame["in_table"] = np.arange(len(frame)) < len(source.table)
    frame["tied_with"] = [
        ", ".join(c.tied_with) if isinstance(c, Entry) else "" for c in source.candidates
    ]
    return frame


def known(frame: pd.DataFrame, quantity: Quantity) -> bool:
    """Whether any row has the quantity."""
    return bool(frame[quantity.column].notna().any())


def front_mask(frame: pd.DataFrame, x: Quantity, y: Quantity) -> pd.Series:
    """Which rows no other beats in both; of equal ones the first by config_id."""
    rows = frame.dropna(subset=[x.column, y.column]).sort_values("config_id")
    gains = rows[y.column] * (1.0 if y.goal == "max" else -1.0)
    costs = rows[x.column] * (-1.0 if x.goal == "max" else 1.0)
    front = front_indices([*zip(gains, costs, strict=True)])
    return pd.Series(frame.index.isin(rows.index[front]), index=frame.index)


def thinned(frame: pd.DataFrame, x: Quantity, y: Quantity) -> pd.DataFrame:
    """at most some 1,000 rows that draw the same picture, with the column `on_front`.

    The front stays, or 300 of it evenly; of the others one stays per cell of a fine grid, so
    that sparse places keep every point.
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
    """At most `num` of the items, evenly, with the first and the last."""
    if len(items) <= num:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, num).astype(int)]


def _bins(values: pd.Series, num_bins: int = 25) -> NDArray[np.float64]:
    logs = np.log(np.maximum(values.to_numpy(dtype=float), 1e-12))
    span = max(np.ptp(logs), 1e-12) if len(logs) else 1.0
    bins: NDArray[np.float64] = np.round((logs - logs.min(initial=np.inf)) / span * num_bins)
    return bins


def fronts_frame(sources: Mapping[str, Source]) -> pd.DataFrame:
    """The fronts of several devices: device, config_id, latency_p50_ms, top1; at most 300 each."""
    rows = []
    for name, source in sources.items():
        for entry in evenly(Selector(source.table.entries).front, MAX_STEPS):
            rows.append((name, entry.config_id, entry.latency.p50_ms, entry.accuracy.top1))
    return pd.DataFrame(rows, columns=["device", "config_id", "latency_p50_ms", "top1"])


def order_frame(
    sources: Mapping[str, Source], chosen: str | None = None, max_configs: int = 24
) -> pd.DataFrame:
    """Where shared configs rank on each device: config_id, device, rank (1: fastest), latency.

    Of many shared configs, evenly many of the first device's order, and the `chosen` one.
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
    """The configs that all tables have, in the first one's order."""
    first, *others = tables
    return [e.config_id for e in first if all(e.config_id in t.by_config_id for t in others)]


def swapped_pairs(
    first: LookupTable, second: LookupTable, max_configs: int = 200
) -> tuple[int, int]:
    """How many pairs of shared configs the devices order differently beyond doubt, of how many.

    A pair counts as swapped when the intervals of the medians are apart on both devices, the
    other way round. Of many configs, 200 evenly.
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
    """One config on every device that has it: device, latency percentiles, interval."""
    rows = [
        {
            "device": name,
            "p50": entry.latency.p50_ms,
            "low": entry.latency.p50_low_ms,
            "high": entry.latency.p50_high_ms,
            "p90": entry.latency.p90_ms,
            "p99": entry.latency.p99_ms,
            "top1": entry.accuracy.top1,
        }
        for name, source in sources.items()
        if (entry := source.table.by_config_id.get(config_id)) is not None
    ]
    return pd.DataFrame(rows)


def largest(candidates: Iterable[Candidate]) -> Candidate:
    """The full network, or the nearest to it that was tried: the most multiply-adds."""
    return max(candidates, key=lambda c: (c.macs, c.num_params))


def diff_frame(diff: Diff) -> pd.DataFrame:
    """One row a shared config: old and new median and top1, the changes and their verdicts."""
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
    """One row a budget of the old front: the best top1 in both tables, %; NaN where none runs."""
    rows = [
        (b.max_latency_ms, b.old.accuracy.top1 * 100, b.new.accuracy.top1 * 100 if b.new else None)
        for b in diff.budgets
    ]
    return pd.DataFrame(rows, columns=["max_latency_ms", "old", "new"])


def next_step(selector: Selector, entry: Entry) -> Entry | None:
    """The next more accurate entry of the front; None at its end."""
    index = selector.front.index(entry) + 1
    return selector.front[index] if index < len(selector.front) else None


def budget_steps(selector: Selector, num_steps: int = 200) -> list[float]:
    """Budgets from just below the fastest entry to just above the slowest, even on a log scale."""
    first, last = selector.latencies_ms[0] * 0.9, selector.latencies_ms[-1] * 1.1
    return [rounded(first * (last / first) ** (i / (num_steps - 1))) for i in range(num_steps)]


def rounded(value: float) -> float:
    """To 4 significant digits: as many as a page shows."""
    return float(f"{value:.4g}")


def error_columns(quantity: Quantity) -> tuple[str, str] | None:
    """The columns of the quantity's 95 % interval, where it has one."""
    if quantity.column == "top1":
        return "top1_low", "top1_high"
    return ("latency_p50_low_ms", "latency_p50_high_ms") if quantity is P50 else None
