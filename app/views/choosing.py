"""Widgets that several pages share: the device, the budget and the entry it selects.

Their values are stored in the URL under their keys, so that a view can be shared by its link.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from app.frames import budget_steps
from app.opening import Source
from app.quantities import LATENCIES
from planner import Entry, Limits, NoEntryFits, Selector


def choose_device(sources: dict[str, Source], label: str = "Device", key: str = "device") -> str:
    """Let the user choose a source by name; shows no widget for a single source."""
    names = list(sources)
    if len(names) == 1:
        st.caption(names[0])
        return names[0]
    chosen: str = st.selectbox(label, names, key=key, bind="query-params", persist_state="session")
    return chosen


@dataclass(frozen=True)
class Choice:
    """The limits, the selector for them and the selected entry."""

    limits: Limits
    selector: Selector
    entry: Entry | None
    """None if no entry meets the limits."""
    why_none: str


def choose_budget(source: Source) -> Choice:
    """Let the user set a budget with a slider or a field, and the other limits below it."""
    place = st.container()
    with st.expander("More limits: percentile, margin, MACs, memory"):
        limits = _other_limits()
    selector = _selector(source, limits)
    with place:
        budget = _budget(selector) if selector.front else None
    limits = replace(limits, max_latency_ms=budget)
    try:
        entry = selector.select(budget)
    except NoEntryFits as error:
        return Choice(limits, selector, None, str(error))
    return Choice(limits, selector, entry, "")


@lru_cache(maxsize=8)  # 20,000 entries take 50 ms, at every interaction with a page
def _selector(source: Source, limits: Limits) -> Selector:
    return Selector(source.table.entries, limits)


def set_budget(budget: float) -> None:
    """Set the budget from a callback."""
    st.session_state["budget"] = budget


def _budget(selector: Selector) -> float:
    steps = budget_steps(selector)
    if "budget" not in st.session_state and "budget" not in st.query_params:
        st.session_state["budget"] = steps[len(steps) // 2]

    def dragged() -> None:
        st.session_state["budget"] = st.session_state["drag"]

    wide, narrow = st.columns([3, 1], vertical_alignment="bottom")
    with narrow:
        budget: float = (
            st.number_input(
                "Budget, ms",
                min_value=1e-6,
                max_value=1e9,
                format="%.4g",
                step=steps[1] - steps[0],
                key="budget",
                bind="query-params",
                persist_state="session",
            )
            or steps[-1]
        )
    st.session_state["drag"] = _nearest(steps, budget)
    with wide:
        st.select_slider(
            "Drag the budget",
            steps,
            key="drag",
            on_change=dragged,
            format_func=lambda step: f"{step:.4g} ms",
        )
    return budget


def _nearest(steps: list[float], budget: float) -> float:
    return min(steps, key=lambda step: abs(step - budget))


def _other_limits() -> Limits:
    columns = st.columns(4)
    percentile = columns[0].segmented_control(
        "Percentile",
        list(LATENCIES),
        default="p50",
        key="percentile",
        required=True,
        bind="query-params",
        persist_state="session",
        help="The budget limits the median latency, or the 90th or 99th percentile.",
    )
    margin = columns[1].number_input(
        "Margin",
        0.0,
        10.0,
        0.0,
        0.5,
        key="margin",
        bind="query-params",
        persist_state="session",
        help="0 uses the estimate, 1 the upper end of its 95 % confidence interval.",
    )
    macs, memory = (
        column.number_input(
            label,
            0.0,
            None,
            None,
            key=key,
            bind="query-params",
            persist_state="session",
            placeholder="no limit",
        )
        for column, label, key in (
            (columns[2], "Max. MMACs", "max_macs"),
            (columns[3], "Max. memory, MB", "max_memory"),
        )
    )
    return Limits(
        percentile=percentile or "p50",
        margin=margin or 0.0,
        max_macs=macs * 1e6 if macs else None,
        max_peak_memory_bytes=memory * 1e6 if memory else None,
    )
