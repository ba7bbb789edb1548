"""Plans -> DataFrames: regret by number of entries, and the entry selected by each budget."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from app.names import short_names
from app.opening import Source
from planner import LookupTable, Plan, Selector

MAX_DEVICE = 28
"""Characters of a device's name above a column."""
Budgets = list[tuple[float, float]]
"""(milliseconds, weight)."""


def regret_frame(plans: Sequence[Plan]) -> pd.DataFrame:
    """One row per plan: num_entries, regret and its lower bound in percentage points."""
    rows = [(len(p.config_ids), p.regret * 100, p.regret_bound * 100) for p in plans]
    return pd.DataFrame(rows, columns=["num_entries", "regret", "bound"])


def served_frame(
    table: LookupTable, plan: Plan, budgets: Sequence[tuple[float, float]]
) -> pd.DataFrame:
    """One row per budget: max_latency_ms, highest top1 of all entries and of the plan, config_id.

    top1 is in %, NaN if no entry fits; config_id is the plan's entry.
    """
    everything = Selector(table.entries)
    shipped = Selector([table.by_config_id[name] for name in plan.config_ids])
    rows = []
    for budget, _ in budgets:
        best, served = everything.find(budget), shipped.find(budget)
        rows.append(
            (
                budget,
                best.accuracy.top1 * 100 if best else np.nan,
                served.accuracy.top1 * 100 if served else np.nan,
                served.config_id if served else "no entry fits",
            )
        )
    return pd.DataFrame(rows, columns=["max_latency_ms", "all", "plan", "config_id"])


def plan_frame(
    sources: Mapping[str, Source], plan: Plan, served: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """One row per shipped entry: config, top1 in %, and each device's median and budget share.

    `served` maps each device to its `served_frame`.
    """
    first = next(iter(sources.values())).table
    named = short_names(sources, MAX_DEVICE)
    rows = []
    for name in plan.config_ids:
        top1 = first.by_config_id[name].accuracy.top1
        row: dict[str, object] = {
            "Config": name,
            "Top-1, %": top1 * 100,
        }
        for device, source in sources.items():
            row[f"p50 on {named[device]}, ms"] = source.table.by_config_id[name].latency.p50_ms
            share = float((served[device]["config_id"] == name).mean())
            row[f"Budgets on {named[device]}, %"] = 100 * share
        rows.append(row)
    return pd.DataFrame(rows)


def even_budgets(low: float, high: float, num: int = 100) -> list[tuple[float, float]]:
    """Log-spaced budgets from `low` to `high`, each of weight 1."""
    return [(float(budget), 1.0) for budget in np.geomspace(low, high, num)]
