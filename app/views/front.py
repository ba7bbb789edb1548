"""Front: accuracy against cost, and the entry that a budget chooses."""

import pandas as pd
import streamlit as st

from app import charts, frames
from app.front_chart import front_figure
from app.opening import Source
from app.quantities import (
    LATENCIES,
    MACS,
    P50,
    PARAMS,
    QUANTITIES,
    TOP1,
    Quantity,
    interval,
    points,
)
from app.views.choosing import Choice, choose_budget, choose_device
from planner import Entry, Selector
from planner.selector import latency_ms


def show(sources: dict[str, Source]) -> None:
    """The page."""
    st.title("Accuracy against cost")
    name = choose_device(sources)
    _front(name, sources[name])


@st.fragment
def _front(name: str, source: Source) -> None:
    frame = frames.candidates_frame(source)
    x, y = _axes(frame)
    place = st.container()
    choice = choose_budget(source)
    chosen = choice.entry.config_id if choice.entry else None
    drawn = frames.thinned(frame, x, y, [chosen] if chosen else [])
    bounded = LATENCIES[choice.limits.percentile]
    budget = choice.limits.max_latency_ms if x is bounded else None
    place.plotly_chart(
        front_figure(drawn, x, y, budget=budget, chosen=chosen),
        key="front",
        config={"displaylogo": False},
        alt=f"{y.label} against {x.label} of {len(drawn)} candidates",
    )
    if len(drawn) < len(frame):
        place.caption(
            f"{len(drawn):,} of {len(frame):,} candidates drawn: the front, and one "
            "of each place beside it."
        )
    if choice.entry is None:
        st.warning(choice.why_none, icon=":material/warning:")
    else:
        _card(choice, choice.entry, source)


def _axes(frame: pd.DataFrame) -> tuple[Quantity, Quantity]:
    names = [name for name, quantity in QUANTITIES.items() if frames.known(frame, quantity)]
    columns = st.columns(2)
    across, up = (
        column.selectbox(
            label,
            names,
            index=names.index(default),
            format_func=lambda name: QUANTITIES[name].label,
            key=key,
            bind="query-params",
            persist_state="session",
        )
        for column, label, default, key in (
            (columns[0], "Across", "p50", "x"),
            (columns[1], "Up", "top1", "y"),
        )
    )
    return QUANTITIES[across], QUANTITIES[up]


def _card(choice: Choice, entry: Entry, source: Source) -> None:
    st.subheader(f"Chosen: {charts.short(entry.config_id)}")
    bounded = LATENCIES[choice.limits.percentile]
    columns = st.columns(4)
    columns[0].metric("Top-1 accuracy", TOP1.shown(entry.top1))
    columns[0].caption("95 %: " + interval(TOP1, entry.top1_low, entry.top1_high))
    columns[1].metric(f"Latency {choice.limits.percentile}", bounded.shown(_value(entry, bounded)))
    median = interval(P50, entry.latency_p50_low_ms, entry.latency_p50_high_ms)
    if bounded is P50:
        columns[1].caption("95 %: " + median)
    else:
        columns[1].caption(f"median {P50.shown(entry.latency_p50_ms)} {median}")
    columns[2].metric("Multiply-adds", MACS.shown(entry.macs))
    columns[2].caption(f"{PARAMS.shown(entry.num_params)} parameters")
    columns[3].metric("Input", f"{entry.resolution} px")
    columns[3].caption(f"{entry.kind}, {entry.num_samples:,} timed batches")
    st.markdown(_gain(choice, entry))
    _doubts(entry, source)


def _value(entry: Entry, quantity: Quantity) -> float:
    value: float = getattr(entry, quantity.column)
    return value


def _gain(choice: Choice, entry: Entry) -> str:
    """What the next step of the front brings, and what a millisecond more would."""
    limits, selector = choice.limits, choice.selector
    budget = limits.max_latency_ms or 0.0
    above = frames.next_step(selector, entry)
    if above is None:
        return "**A longer budget gains nothing**: this is the most accurate entry."
    needed = latency_ms(above, limits.percentile, limits.margin)
    text = (
        f"**Next step**: `{charts.short(above.config_id)}` needs "
        f"{P50.number(needed - budget)} ms more and gains {points(above.top1 - entry.top1)}. "
    )
    step = more_ms(selector)
    better = selector.select(budget + step)
    gain = points(better.top1 - entry.top1, sign=True)
    return text + f"With **{step:g} ms more**: {gain}."


def more_ms(selector: Selector) -> float:
    """1 ms, or the largest power of ten that the front spans twice where it spans less."""
    span = selector.latencies_ms[-1] - selector.latencies_ms[0]
    step = 1.0
    while step > 1e-6 and span < 2 * step:
        step /= 10
    return round(step, 6)


def _doubts(entry: Entry, source: Source) -> None:
    """What the intervals leave open."""
    if entry.tied_with:
        tied = ", ".join(f"`{charts.short(name)}`" for name in entry.tied_with[:5])
        st.caption(f"Its latency can't be told from that of {tied}.")
    report = source.table.splits["report"]
    st.caption(
        f"Accuracy on {report:,} images that nothing was chosen with; it was chosen with "
        f"{TOP1.shown(entry.top1_selection)} on the selection split."
    )
