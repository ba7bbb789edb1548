"""Network: the structure of the chosen config, compared with the full network."""

import pandas as pd
import streamlit as st

from app import frames
from app.names import short, short_names
from app.network_chart import network_figure
from app.network_frame import groups_frame
from app.opening import Source
from app.quantities import MACS, P50, PARAMS, TOP1, points
from app.terms import TERMS
from app.views.choosing import choice_of_view, choose_device, pick_only
from planner import Candidate, Entry, LookupTable
from planner.plain_text import in_markdown


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Structure of a config", anchor=False)
    left, right = st.columns(2)
    with left:
        source = sources[choose_device(sources)]
    with right:
        entry = _choose_config(source)
    full = frames.largest(source.candidates)
    _drawing(source.table, entry, full)
    _comparison(entry, full)
    supernet = source.table.supernet
    st.caption(
        in_markdown(
            f"From the supernet {supernet['model']} trained on {supernet['data']} "
            f"(weights {supernet['weights_sha256'][:12]}), {len(supernet['class_names'])} classes."
        )
    )


def _choose_config(source: Source) -> Entry:
    """Let the user choose a config; at first it is the entry to ship."""
    choice = choice_of_view(source)
    shown = choice.entry or source.table.entries[0]
    by_id = source.table.by_config_id
    st.session_state["network_config"] = shown.config_id

    def chosen() -> None:
        pick_only(st.session_state["network_config"])

    name = st.selectbox(
        "Config",
        list(by_id),
        format_func=short_names(by_id).__getitem__,
        key="network_config",
        on_change=chosen,
        help=TERMS["config"],
    )
    return by_id[name]


def _drawing(table: LookupTable, entry: Candidate, full: Candidate) -> None:
    groups = groups_frame(table, entry)
    widths = entry.config.width_mults
    if len(set(widths)) == 1:
        st.markdown(
            f"Every layer keeps the first **{100 * widths[0]:.3g} %** of its channels; "
            f"input images are **{entry.config.resolution} px** wide and high."
        )
    else:
        low, high = min(entry.config.width_mults), max(entry.config.width_mults)
        st.markdown(
            f"{len(groups)} channel groups keep between **{100 * low:.3g} %** and "
            f"**{100 * high:.3g} %** of their channels; input images are "
            f"**{entry.config.resolution} px** wide and high."
        )
    st.plotly_chart(
        network_figure(groups, entry.config.resolution, full.config.resolution),
        key="network",
        config={"displaylogo": False},
        alt="Width and multiply-adds of each channel group from input to output",
    )
    st.caption(_caption(groups, entry))


def _caption(groups: pd.DataFrame, entry: Candidate) -> str:
    text = "Groups from input to output. Outlined: the full network; filled: this config."
    if groups["macs"].isna().all():
        return text + " This table does not record the multiply-adds of each group."
    rest = entry.macs - int(groups["macs"].sum())
    if rest > 0:
        text += f" Layers of fixed width add {MACS.shown(rest)}."
    return text


def _comparison(entry: Entry, full: Candidate) -> None:
    """Compare with the largest candidate, in the accuracy that both have."""
    st.subheader("Compared with the full network", anchor=False)
    is_full = set(full.config.width_mults) == {1.0}
    both_reported = isinstance(full, Entry)
    st.caption(
        in_markdown(short(full.config_id))
        + ("" if is_full else ", the largest candidate, because the full network was not evaluated")
        + (
            ""
            if both_reported
            else ". It is not in the table, so accuracies are on the selection images"
        )
    )
    columns = st.columns(5)
    own_top1 = entry.accuracy.top1 if both_reported else entry.top1_selection
    gained = points(own_top1 - full.accuracy.top1, sign=True)
    columns[0].metric("Top-1 accuracy", TOP1.shown(own_top1), gained, help=TERMS["top1"])
    for column, what, quantity, term in (
        (columns[1], "Latency p50", P50, "p50"),
        (columns[2], "Multiply-adds", MACS, "macs"),
        (columns[3], "Parameters", PARAMS, "params"),
    ):
        own, largest = entry.value(quantity.column), full.value(quantity.column)
        change = f"{100 * own / max(largest, 1e-9) - 100:+.1f} %"
        column.metric(what, quantity.shown(own), change, delta_color="inverse", help=TERMS[term])
    smaller = entry.config.resolution - full.config.resolution
    columns[4].metric(
        "Resolution",
        f"{entry.config.resolution} px",
        f"{smaller:+d} px" if smaller else None,
        delta_color="off",
        help=TERMS["resolution"],
    )
