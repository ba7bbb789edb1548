"""The card beside the front chart: the chosen entry, and the gain from a larger budget."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import charts, frames
from app.opening import Source
from app.quantities import LATENCIES, MACS, P50, PARAMS, TOP1, Quantity, interval, points
from app.views.choosing import Choice
from planner import Entry, Selector


def show(choice: Choice, entry: Entry, source: Source) -> None:
    """Draw the card."""
    st.subheader(f"Chosen: {short(entry.config_id)}", anchor=False)
    left, right = st.columns(2)
    _fact(left, "Top-1 accuracy", TOP1.shown(entry.accuracy.top1), _of_top1(entry))
    percentile = choice.limits.percentile
    shown = LATENCIES[percentile].shown(_value(entry, LATENCIES[percentile]))
    _fact(right, f"Latency {percentile}", shown, _of_median(entry, percentile))
    left, right = st.columns(2)
    samples = f"{entry.latency.num_samples:,} samples"
    params = f"{PARAMS.shown(entry.num_params)} parameters"
    _fact(left, "Multiply-adds", MACS.shown(entry.macs), params)
    _fact(
        right,
        "Resolution",
        f"{entry.config.resolution} px",
        samples,
    )
    st.markdown(gain(choice, entry))
    _doubts(entry, source)


def _fact(column: DeltaGenerator, what: str, value: str, more: str) -> None:
    with column.container(gap="xxsmall"):
        st.metric(what, value)
        st.caption(more)


def _of_top1(entry: Entry) -> str:
    return "95 %: " + interval(TOP1, entry.accuracy.top1_low, entry.accuracy.top1_high)


def _of_median(entry: Entry, percentile: str) -> str:
    median = interval(P50, entry.latency.p50_low_ms, entry.latency.p50_high_ms)
    if percentile == "p50":
        return "95 %: " + median if entry.latency.kind == "measured" else "predicted"
    return f"median {P50.shown(entry.latency.p50_ms)} {median}"


def _value(entry: Entry, quantity: Quantity) -> float:
    value: float = entry.value(quantity.column)
    return value


def gain(choice: Choice, entry: Entry) -> str:
    """The gain from one more millisecond, and the cost of the next entry of the front."""
    limits, selector = choice.limits, choice.selector
    budget = limits.max_latency_ms or 0.0
    above = frames.next_step(selector, entry)
    if above is None:
        return "**A larger budget gains nothing**: this is the most accurate entry."
    step = more_ms(selector)
    better = selector.select(budget + step)
    gained = points(better.accuracy.top1 - entry.accuracy.top1, sign=True)
    next_gain = points(above.accuracy.top1 - entry.accuracy.top1)
    needed = limits.latency_ms(above)
    return (
        f"**{step:g} ms more: {gained}.** The next entry, `{short(above.config_id)}`, "
        f"needs {P50.number(needed - budget)} ms more and gains {next_gain}."
    )


def more_ms(selector: Selector) -> float:
    """1 ms, or the largest smaller power of ten that fits twice into the front's latency range."""
    span = selector.latencies_ms[-1] - selector.latencies_ms[0]
    step = 1.0
    while step > 1e-6 and span < 2 * step:
        step /= 10
    return round(step, 6)


def _doubts(entry: Entry, source: Source) -> None:
    """Show the ties and the data that the accuracies come from."""
    if entry.tied_with:
        tied = ", ".join(f"`{short(name)}`" for name in entry.tied_with[:3])
        more = f" and {len(entry.tied_with) - 3} more" if len(entry.tied_with) > 3 else ""
        st.caption(f"Its latency does not differ significantly from that of {tied}{more}.")
    report = source.table.splits["report"]
    st.caption(
        f"Accuracy on {report:,} images that were not used for training or selection. On the "
        f"selection split, it is {TOP1.shown(entry.top1_selection)}."
    )
