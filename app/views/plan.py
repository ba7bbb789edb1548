"""Plan: the few entries worth shipping to a fleet, and what that costs."""

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import address
from app.frames import rounded
from app.names import short, short_names
from app.opening import Source
from app.plan_chart import plan_figure, regret_figure
from app.plan_frames import Budgets, even_budgets, plan_frame, regret_frame, served_frame
from app.quantities import points
from app.terms import TERMS
from app.views.choosing import choose_device
from app.views.entries_table import CONFIG_WIDTH, MAX_CONFIG
from app.views.planning import plans_of
from planner import InvalidValue, Plan
from planner.plain_text import in_markdown
from planner.plan import default_budgets

MAX_ENTRIES = 12
MAX_NAMED = 4


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Which entries to ship", anchor=False)
    answer = st.empty()  # cleared first: an old answer must not stand beside new values
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
        with answer.container():
            plans = plans_of(
                tuple(source.table for source in fleet.values()),
                tuple(weights.values()),
                budgets,
                MAX_ENTRIES,
            )
    except InvalidValue as error:
        st.warning(in_markdown(error), icon=":material/warning:")
        return
    if not plans:
        st.warning("No entry runs within any of these budgets.", icon=":material/warning:")
        return
    with left:
        chosen = _num_entries(len(plans))
    with answer.container(gap="xsmall"):
        _verdict(plans[chosen - 1], plans)
    _show_plan(plans, chosen, fleet, budgets)


def _show_plan(
    plans: list[Plan], chosen: int, fleet: dict[str, Source], budgets: Budgets | None
) -> None:
    plan = plans[chosen - 1]
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
    names = short_names(frame["Config"], MAX_CONFIG)
    st.dataframe(
        frame.assign(Config=frame["Config"].map(names)),
        hide_index=True,
        column_config=_digits(frame),
    )
    st.caption("Budgets: the share of a device's budgets that select this entry.")


def _budgets(fleet: dict[str, Source]) -> Budgets | None:
    """Budgets in a range, the same on all devices; None for those of each device's front."""
    kinds = ["whole front", "a range"]
    address.prepare("budgets", address.one_of(kinds, "a kind of budgets"), kinds[0], known=kinds)
    how = st.segmented_control(
        "Budgets (log-spaced)", kinds, required=True, key="budgets", help=TERMS["budget"]
    )
    address.keep("budgets", None if how == kinds[0] else how)
    if how != "a range":
        return None
    every = [budget for s in fleet.values() for budget, _ in default_budgets(s.table)]
    low, high = (
        _limit(column, label, key, rounded(value))
        for column, label, value, key in zip(
            st.columns(2),
            ("From", "To"),
            (min(every), max(every)),
            ("budget_from", "budget_to"),
            strict=True,
        )
    )
    return even_budgets(min(low, high), max(low, high))


def _limit(column: DeltaGenerator, label: str, key: str, default: float) -> float:
    address.prepare(key, address.positive, default)
    chosen: float = column.number_input(f"{label}, ms", 1e-6, 1e9, format="%.4g", key=key)
    return address.keep(key, chosen)


def _fleet(sources: dict[str, Source]) -> dict[str, float]:
    """Let the user weight the devices; omits devices of weight 0."""
    if len(sources) == 1:
        return dict.fromkeys(sources, 1.0)
    st.subheader("Fleet: the share of each device", anchor=False)
    columns = st.columns(min(len(sources), 3))
    names = short_names(sources)
    weights = {
        name: _share(columns[index % len(columns)], names[name], f"{address.WEIGHT}{index + 1}")
        for index, name in enumerate(sources)
    }
    present = {name: float(weight) for name, weight in weights.items() if weight}
    if not present:
        st.info("All weights are 0, so all devices count equally.", icon=":material/info:")
    return present or dict.fromkeys(sources, 1.0)


def _share(column: DeltaGenerator, label: str, key: str) -> int:
    address.prepare(key, address.whole(0, 10), 1)
    chosen: int = column.slider(in_markdown(label), 0, 10, key=key, help=TERMS["share"])
    address.keep(key, None if chosen == 1 else chosen)
    return chosen


def _num_entries(most: int) -> int:
    if most == 1:
        return 1
    default = min(4, most)
    address.prepare("k", address.whole(1, most), default, known=range(1, most + 1))
    chosen: int = st.slider("Entries to ship", 1, most, key="k", help=TERMS["k"])
    return address.keep("k", chosen)


def _verdict(plan: Plan, plans: list[Plan]) -> None:
    """The answer in a sentence: which entries to ship, and what that loses."""
    num = len(plan.config_ids)
    some = [short(name, 24) for name in plan.config_ids[:MAX_NAMED]]
    others = f" and {num - MAX_NAMED} more" if num > MAX_NAMED else ""
    text = f"Ship {', '.join(some)}{others}: {points(plan.regret)} of top-1 lost on average"
    if num < len(plans):
        text += f", {points(plans[num].regret)} with one more"
    st.header(in_markdown(text + "."), anchor=False)
    st.caption(
        "No other set of this size loses less (proved)."
        if plan.exact
        else f"Not proved best: any other set of this size loses at least "
        f"{points(plan.regret_bound)}, so at most {points(plan.regret - plan.regret_bound)} could "
        "be gained."
    )


def _digits(frame: pd.DataFrame) -> dict[str, Any]:
    times = [str(name) for name in frame if str(name).endswith(", ms")]
    columns = {name: st.column_config.NumberColumn(format="%.4g") for name in times}
    shares = [str(name) for name in frame if str(name).startswith("Budgets")]
    columns |= {name: st.column_config.NumberColumn(format="%.0f") for name in shares}
    columns["Config"] = st.column_config.TextColumn(width=CONFIG_WIDTH, help=TERMS["config"])
    return columns | {"Top-1, %": st.column_config.NumberColumn(format="%.2f")}
