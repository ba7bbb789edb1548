"""Widgets that several pages share: which device, which budget, which entry they choose.

Their values live in the URL under their keys, so that a view can be sent to a colleague.
"""

from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from app.frames import budget_steps
from app.opening import Source
from app.quantities import LATENCIES
from planner import Entry, Limits, NoEntryFits, Selector


def choose_device(sources: dict[str, Source], label: str = "Device", key: str = "device") -> str:
    """The name of one source; no widget where there is only one."""
    names = list(sources)
    if len(names) == 1:
        st.caption(names[0])
        return names[0]
    chosen: str = st.selectbox(label, names, key=key, bind="query-params", persist_state="session")
    return chosen


@dataclass(frozen=True)
class Choice:
    """A budget, what it selects, and the rest of the front."""

    limits: Limits
    selector: Selector
    entry: Entry | None
    """None where nothing keeps the limits."""
    why_none: str


def choose_budget(source: Source) -> Choice:
    """A budget to drag or to type, with the other limits behind "More limits"."""
    place = st.container()
    with st.expander("More limits: percentile, margin, MACs, memory"):
        limits = _other_limits()
    selector = _selector(source, limits)
    with place:
        budget = _budget(selector) if selector.front else None
    try:
        entry = selector.select(budget)
    except NoEntryFits as error:
        return Choice(_with_budget(limits, budget), selector, None, str(error))
    return Choice(_with_budget(limits, budget), selector, entry, "")


@lru_cache(maxsize=8)  # 20,000 entries take 50 ms, and a page asks at every change
def _selector(source: Source, limits: Limits) -> Selector:
    return Selector(source.table.entries, limits)


def set_budget(budget: float) -> None:
    """Choose a budget from a callback."""
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
        "The budget bounds",
        list(LATENCIES),
        default="p50",
        key="percentile",
        required=True,
        bind="query-params",
        persist_state="session",
        help="The median, or the time that 90 % or 99 % of the batches keep.",
    )
    margin = columns[1].number_input(
        "Margin, intervals",
        0.0,
        10.0,
        0.0,
        0.5,
        key="margin",
        bind="query-params",
        persist_state="session",
        help="0 trusts the estimate; 1 counts with the upper end of its 95 % interval.",
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
            (columns[2], "At most MMACs", "max_macs"),
            (columns[3], "At most MB of memory", "max_memory"),
        )
    )
    return Limits(
        percentile=percentile or "p50",
        margin=margin or 0.0,
        max_macs=macs * 1e6 if macs else None,
        max_peak_memory_bytes=memory * 1e6 if memory else None,
    )


def _with_budget(limits: Limits, budget: float | None) -> Limits:
    return Limits(
        max_latency_ms=budget,
        percentile=limits.percentile,
        margin=limits.margin,
        max_macs=limits.max_macs,
        max_peak_memory_bytes=limits.max_peak_memory_bytes,
    )
