"""Devices: several targets side by side, and how their latency orders differ."""

import streamlit as st

from app import charts, frames
from app.opening import Source
from app.quantities import P50, TOP1
from app.views import trouble


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Devices side by side")
    if len(sources) == 1:
        trouble.show_single(
            "One target is open. Measure its entries on another target, then open both tables:",
            "python -m nas.measure TABLE --device DEVICE --runtime RUNTIME --out TABLE2\n"
            "mutualnas explorer TABLE TABLE2",
        )
        return
    st.plotly_chart(
        charts.fronts_figure(frames.fronts_frame(sources)),
        key="fronts",
        config={"displaylogo": False},
        alt="Pareto fronts of all devices",
    )
    shared = frames.shared_ids(source.table for source in sources.values())
    if not shared:
        st.warning(
            "No config was measured on all devices, so latency orders can't be compared.",
            icon=":material/warning:",
        )
        return
    left, right = st.columns(2, gap="large")
    with left:
        _one_config(sources, shared)
    with right:
        _order(sources, shared)


def _one_config(sources: dict[str, Source], shared: list[str]) -> None:
    st.subheader("One config on all devices")
    config_id = st.selectbox(
        "Config",
        shared,
        index=len(shared) // 2,
        key="config",
        bind="query-params",
        persist_state="session",
    )
    frame = frames.config_frame(sources, config_id)
    columns = st.columns(min(len(frame), 4))
    for index, row in enumerate(frame.to_dict("records")):
        column = columns[index % len(columns)]
        column.metric(row["device"], P50.shown(row[P50.column]))
        column.caption(f"top-1 {TOP1.shown(row[TOP1.column])}")
    st.plotly_chart(charts.config_figure(frame), key="one_config", config={"displaylogo": False})


def _order(sources: dict[str, Source], shared: list[str]) -> None:
    st.subheader("Where the latency order differs")
    chosen: str | None = st.session_state.get("config")
    frame = frames.order_frame(sources, chosen)
    num_drawn = frame["config_id"].nunique()
    first, *others = sources
    for other in others:
        swapped, pairs = frames.swapped_pairs(sources[first].table, sources[other].table)
        st.markdown(
            f"- **{other}** reverses the order of {swapped:,} of {pairs:,} pairs of configs "
            f"compared with {first}, with disjoint confidence intervals."
        )
    st.plotly_chart(
        charts.order_figure(frame, chosen),
        key="order",
        config={"displaylogo": False},
        alt="Rank of each config on each device",
    )
    if num_drawn < len(shared):
        st.caption(f"{num_drawn} of {len(shared):,} shared configs shown.")
