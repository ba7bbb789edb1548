"""Export: download an entry, the table or its artifacts, with code that uses them."""

import json
from collections.abc import Callable
from functools import partial

import streamlit as st

from app.archive import part_of, with_artifacts, zipped
from app.offered_code import INSTALL, to_classify, to_switch
from app.opening import Source
from app.views.choosing import choose_budget, choose_device
from planner import Entry, Limits, LookupTable, PlannerError, make_plans
from planner.export import to_csv, to_json, to_markdown

FORMATS = {
    "JSON": ("lookup_table.json", "application/json", "json", to_json),
    "CSV": ("lookup_table.csv", "text/csv", "text", to_csv),
    "Markdown": ("lookup_table.md", "text/markdown", "markdown", to_markdown),
}
PREVIEW_LINES = 14
PREVIEW_COLUMNS = 160


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Export a table")
    source = sources[choose_device(sources)]
    limits = _chosen_entry(source)
    st.subheader("The table")
    table = _part(source.table)
    _download_table(table)
    _download_artifacts(table, source)
    st.subheader("Use it in Python")
    st.caption(f"`{INSTALL}` installs what it needs, without PyTorch.")
    st.code(to_classify(table, limits), language="python")
    if switching := to_switch(table, limits):
        st.markdown("To switch entries as the load changes:")
        st.code(switching, language="python")


def _chosen_entry(source: Source) -> Limits:
    """Offer the entry that a budget selects, as `planner select` prints it; return the limits."""
    st.subheader("The chosen entry")
    choice = choose_budget(source)
    if choice.entry is None:
        st.warning(choice.why_none, icon=":material/warning:")
    else:
        text = json.dumps(choice.entry.to_json(), indent=2) + "\n"
        st.download_button(
            f"Download {choice.entry.config_id[:60]} as JSON",
            text,
            "entry.json",
            "application/json",
            key="download_entry",
            on_click="ignore",
            icon=":material/download:",
        )
    return choice.limits


def _part(table: LookupTable) -> LookupTable:
    """Reduce the table to the few entries worth shipping, if the user chooses that."""
    how = st.segmented_control(
        "Entries",
        ["all", "worth shipping"],
        default="all",
        required=True,
        key="entries",
        bind="query-params",
        persist_state="session",
    )
    if how != "worth shipping":
        return table
    most = min(12, len(table))
    if most == 1:
        return table
    wanted = st.slider(
        "How many", 1, most, min(4, most), key="ship", bind="query-params", persist_state="session"
    )
    plans = make_plans([table], wanted)
    return part_of(table, plans[-1].config_ids)


def _download_table(table: LookupTable) -> None:
    for tab, (name, (file, mime, language, make)) in zip(
        st.tabs(list(FORMATS)), FORMATS.items(), strict=True
    ):
        with tab:
            st.download_button(
                f"Download {len(table):,} entries as {name}",
                partial(make, table),
                file,
                mime,
                key=f"download_{name}",
                on_click="ignore",
                icon=":material/download:",
            )
            st.code(_preview(table, make), language=language)


def _preview(table: LookupTable, make: Callable[[LookupTable], bytes]) -> str:
    """The first lines, formatted from the first entries only: a whole table may be huge."""
    head = part_of(table, [entry.config_id for entry in table.entries[:PREVIEW_LINES]])
    lines = make(head).decode("utf-8").splitlines()[:PREVIEW_LINES]
    cut = [
        line if len(line) <= PREVIEW_COLUMNS else line[:PREVIEW_COLUMNS] + " ..." for line in lines
    ]
    return "\n".join([*cut, "..."])


def _download_artifacts(table: LookupTable, source: Source) -> None:
    entries: list[Entry] = with_artifacts(table.entries)
    if not entries:
        st.info(
            "This table has no artifacts. `python -m nas.export RUN --out DIR` writes them, with a "
            "table that lists them.",
            icon=":material/info:",
        )
        return
    part = part_of(table, [entry.config_id for entry in entries])
    try:
        content = zipped(part, source.artifacts)
    except PlannerError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    st.download_button(
        f"Download {len(entries)} artifact{'s' * (len(entries) != 1)} with the table as zip",
        content,
        "artifacts.zip",
        "application/zip",
        key="download_zip",
        on_click="ignore",
        icon=":material/download:",
    )
