"""Plan: the few entries worth shipping to a fleet, and what that costs."""

from typing import Any

import pandas as pd
import streamlit as st

from app.frames import rounded
from app.opening import Source
from app.plan_chart import plan_figure, regret_figure
from app.plan_frames import Budgets, even_budgets, plan_frame, regret_frame, served_frame
from app.quantities import points
from app.views.choosing import choose_device
from planner import InvalidValue, Plan, make_plans
from planner.plan import default_budgets

MAX_ENTRIES = 12


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Which entries to ship")
    st.markdown(
        "Each device runs the most accurate entry within its budget. Shipping only a few entries "
        "loses some accuracy compared with shipping all of them. This page shows which entries to "
        "ship and how much accuracy they lose."
    )
    weights = _fleet(sources)
    fleet = {name: sources[name] for name in weights}
    left, right = st.columns(2, gap="medium")
    with right:
        budgets = _budgets(fleet)
    try:
        plans = make_plans(
            [source.table for source in fleet.values()],
            MAX_ENTRIES,
            weights=list(weights.values()),
            budgets=budgets,
        )
    except InvalidValue as error:
        st.warning(str(error), icon=":material/warning:")
        return
    with left:
        chosen = _num_entries(len(plans))
    _show_plan(plans, chosen, fleet, budgets)


def _show_plan(
    plans: list[Plan], chosen: int, fleet: dict[str, Source], budgets: Budgets | None
) -> None:
    plan = plans[chosen - 1]
    _verdict(plan, plans)
    served = {
        name: served_frame(source.table, plan, budgets or default_budgets(source.table))
        for name, source in fleet.items()
    }
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("The cost of shipping fewer entries", anchor=False)
        st.caption(
            "Regret: the expected loss of top-1 over budgets and fleet, compared with all entries."
        )
        st.plotly_chart(
            regret_figure(regret_frame(plans), chosen),
            key="regret",
            config={"displaylogo": False},
            alt="Regret (expected loss of top-1) by number of entries shipped",
        )
    with right:
        st.subheader("Where accuracy is lost", anchor=False)
        name = choose_device(fleet, key="plan_device")
        st.plotly_chart(
            plan_figure(served[name]),
            key="served",
            config={"displaylogo": False},
            alt="Top-1 under each budget, of all entries and of this plan",
        )
    st.subheader("The entries to ship", anchor=False)
    frame = plan_frame(fleet, plan, served)
    st.dataframe(frame, hide_index=True, column_config=_digits(frame))
    st.caption("Budgets: the share of a device's budgets that select this entry.")


def _budgets(fleet: dict[str, Source]) -> Budgets | None:
    """Budgets in a range, the same on all devices; None for those of each device's front."""
    how = st.segmented_control(
        "Budgets (log-spaced)",
        ["whole front", "a range"],
        default="whole front",
        required=True,
        key="budgets",
        bind="query-params",
        persist_state="session",
    )
    if how != "a range":
        return None
    every = [budget for s in fleet.values() for budget, _ in default_budgets(s.table)]
    columns = st.columns(2)
    low, high = (
        column.number_input(
            f"{label}, ms",
            1e-6,
            1e9,
            rounded(value),
            format="%.4g",
            key=key,
            bind="query-params",
            persist_state="session",
        )
        for column, label, value, key in (
            (columns[0], "From", min(every), "budget_from"),
            (columns[1], "To", max(every), "budget_to"),
        )
    )
    return even_budgets(min(low, high), max(low, high))


def _fleet(sources: dict[str, Source]) -> dict[str, float]:
    """Let the user weight the devices; omits devices of weight 0."""
    if len(sources) == 1:
        return dict.fromkeys(sources, 1.0)
    st.subheader("Fleet: the share of each device", anchor=False)
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
        st.info("All weights are 0, so all devices count equally.", icon=":material/info:")
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
        text += f"; one more entry reduces the loss to {points(plans[num].regret)}"
    st.markdown(text + ".")
    st.caption(
        "No other set of this size loses less (exact)."
        if plan.exact
        else f"Any set of this size loses at least {points(plan.regret_bound)}."
    )


def _digits(frame: pd.DataFrame) -> dict[str, Any]:
    times = [str(name) for name in frame if str(name).endswith(", ms")]
    columns = {name: st.column_config.NumberColumn(format="%.4g") for name in times}
    shares = [str(name) for name in frame if str(name).startswith("Budgets")]
    columns |= {name: st.column_config.NumberColumn(format="%.0f") for name in shares}
    return columns | {"Top-1, %": st.column_config.NumberColumn(format="%.2f")}
