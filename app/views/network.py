"""Network: what one config is, against the full network."""

import streamlit as st

from app import charts, frames
from app.opening import Source
from app.quantities import MACS, P50, PARAMS, TOP1, points
from app.views.choosing import choose_device
from planner import Candidate


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
    _drawing(entry, full)
    _shares(entry, full)
    supernet = source.table.supernet
    st.caption(
        f"From the supernet `{supernet['model']}` trained on `{supernet['data']}` "
        f"(weights {supernet['weights_sha256'][:12]}), {len(supernet['class_names'])} classes."
    )


def _drawing(entry: Candidate, full: Candidate) -> None:
    widths = frames.widths_frame(entry.width_mults)
    if len(entry.width_mults) == 1:
        st.markdown(
            f"Every layer keeps the first **{entry.width_mults[0]:.4g}** of its channels; "
            f"images are **{entry.resolution} px** on a side."
        )
    else:
        low, high = min(entry.width_mults), max(entry.width_mults)
        st.markdown(
            f"{len(widths)} channel groups keep from **{low:.4g}** to **{high:.4g}** of their "
            f"channels each; images are **{entry.resolution} px** on a side."
        )
    st.plotly_chart(
        charts.network_figure(widths, entry.resolution, full.resolution),
        key="network",
        config={"displaylogo": False},
        alt="Width of each channel group from input to output",
    )
    st.caption("Pale: the full network. Solid: what this config keeps, from input to output.")


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
