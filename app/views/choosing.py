"""The device, the budget and the entry that they select, which all pages share.

The view is kept in the URL (app/address.py), so that it can be shared by its link. A user may
also pick an entry, in the chart or in the table; it stays picked until a limit changes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import address
from app.frames import budget_steps, default_budget, rounded_up
from app.names import short_names
from app.opening import Source
from app.quantities import LATENCIES
from app.terms import TERMS
from planner import Entry, Limits, NoEntryFits, Selector
from planner.plain_text import in_markdown

MAX_MARGIN = 10.0


def choose_device(sources: dict[str, Source], label: str = "Device", key: str = "device") -> str:
    """Let the user choose a source by name; shows no widget for a single source."""
    names = list(sources)
    if len(names) == 1:
        st.caption(in_markdown(names[0]))
        return names[0]
    address.prepare(key, address.one_of(names, "an open table"), names[0], known=names)
    chosen: str = st.selectbox(
        label, names, format_func=short_names(names).__getitem__, key=key, help=TERMS["device"]
    )
    return address.keep(key, chosen)


def device_of_view(sources: dict[str, Source]) -> str:
    """The chosen device, without a widget."""
    names = list(sources)
    return address.value("device", address.one_of(names, "an open table"), names[0], known=names)


@dataclass(frozen=True)
class Choice:
    """The limits, the selector for them, and the entry to ship."""

    limits: Limits
    selector: Selector
    best: Entry | None
    """What the limits select; None if no entry meets them."""
    entry: Entry | None
    """The entry that the user picked, else `best`."""
    why_none: str

    @property
    def picked(self) -> bool:
        """Whether the user picked an entry other than the one that the limits select."""
        return self.entry is not self.best


def choice_of_view(source: Source) -> Choice:
    """What the view selects from `source`, without a widget."""
    limits = _limits_of_view()
    selector = _selector(source, limits)
    if selector.front:
        budget = address.value("budget", address.positive, default_budget(selector))
        limits = replace(limits, max_latency_ms=budget)
    by_id = source.table.by_config_id
    read = address.one_of(by_id, "a config of this table")
    picked = address.value("config", read, None, known=by_id)
    try:
        best, why_none = selector.select(limits.max_latency_ms), ""
    except NoEntryFits as error:
        best, why_none = None, str(error)
    return Choice(limits, selector, best, by_id.get(picked or "", best), why_none)


def choose_budget(source: Source, more: DeltaGenerator | None = None) -> Choice:
    """Let the user set a budget with a slider or a field, and the other limits in `more`.

    By default the other limits follow the budget.
    """
    place = st.container()
    with (more or st.container()).expander("More limits: percentile, margin, MACs, memory"):
        _choose_other_limits()
    selector = _selector(source, _limits_of_view())
    if selector.front:
        with place:
            _choose_latency(selector)
    return choice_of_view(source)


@lru_cache(maxsize=8)  # 20,000 entries take 50 ms, at every interaction with a page
def _selector(source: Source, limits: Limits) -> Selector:
    return Selector(source.table.entries, limits)


def set_budget(budget: float) -> None:
    """Set the budget from a callback; an entry that was picked no longer is."""
    st.session_state["budget"] = address.keep("budget", budget)
    unpick()


def unpick() -> None:
    """Ship what the limits select, from a callback."""
    address.forget("config")
    if st.session_state.get("entries_rows"):  # a new key clears the table's selection
        st.session_state["entries_round"] = st.session_state.get("entries_round", 0) + 1
        st.session_state["entries_rows"] = False


def pick(config_id: str, source: Source) -> None:
    """Ship this entry, from a callback, and set the budget to what it takes."""
    entry = source.table.by_config_id.get(config_id)
    if entry is None:
        st.session_state["notice"] = (
            f"{config_id} is not in the table, so it can't be shipped: the search scored it on the "
            "selection images only."
        )
        return
    limits = _limits_of_view()
    budget = rounded_up(limits.latency_ms(entry))
    st.session_state["budget"] = address.keep("budget", budget)
    if _selector(source, limits).find(budget) is entry:
        address.forget("config")
    else:
        address.keep("config", config_id)


def pick_only(config_id: str) -> None:
    """Look at this entry, from a callback, whatever the budget."""
    address.keep("config", config_id)


def _choose_latency(selector: Selector) -> None:
    address.prepare("budget", address.positive, default_budget(selector))

    def dragged() -> None:
        set_budget(st.session_state["drag"])

    wide, narrow = st.columns([3, 1], vertical_alignment="bottom")
    with narrow:
        budget: float = st.number_input(
            "Budget, ms",
            min_value=1e-6,
            max_value=1e9,
            format="%.4g",
            step=_field_step(selector),
            key="budget",
            on_change=unpick,
            help=TERMS["budget"],
        )
    address.keep("budget", budget)
    steps = sorted({*budget_steps(selector), budget})
    st.session_state["drag"] = budget
    with wide:
        st.select_slider(
            "Drag the budget",
            steps,
            key="drag",
            on_change=dragged,
            format_func=lambda step: f"{step:.4g} ms",
        )


def _field_step(selector: Selector) -> float:
    """The step of the field's buttons: that of the slider at its fast end."""
    first, second, *_ = budget_steps(selector)
    return second - first


def _limits_of_view() -> Limits:
    percentile = address.value("percentile", address.one_of(LATENCIES, "a percentile"), "p50")
    margin = address.value("margin", address.up_to(MAX_MARGIN), 0.0)
    macs = address.value("max_macs", address.positive, None)
    memory = address.value("max_memory", address.positive, None)
    return Limits(
        percentile=percentile,
        margin=margin,
        max_macs=macs * 1e6 if macs else None,
        max_peak_memory_bytes=memory * 1e6 if memory else None,
    )


def _choose_other_limits() -> None:
    columns = st.columns(4)
    address.prepare(
        "percentile", address.one_of(LATENCIES, "a percentile"), "p50", known=list(LATENCIES)
    )
    percentile = columns[0].segmented_control(
        "Percentile",
        list(LATENCIES),
        key="percentile",
        required=True,
        on_change=unpick,
        help=TERMS["percentile"],
    )
    address.keep("percentile", None if percentile == "p50" else percentile)
    address.prepare("margin", address.up_to(MAX_MARGIN), 0.0)
    margin = columns[1].number_input(
        "Margin",
        0.0,
        MAX_MARGIN,
        step=0.5,
        key="margin",
        on_change=unpick,
        help=TERMS["margin"],
    )
    address.keep("margin", margin or None)
    for column, label, key, term in (
        (columns[2], "Max. MMACs", "max_macs", "macs"),
        (columns[3], "Max. memory, MB", "max_memory", "memory"),
    ):
        address.prepare(key, address.positive, None)
        most = column.number_input(
            label,
            0.0,
            None,
            value=None,
            key=key,
            placeholder="no limit",
            on_change=unpick,
            help=TERMS[term],
        )
        address.keep(key, most or None)
