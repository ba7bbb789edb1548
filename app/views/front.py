"""Front: which entry to ship under a budget, accuracy against cost, and the table's entries."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import address, frames
from app.front_chart import drawn_frame, front_figure, marks_of
from app.opening import Source
from app.quantities import LATENCIES, QUANTITIES, SELECTED, TOP1, Quantity
from app.sentences import beside_the_best, headline
from app.views import chosen_card, entries_table
from app.views.budget_line import draw_over
from app.views.choosing import Choice, choose_budget, choose_device, pick, set_budget
from planner.plain_text import in_markdown


@st.fragment
def show(sources: dict[str, Source]) -> None:
    """Draw the page: what answers comes first, what refines the question below the chart."""
    st.title("Accuracy against cost", anchor=False)
    answer, budget = st.container(gap="xsmall"), st.container()
    chart, more = st.container(), st.container()
    with more:
        source, (x, y) = _device_and_axes(sources)
    with budget:
        choice = choose_budget(source, more)
    with answer:
        _answer(choice)
    left, right = chart.columns([7, 3], gap="medium")
    with left:
        _chart(source, x, y, choice)
    with right, st.container(border=True):
        if choice.entry is None:
            st.warning(in_markdown(choice.why_none), icon=":material/warning:")
        else:
            chosen_card.show(choice, choice.entry, source)
    entries_table.show(source)
    address.publish()


def _device_and_axes(sources: dict[str, Source]) -> tuple[Source, list[Quantity]]:
    columns = st.columns([3, 2, 2])
    with columns[0]:
        source = sources[choose_device(sources)]
    return source, _axes(source, columns[1], columns[2])


def _answer(choice: Choice) -> None:
    """The answer on top: the entry to ship, and what it is against the most accurate."""
    if choice.entry is None:
        st.header("Nothing to ship within these limits", anchor=False)
        return
    text = headline(choice.entry, choice.limits, choice.selector)
    st.header(in_markdown(text), anchor=False)
    if choice.picked:
        st.warning(
            in_markdown(beside_the_best(choice.entry, choice.best, choice.limits)),
            icon=":material/touch_app:",
        )
    notice = st.session_state.pop("notice", None)
    if notice:
        st.info(in_markdown(notice), icon=":material/info:")


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

    def clicked(config_id: str) -> None:
        pick(config_id, source)

    marks = marks_of(source, choice.entry, x, y)
    draw_over("front", marks, budget, x.unit, set_budget, clicked)
    hints = ["Click a point to ship that entry."]
    if budget is not None:
        hints = ["Drag the dashed line to change the budget.", *hints]
    drawable = whole.dropna(subset=[x.column, y.column])
    if len(drawn) < len(drawable):
        hints.append(
            f"Showing {len(drawn):,} of {len(drawable):,} candidates: the Pareto front and a "
            "sample of the others."
        )
    num_others = len(whole) - len(source.table)
    if num_others and TOP1 in (x, y):
        hints.append(
            f"{num_others:,} more candidates were scored on the selection images only; choose "
            f'"{SELECTED.label}" as an axis to see them.'
        )
    st.caption(" ".join(hints))


def _axes(source: Source, *columns: DeltaGenerator) -> list[Quantity]:
    frame = frames.candidates_frame(source)
    names = [name for name, quantity in QUANTITIES.items() if frames.known(frame, quantity)]
    chosen = []
    for column, label, default, key in zip(
        columns, ("X axis", "Y axis"), ("p50", "top1"), ("x", "y"), strict=True
    ):
        address.prepare(
            key, address.one_of(names, "a quantity of this table"), default, known=names
        )
        name = column.selectbox(
            label, names, format_func=lambda name: QUANTITIES[name].label, key=key
        )
        address.keep(key, None if name == default else name)
        chosen.append(QUANTITIES[name])
    return chosen
