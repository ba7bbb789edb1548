"""A config -> DataFrame: its channel groups, from input to output."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from app.names import short
from planner import Candidate, LookupTable
from planner.plain_text import in_html


def groups_frame(table: LookupTable, candidate: Candidate) -> pd.DataFrame:
    """One row per channel group, in the network's order.

    Columns: group, width in %, layers (text), macs and full_macs (NaN if the table lacks them).
    full_macs is taken from the config with the most multiply-adds.
    """
    described = table.supernet.get("groups", [])
    num = max(len(described), len(candidate.config.width_mults))
    widths = candidate.config.width_mults * (num if len(candidate.config.width_mults) == 1 else 1)
    macs_by_id = table.supernet.get("group_macs", {})
    macs: list[float] = macs_by_id.get(candidate.config_id, [])
    full_macs: list[float] = max(macs_by_id.values(), key=sum, default=[])
    if not len(widths) == len(macs) == len(full_macs) == len(described):
        macs = full_macs = [np.nan] * len(widths)
    names = [f"group {i}" for i in range(1, len(widths) + 1)]
    return pd.DataFrame(
        {
            "group": names if len(widths) > 1 else ["all layers"],
            "width": [100 * width for width in widths],
            "layers": [_layers(group) for group in described] or [""] * len(widths),
            "macs": pd.Series(macs, dtype=float),
            "full_macs": pd.Series(full_macs, dtype=float),
        }
    )


def _layers(group: Mapping[str, Any]) -> str:
    """Describe a group: at most three layer names and its number of channels."""
    names = [in_html(short(str(name), 40)) for name in group["layers"]]
    shown = names if len(names) <= 3 else [names[0], "...", names[-1]]
    return f"{', '.join(shown)}: {group['num_channels']:,} channels in {len(names)} layers"
