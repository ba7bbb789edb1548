"""Front: accuracy against cost, and the entry that a budget selects."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import frames
from app.front_chart import drawn_frame, front_figure, marks_of
from app.opening import Source
from app.quantities import LATENCIES, QUANTITIES, Quantity
from app.views import chosen_card
from app.views.budget_line import draw_over
from app.views.choosing import Choice, choose_budget, choose_device, set_budget


@st.fragment
def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Accuracy against cost")
    columns = st.columns([3, 2, 2])
    with columns[0]:
        source = sources[choose_device(sources)]
    x, y = _axes(source, columns[1], columns[2])
    left, right = st.columns([7, 3], gap="medium")
    with left:
        place = st.container()
        choice = choose_budget(source)
    with place:
        _chart(source, x, y, choice)
    with right, st.container(border=True):
        if choice.entry is None:
            st.warning(choice.why_none, icon=":material/warning:")
        else:
            chosen_card.show(choice, choice.entry, source)


def _chart(source: Source, x: Quantity, y: Quantity, choice: Choice) -> None:
    drawn, whole = drawn_frame(source, x, y), frames.candidates_frame(source)
    budget = choice.limits.max_latency_ms
    if x is not LATENCIES[choice.limits.percentile]:
        budget = None
    st.plotly_chart(
        front_figure(source, x, y),
        key="front",
        config={"displaylogo": False},
        alt=f"{y.label} against {x.label} of {len(drawn)} candidates",
    )
    marks = marks_of(source, choice.entry, x, y)
    draw_over("front", marks, budget, x.unit, set_budget)
    if budget is not None:
        st.caption("Drag the dashed line or click a point to change the budget.")
    if len(drawn) < len(whole):
        st.caption(
            f"Showing {len(drawn):,} of {len(whole):,} candidates: the Pareto front and a sample "
            "of the others."
        )


def _axes(source: Source, *columns: DeltaGenerator) -> list[Quantity]:
    frame = frames.candidates_frame(source)
    names = [name for name, quantity in QUANTITIES.items() if frames.known(frame, quantity)]
    return [
        QUANTITIES[
            column.selectbox(
                label,
                names,
                index=names.index(default),
                format_func=lambda name: QUANTITIES[name].label,
                key=key,
                bind="query-params",
                persist_state="session",
            )
        ]
        for column, label, default, key in zip(
            columns, ("X axis", "Y axis"), ("p50", "top1"), ("x", "y"), strict=True
        )
    ]
