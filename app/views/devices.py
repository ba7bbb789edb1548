"""Devices: several targets side by side, and how their latency orders differ."""

import streamlit as st

from app import charts, frames
from app.names import short_names
from app.opening import Source
from app.quantities import P50, TOP1
from app.terms import TERMS
from app.views import trouble
from app.views.choosing import choice_of_view, device_of_view, pick_only
from planner.plain_text import in_markdown


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Devices side by side", anchor=False)
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
        config_id = _one_config(sources, shared)
    with right:
        _order(sources, shared, config_id)


def _one_config(sources: dict[str, Source], shared: list[str]) -> str:
    """Show one config on each device, at first the entry to ship; return its config_id."""
    st.subheader("One config on all devices", anchor=False)
    entry = choice_of_view(sources[device_of_view(sources)]).entry
    is_shared = entry is not None and entry.config_id in shared
    shown = entry.config_id if entry and is_shared else shared[len(shared) // 2]
    st.session_state["devices_config"] = shown

    def chosen() -> None:
        pick_only(st.session_state["devices_config"])

    config_id: str = st.selectbox(
        "Config",
        shared,
        format_func=short_names(shared).__getitem__,
        key="devices_config",
        on_change=chosen,
        help=TERMS["config"],
    )
    frame = frames.config_frame(sources, config_id)
    names = short_names(sources)
    columns = st.columns(min(len(frame), 4))
    for index, row in enumerate(frame.to_dict("records")):
        column = columns[index % len(columns)]
        column.caption(in_markdown(names[row["device"]]))
        column.metric("Latency p50", P50.shown(row[P50.column]), help=TERMS["p50"])
        column.caption(f"top-1 {TOP1.shown(row[TOP1.column])}")
    st.plotly_chart(charts.config_figure(frame), key="one_config", config={"displaylogo": False})
    return config_id


def _order(sources: dict[str, Source], shared: list[str], chosen: str) -> None:
    st.subheader("Where the latency order differs", anchor=False)
    frame = frames.order_frame(sources, chosen)
    num_drawn = frame["config_id"].nunique()
    first, *others = sources
    named = short_names(sources)
    for other in others:
        swapped, pairs = frames.swapped_pairs(sources[first].table, sources[other].table)
        st.markdown(
            f"- **{in_markdown(named[other])}** reverses the order of {swapped:,} of {pairs:,} "
            f"pairs of configs compared with {in_markdown(named[first])}, with disjoint confidence "
            "intervals."
        )
    st.plotly_chart(
        charts.order_figure(frame, chosen),
        key="order",
        config={"displaylogo": False},
        alt="Rank of each config on each device",
    )
    if num_drawn < len(shared):
        st.caption(f"{num_drawn} of {len(shared):,} shared configs shown.")
