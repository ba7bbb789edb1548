"""Plan: the few entries worth shipping to a fleet, and what that costs."""

from typing import Any

import pandas as pd
import streamlit as st

from app import charts, frames
from app.opening import Source
from app.quantities import points
from planner import InvalidValue, Plan, make_plans

MAX_ENTRIES = 12


def show(sources: dict[str, Source]) -> None:
    """The page."""
    st.title("Which entries to ship")
    st.markdown(
        "A fleet meets every budget between its fastest and its slowest entry, each as likely as "
        "the next on a log scale. Shipping few entries loses some accuracy against shipping all."
    )
    weights = _fleet(sources)
    try:
        plans = make_plans(
            [sources[name].table for name in weights], MAX_ENTRIES, weights=list(weights.values())
        )
    except InvalidValue as error:
        st.warning(str(error), icon=":material/warning:")
        return
    chosen = _num_entries(len(plans))
    plan = plans[chosen - 1]
    _verdict(plan, plans)
    st.plotly_chart(
        charts.regret_figure(frames.regret_frame(plans), chosen),
        key="regret",
        config={"displaylogo": False},
        alt="Expected loss of top-1 against the number of entries shipped",
    )
    st.subheader("The entries")
    frame = frames.plan_frame({name: sources[name] for name in weights}, plan)
    st.dataframe(frame, hide_index=True, column_config=_digits(frame))


def _fleet(sources: dict[str, Source]) -> dict[str, float]:
    """How common each device is; those of no weight are left out."""
    if len(sources) == 1:
        return dict.fromkeys(sources, 1.0)
    st.subheader("The fleet")
    columns = st.columns(min(len(sources), 3))
    weights = {
        name: columns[index % len(columns)].slider(
            name,
            0,
            10,
            1,
            key=f"weight{index + 1}",
            bind="query-params",
            persist_state="session",
        )
        for index, name in enumerate(sources)
    }
    present = {name: float(weight) for name, weight in weights.items() if weight}
    if not present:
        st.info("Every weight is 0, so all devices count alike.", icon=":material/info:")
    return present or dict.fromkeys(sources, 1.0)


def _num_entries(most: int) -> int:
    if most == 1:
        return 1
    chosen: int = st.slider(
        "Entries to ship",
        1,
        most,
        min(4, most),
        key="k",
        bind="query-params",
        persist_state="session",
    )
    return chosen


def _verdict(plan: Plan, plans: list[Plan]) -> None:
    num = len(plan.config_ids)
    entries = "1 entry loses" if num == 1 else f"{num} entries lose"
    text = f"**{entries} {points(plan.regret)}** of top-1 on average"
    if num < len(plans):
        text += f"; one more would lose {points(plans[num].regret)}"
    st.markdown(text + ".")
    st.caption(
        "No other choice of as many is better (exact)."
        if plan.exact
        else f"No other choice of as many can lose less than {points(plan.regret_bound)}."
    )


def _digits(frame: pd.DataFrame) -> dict[str, Any]:
    times = [str(name) for name in frame if str(name).endswith(", ms")]
    columns = {name: st.column_config.NumberColumn(format="%.4g") for name in times}
    return columns | {"Top-1, %": st.column_config.NumberColumn(format="%.2f")}
