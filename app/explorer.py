"""The Streamlit app: `mutualnas explorer` with runs, lookup tables or books as arguments.

`python -m streamlit run app/explorer.py -- RUN` shows the same pages, but sends no artifacts: that
takes app/serving.py. Without arguments it opens the example, a measured book that
benchmarks/embedded/make_example.py wrote.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Streamlit puts the current folder first on the path, where the user may have an `app` package.
if sys.path[0] != str(Path(__file__).resolve().parents[1]):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import streamlit as st

from app import address
from app.opening import Source, Stamp, open_paths, stamp, unique_names
from app.uploading import open_uploads
from app.views import about, compare, condition, devices, export, front, network, plan, trouble
from planner import TableError
from planner.plain_text import in_markdown

Sources = dict[str, Source]
ICON = Path(__file__).with_name("icon.png")
EXAMPLE = Path(__file__).parent / "example" / "book.json"
PAGES: dict[str, tuple[str, Callable[[Sources], None]]] = {
    "front": ("Front", front.show),
    "devices": ("Devices", devices.show),
    "plan": ("Plan", plan.show),
    "network": ("Network", network.show),
    "compare": ("Compare", compare.show),
    "export": ("Export", export.show),
}
ICONS = {
    "front": ":material/show_chart:",
    "devices": ":material/devices:",
    "plan": ":material/checklist:",
    "network": ":material/account_tree:",
    "compare": ":material/difference:",
    "export": ":material/download:",
}


@st.cache_resource(max_entries=2, show_spinner="Reading the tables ...")
def open_once(paths: tuple[str, ...], stamps: tuple[Stamp, ...]) -> list[Source]:
    """Open the sources; cached until one of `stamps` changes."""
    return open_paths([Path(path) for path in paths])


def main(arguments: list[str]) -> None:
    """Draw the page of the URL, or an explanation if the tables can't be opened."""
    st.set_page_config("MutualNAS explorer", str(ICON), layout="wide")
    address.enter()
    paths = [Path(argument) for argument in arguments] or [EXAMPLE]
    uploaded = open_uploads(st.session_state.get("uploads") or [])
    draw, full = _pages(paths, uploaded.sources)
    page = st.navigation(
        [
            st.Page(draw[name], title=title, icon=ICONS[name], url_path=name)
            for name, (title, _) in PAGES.items()
        ],
        position="top",
    )
    if paths == [EXAMPLE] and not uploaded.sources:
        about.show_example()
    address.turn_to(page.url_path)
    place = st.container()
    page.run()
    address.publish()
    with place:
        address.show_notes()
    for error in uploaded.errors:
        st.error(in_markdown(error), icon=":material/error:")
    about.choose_files()
    if full:
        about.show(full)


def _pages(
    paths: list[Path], uploaded: list[Source]
) -> tuple[dict[str, Callable[[], None]], Sources]:
    """What draws each page, and the tables that have entries."""
    opened: list[Source] = []
    if paths != [EXAMPLE] or not uploaded:
        try:
            opened = open_once(tuple(map(str, paths)), tuple(map(stamp, paths)))
        except TableError as error:
            if not uploaded:
                show_error = partial(trouble.show_error, str(error), paths)
                return dict.fromkeys(PAGES, show_error), {}
    full = [source for source in [*opened, *uploaded] if len(source.table)]
    if not full:
        return dict.fromkeys(PAGES, trouble.show_empty), {}
    sources = dict(zip(unique_names(full), full, strict=True))
    return {name: partial(_draw, show, sources) for name, (_, show) in PAGES.items()}, sources


def _draw(show: Callable[[Sources], None], sources: Sources) -> None:
    show(condition.choose(sources))


if __name__ == "__main__":
    main(sys.argv[1:])
