"""Network: the structure of one config, compared with the full network."""

import pandas as pd
import streamlit as st

from app import charts, frames
from app.network_chart import network_figure
from app.network_frame import groups_frame
from app.opening import Source
from app.quantities import MACS, P50, PARAMS, TOP1, points
from app.views.choosing import choose_device
from planner import Candidate, LookupTable, Selector


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Structure of a config")
    left, right = st.columns(2)
    with left:
        source = sources[choose_device(sources)]
    by_id = source.table.by_config_id
    front = Selector(source.table.entries).front
    config_id = right.selectbox(
        "Config",
        list(by_id),
        index=list(by_id).index(front[len(front) // 2].config_id),
        key="config",
        bind="query-params",
        persist_state="session",
    )
    entry = by_id[config_id]
    full = frames.largest(source.candidates)
    _drawing(source.table, entry, full)
    _comparison(entry, full)
    supernet = source.table.supernet
    st.caption(
        f"From the supernet `{supernet['model']}` trained on `{supernet['data']}` "
        f"(weights {supernet['weights_sha256'][:12]}), {len(supernet['class_names'])} classes."
    )


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


def _comparison(entry: Candidate, full: Candidate) -> None:
    st.subheader("Compared with the full network", anchor=False)
    is_full = set(full.config.width_mults) == {1.0}
    st.caption(
        f"`{short(full.config_id)}`"
        + ("" if is_full else ", the largest candidate, because the full network was not evaluated")
    )
    columns = st.columns(5)
    gained = points(entry.accuracy.top1 - full.accuracy.top1, sign=True)
    columns[0].metric("Top-1 accuracy", TOP1.shown(entry.accuracy.top1), gained)
    for column, what, quantity in (
        (columns[1], "Latency p50", P50),
        (columns[2], "Multiply-adds", MACS),
        (columns[3], "Parameters", PARAMS),
    ):
        own, largest = entry.value(quantity.column), full.value(quantity.column)
        change = f"{100 * own / max(largest, 1e-9) - 100:+.1f} %"
        column.metric(what, quantity.shown(own), change, delta_color="inverse")
    smaller = entry.config.resolution - full.config.resolution
    columns[4].metric(
        "Resolution",
        f"{entry.config.resolution} px",
        f"{smaller:+d} px" if smaller else None,
        delta_color="off",
    )
