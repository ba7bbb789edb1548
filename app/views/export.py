"""Export: download an entry, the table or its artifacts, with code that uses them."""

import json
from collections.abc import Callable
from functools import partial

import streamlit as st

from app import address
from app.archive import check_sizes, part_of, with_artifacts
from app.names import short
from app.offered_code import INSTALL, to_classify, to_switch
from app.offers import OFFERS
from app.opening import Source
from app.sentences import beside_the_best, headline
from app.terms import TERMS
from app.views.choosing import Choice, choose_budget, choose_device
from app.views.planning import plans_of
from planner import Entry, LookupTable, PlannerError, Selector
from planner.artifacts import artifact_path
from planner.export import to_csv, to_json, to_markdown
from planner.plain_text import in_markdown

FORMATS = {
    "JSON": ("lookup_table.json", "application/json", "json", to_json),
    "CSV": ("lookup_table.csv", "text/csv", "text", to_csv),
    "Markdown": ("lookup_table.md", "text/markdown", "markdown", to_markdown),
}
MAX_SHIPPED = 12
PREVIEW_LINES = 14
PREVIEW_COLUMNS = 160


def show(sources: dict[str, Source]) -> None:
    """Draw the page."""
    st.title("Export a table", anchor=False)
    source = sources[choose_device(sources)]
    choice = _chosen_entry(source)
    st.subheader("The table", anchor=False)
    table = _part(source.table)
    _download_table(table)
    _download_artifacts(table, source)
    st.subheader("Use it in Python", anchor=False)
    st.caption(f"`{INSTALL}` installs what it needs, without PyTorch.")
    st.code(to_classify(table, choice.limits, _picked(table, choice)), language="python")
    if switching := to_switch(table, choice.limits):
        st.markdown("To switch entries as the load changes:")
        st.code(switching, language="python")


def _picked(table: LookupTable, choice: Choice) -> Entry | None:
    """The picked entry, for code that names it; tells if the code will select another entry."""
    if choice.entry is None:
        return None
    if choice.picked and choice.entry.config_id in table.by_config_id:
        return choice.entry
    selected = Selector(table.entries, choice.limits).find(choice.limits.max_latency_ms)
    if selected is None or selected.config_id != choice.entry.config_id:
        other = f"selects {short(selected.config_id)}" if selected else "finds no entry"
        st.info(
            in_markdown(
                f"The entries above are without {short(choice.entry.config_id)}: in their table, "
                f"the code {other}."
            ),
            icon=":material/info:",
        )
    return None


def _chosen_entry(source: Source) -> Choice:
    """Offer the entry to ship, as `planner select` prints it."""
    st.subheader("The chosen entry", anchor=False)
    place = st.container()
    choice = choose_budget(source)
    if choice.entry is None:
        st.warning(in_markdown(choice.why_none), icon=":material/warning:")
        return choice
    with place:
        text = headline(choice.entry, choice.limits, choice.selector)
        if choice.picked:
            text += " " + beside_the_best(choice.entry, choice.best, choice.limits)
        st.markdown(in_markdown(text))
    st.download_button(
        f"Download {in_markdown(short(choice.entry.config_id))} as JSON",
        json.dumps(choice.entry.to_json(), indent=2) + "\n",
        "entry.json",
        "application/json",
        key="download_entry",
        on_click="ignore",
        icon=":material/download:",
    )
    return choice


def _part(table: LookupTable) -> LookupTable:
    """Reduce the table to the few entries worth shipping, if the user chooses that."""
    kinds = ["all", "worth shipping"]
    address.prepare("entries", address.one_of(kinds, "a choice of entries"), "all", known=kinds)
    how = st.segmented_control("Entries", kinds, required=True, key="entries")
    address.keep("entries", None if how == "all" else how)
    if how != "worth shipping":
        return table
    most = min(MAX_SHIPPED, len(table))
    if most == 1:
        return table
    default = min(4, most)
    address.prepare("ship", address.whole(1, most), default, known=range(1, most + 1))
    wanted = st.slider("How many", 1, most, key="ship", help=TERMS["k"])
    address.keep("ship", None if wanted == default else wanted)
    plans = plans_of((table,), (1.0,), None, most)
    return part_of(table, plans[min(wanted, len(plans)) - 1].config_ids)


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
    entries = with_artifacts(table.entries)
    if not entries:
        st.info(
            "This table has no artifacts. `python -m nas.export RUN` writes them into the run, "
            "where the explorer finds them.",
            icon=":material/info:",
        )
        return
    if source.artifacts is None:
        st.info(
            "An uploaded table comes without its artifacts; open it from their folder.",
            icon=":material/info:",
        )
        return
    part = part_of(table, [entry.config_id for entry in entries])
    try:
        size = check_sizes(part, source.artifacts)
    except PlannerError as error:
        st.warning(in_markdown(error), icon=":material/warning:")
        return
    what = f"{len(entries)} artifact{'s' * (len(entries) != 1)}"
    if OFFERS.served:
        st.link_button(
            f"Download {what} with the table as zip ({size / 1e6:,.1f} MB)",
            f"artifacts/{OFFERS.offer(part, source.artifacts)}/artifacts.zip",
            icon=":material/download:",
        )
    else:
        folder = artifact_path(entries[0], source.artifacts).parent
        st.caption(
            in_markdown(f"{what} ({size / 1e6:,.1f} MB) in {folder}")
            + ". Start the explorer as `mutualnas explorer` to download them as a zip."
        )
