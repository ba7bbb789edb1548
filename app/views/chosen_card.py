"""The card beside the front's chart: the chosen entry, and what more time would bring."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import charts, frames
from app.opening import Source
from app.quantities import LATENCIES, MACS, P50, PARAMS, TOP1, Quantity, interval, points
from app.views.choosing import Choice
from planner import Entry, Selector
from planner.selector import latency_ms


def show(choice: Choice, entry: Entry, source: Source) -> None:
    """The card."""
    st.subheader(f"Chosen: {charts.short(entry.config_id)}", anchor=False)
    columns = st.columns(2)
    columns[0].metric("Top-1 accuracy", TOP1.shown(entry.top1))
    columns[0].caption("95 %: " + interval(TOP1, entry.top1_low, entry.top1_high))
    _latency(columns[1], choice, entry)
    columns = st.columns(2)
    columns[0].metric("Multiply-adds", MACS.shown(entry.macs))
    columns[0].caption(f"{PARAMS.shown(entry.num_params)} parameters")
    columns[1].metric("Input side", f"{entry.resolution} px")
    columns[1].caption(f"{entry.kind}, {entry.num_samples:,} timed batches")
    st.divider()
    st.markdown(gain(choice, entry))
    _doubts(entry, source)


def _latency(column: DeltaGenerator, choice: Choice, entry: Entry) -> None:
    bounded = LATENCIES[choice.limits.percentile]
    column.metric(f"Latency {choice.limits.percentile}", bounded.shown(_value(entry, bounded)))
    median = interval(P50, entry.latency_p50_low_ms, entry.latency_p50_high_ms)
    if bounded is P50:
        column.caption("95 %: " + median)
    else:
        column.caption(f"median {P50.shown(entry.latency_p50_ms)} {median}")


def _value(entry: Entry, quantity: Quantity) -> float:
    value: float = getattr(entry, quantity.column)
    return value


def gain(choice: Choice, entry: Entry) -> str:
    """What a millisecond more brings, and what the next step of the front takes."""
    limits, selector = choice.limits, choice.selector
    budget = limits.max_latency_ms or 0.0
    above = frames.next_step(selector, entry)
    if above is None:
        return "**A longer budget gains nothing**: this is the most accurate entry."
    step = more_ms(selector)
    better = selector.select(budget + step)
    gained = points(better.top1 - entry.top1, sign=True)
    needed = latency_ms(above, limits.percentile, limits.margin)
    return (
        f"**{step:g} ms more: {gained}.** The next step, `{charts.short(above.config_id)}`, "
        f"needs {P50.number(needed - budget)} ms more and gains {points(above.top1 - entry.top1)}."
    )


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
        tied = ", ".join(f"`{charts.short(name)}`" for name in entry.tied_with[:3])
        more = f" and {len(entry.tied_with) - 3} more" if len(entry.tied_with) > 3 else ""
        st.caption(f"Its latency can't be told from that of {tied}{more}.")
    report = source.table.splits["report"]
    st.caption(
        f"Accuracy on {report:,} images that nothing was chosen with; it was chosen with "
        f"{TOP1.shown(entry.top1_selection)} on the selection split."
    )
