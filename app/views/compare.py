"""Compare: what changed between two tables beyond measurement noise."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import address, charts, frames
from app.names import short_names
from app.opening import Source
from app.views import trouble
from app.views.entries_table import CONFIG_WIDTH, MAX_CONFIG
from planner import Diff


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("What changed beyond noise", anchor=False)
    if len(sources) == 1:
        trouble.show_single(
            "One table is open. Open two, the older first:",
            "mutualnas explorer OLD.json NEW.json",
        )
        return
    names = list(sources)
    columns = st.columns(2)
    old, new = (
        _choose(column, label, key, names, names[index])
        for index, (column, label, key) in enumerate(
            ((columns[0], "Old", "old"), (columns[1], "New", "new"))
        )
    )
    if sources[old].table.target != sources[new].table.target:
        st.info(
            "These tables were measured on different targets, which may explain the changes.",
            icon=":material/info:",
        )
    _changes(Diff(sources[old].table, sources[new].table))


def _choose(column: DeltaGenerator, label: str, key: str, names: list[str], default: str) -> str:
    address.prepare(key, address.one_of(names, "an open table"), default, known=names)
    chosen: str = column.selectbox(
        label, names, format_func=short_names(names).__getitem__, key=key
    )
    address.keep(key, None if chosen == default else chosen)
    return chosen


def _changes(diff: Diff) -> None:
    if not diff.configs:
        st.warning("The tables have no config in common.", icon=":material/warning:")
        return
    frame = frames.diff_frame(diff)
    columns = st.columns(4)
    for column, verdict in zip(columns, ("faster", "within noise", "slower"), strict=False):
        column.metric(verdict.capitalize(), f"{(frame['latency'] == verdict).sum():,} configs")
    columns[3].metric("Added / removed", f"{len(diff.added):,} / {len(diff.removed):,}")
    st.plotly_chart(
        charts.diff_figure(frame.iloc[frames.evenly(range(len(frame)), frames.MAX_POINTS)]),
        key="changes",
        config={"displaylogo": False},
        alt="Change of each config's median latency",
    )
    st.subheader("Highest top-1 under each budget", anchor=False)
    budgets = frames.budgets_frame(diff)
    st.plotly_chart(
        charts.budgets_figure(budgets.iloc[frames.evenly(range(len(budgets)), frames.MAX_STEPS)]),
        key="budgets",
        config={"displaylogo": False},
        alt="Highest top-1 under each budget in both tables",
    )
    if budgets["new"].isna().any():
        st.caption("The new line starts at the first budget that an entry of the new table fits.")
    st.subheader("All configs", anchor=False)
    st.dataframe(
        frame.assign(config_id=frame["config_id"].map(short_names(frame["config_id"], MAX_CONFIG))),
        hide_index=True,
        column_config={
            "config_id": st.column_config.TextColumn("Config", width=CONFIG_WIDTH),
            "old_ms": st.column_config.NumberColumn("Old p50, ms", format="%.4g"),
            "new_ms": st.column_config.NumberColumn("New p50, ms", format="%.4g"),
            "latency_change": st.column_config.NumberColumn("Change, %", format="%+.1f"),
            "latency": "Latency",
            "old_top1": st.column_config.NumberColumn("Old top-1, %", format="%.2f"),
            "new_top1": st.column_config.NumberColumn("New top-1, %", format="%.2f"),
            "accuracy": "Accuracy",
        },
    )
    st.caption(
        "A config counts as faster or slower only if the 95 % confidence intervals of its medians "
        f"are further apart than the {diff.spread:.1%} that two measuring sessions may "
        "differ by, and as more or less accurate only if those of its top-1 do not overlap."
    )
