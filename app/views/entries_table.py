"""The table's entries, sortable; selecting a row ships its entry."""

from functools import lru_cache

import pandas as pd
import streamlit as st

from app.frames import entries_frame
from app.names import short_names
from app.opening import Source
from app.quantities import QUANTITIES
from app.terms import TERMS
from app.views.choosing import pick

MAX_ROWS = 5000
CONFIG_WIDTH = 190
"""Pixels: a phone shows the accuracy beside the name."""
MAX_CONFIG = 24
FORMATS = {"top1": "%.2f", "p50": "%.4g", "p90": "%.4g", "p99": "%.4g"}


def show(source: Source) -> None:
    """Draw the table."""
    st.subheader("All entries", anchor=False)
    frame = entries_frame(source)
    key = f"entries_{st.session_state.get('entries_round', 0)}"

    def selected() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        st.session_state["entries_rows"] = bool(rows)
        if rows:
            pick(source.table.entries[rows[0]].config_id, source)

    columns = {
        quantity.label: st.column_config.NumberColumn(
            format=FORMATS.get(name, "%.3f"), help=TERMS[name]
        )
        for name, quantity in QUANTITIES.items()
        if name in TERMS
    }
    st.dataframe(
        _listed(source),
        hide_index=True,
        key=key,
        on_select=selected,
        selection_mode="single-row",
        column_config=columns
        | {
            "Config": st.column_config.TextColumn(width=CONFIG_WIDTH, help=TERMS["config"]),
            frame.columns[2]: st.column_config.NumberColumn(format="%.2f"),
        },
    )
    hint = "Click a column's title to sort, the box before a row to ship its entry."
    if len(frame) > MAX_ROWS:
        hint += f" The {MAX_ROWS:,} fastest of {len(frame):,} entries are listed."
    st.caption(hint)


@lru_cache(maxsize=8)  # a page asks at every change of the budget
def _listed(source: Source) -> pd.DataFrame:
    frame = entries_frame(source).head(MAX_ROWS)
    return frame.assign(Config=list(short_names(frame["Config"], MAX_CONFIG).values()))
