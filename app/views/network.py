"""Network: what one config is, against the full network."""

import pandas as pd
import streamlit as st

from app import charts, frames
from app.network_chart import network_figure
from app.opening import Source
from app.quantities import MACS, P50, PARAMS, TOP1, points
from app.views.choosing import choose_device
from planner import Candidate, LookupTable


def show(sources: dict[str, Source]) -> None:
    """The page."""
    st.title("What a config is")
    name = choose_device(sources)
    source = sources[name]
    by_id = source.table.by_config_id
    config_id = st.selectbox(
        "Config",
        list(by_id),
        index=len(by_id) // 2,
        key="config",
        bind="query-params",
        persist_state="session",
    )
    entry = by_id[config_id]
    full = frames.largest(source.candidates)
    _drawing(source.table, entry, full)
    _shares(entry, full)
    supernet = source.table.supernet
    st.caption(
        f"From the supernet `{supernet['model']}` trained on `{supernet['data']}` "
        f"(weights {supernet['weights_sha256'][:12]}), {len(supernet['class_names'])} classes."
    )


def _drawing(table: LookupTable, entry: Candidate, full: Candidate) -> None:
    groups = frames.groups_frame(table, entry)
    if len(set(entry.width_mults)) == 1:
        st.markdown(
            f"Every layer keeps the first **{100 * entry.width_mults[0]:.3g} %** of its channels; "
            f"images are **{entry.resolution} px** on a side."
        )
    else:
        low, high = min(entry.width_mults), max(entry.width_mults)
        st.markdown(
            f"{len(groups)} channel groups keep from **{100 * low:.3g} %** to "
            f"**{100 * high:.3g} %** of their channels each; images are "
            f"**{entry.resolution} px** on a side."
        )
    st.plotly_chart(
        network_figure(groups, entry.resolution, full.resolution),
        key="network",
        config={"displaylogo": False},
        alt="Width and multiply-adds of each channel group from input to output",
    )
    st.caption(_caption(groups, entry))


def _caption(groups: pd.DataFrame, entry: Candidate) -> str:
    text = "From input to output; outlined: the full network, solid: what this config keeps."
    if groups["macs"].isna().all():
        return text + " This table doesn't tell the multiply-adds of each group."
    rest = entry.macs - int(groups["macs"].sum())
    if rest > 0:
        text += f" {MACS.shown(rest)} more are in layers that no width changes."
    return text


def _shares(entry: Candidate, full: Candidate) -> None:
    st.subheader("Against the full network")
    is_full = set(full.width_mults) == {1.0}
    st.caption(
        f"`{charts.short(full.config_id)}`"
        + ("" if is_full else ", the largest that was tried, for the full one was not")
    )
    columns = st.columns(3)
    columns[0].metric(
        "Top-1 accuracy", TOP1.shown(entry.top1), points(entry.top1 - full.top1, sign=True)
    )
    columns[1].metric(
        "Latency p50",
        P50.shown(entry.latency_p50_ms),
        f"{entry.latency_p50_ms / full.latency_p50_ms - 1:+.1%}",
        delta_color="inverse",
    )
    columns[2].metric(
        "Input",
        f"{entry.resolution} px",
        f"{entry.resolution - full.resolution} px",
        delta_color="off",
    )
    st.plotly_chart(
        charts.share_figure(
            [
                ("Multiply-adds", 100 * entry.macs / full.macs, MACS.shown(entry.macs)),
                (
                    "Parameters",
                    100 * entry.num_params / full.num_params,
                    PARAMS.shown(entry.num_params),
                ),
            ]
        ),
        key="shares",
        config={"displaylogo": False},
    )
