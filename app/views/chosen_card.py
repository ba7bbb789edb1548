"""The card beside the front chart: the chosen entry, and what more or less time would bring."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.names import short
from app.opening import Source
from app.quantities import LATENCIES, MACS, P50, PARAMS, TOP1, Quantity, interval
from app.sentences import gain, loss
from app.terms import TERMS
from app.views.choosing import Choice
from planner import Entry
from planner.plain_text import in_markdown


def show(choice: Choice, entry: Entry, source: Source) -> None:
    """Draw the card."""
    st.subheader(f"Chosen: {in_markdown(short(entry.config_id))}", anchor=False)
    left, right = st.columns(2)
    _fact(left, "Top-1 accuracy", TOP1.shown(entry.accuracy.top1), _of_top1(entry), "top1")
    percentile = choice.limits.percentile
    shown = LATENCIES[percentile].shown(_value(entry, LATENCIES[percentile]))
    _fact(right, f"Latency {percentile}", shown, _of_median(entry, percentile), percentile)
    left, right = st.columns(2)
    params = f"{PARAMS.shown(entry.num_params)} parameters"
    _fact(left, "Multiply-adds", MACS.shown(entry.macs), params, "macs")
    samples = f"{entry.latency.num_samples:,} samples"
    _fact(right, "Resolution", f"{entry.config.resolution} px", samples, "resolution")
    if choice.selector.front:
        for text in (gain, loss):
            st.markdown(in_markdown(text(entry, choice.limits, choice.selector)))
    _doubts(entry, source)


def _fact(column: DeltaGenerator, what: str, value: str, more: str, term: str) -> None:
    with column.container(gap="xxsmall"):
        st.metric(what, value, help=TERMS[term])
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


def _doubts(entry: Entry, source: Source) -> None:
    """Show the ties and the data that the accuracies come from."""
    if entry.tied_with:
        tied = ", ".join(map(short, entry.tied_with[:3]))
        more = f" and {len(entry.tied_with) - 3} more" if len(entry.tied_with) > 3 else ""
        text = f"Its latency does not differ significantly from that of {tied}{more}."
        st.caption(in_markdown(text))
    report = source.table.splits["report"]
    st.caption(
        f"Accuracy on {report:,} images that were not used for training or selection. On the "
        f"selection split, it is {TOP1.shown(entry.top1_selection)}."
    )
