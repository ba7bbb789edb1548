"""The Streamlit app: `mutualnas explorer` with runs, lookup tables or books as arguments.

`python -m streamlit run app/explorer.py -- RUN` is equivalent. Without arguments it opens the
example, a measured book that benchmarks/embedded/make_example.py wrote.
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
from app.views import about, compare, devices, export, front, network, plan, trouble
from planner import TableError

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
def open_once(paths: tuple[str, ...], stamps: tuple[Stamp, ...]) -> Sources:
    """Open the sources by name; cached until one of `stamps` changes."""
    sources = open_paths([Path(path) for path in paths])
    return dict(zip(unique_names(sources), sources, strict=True))


def main(arguments: list[str]) -> None:
    """Draw the page of the URL, or an explanation if the tables can't be opened."""
    st.set_page_config("MutualNAS explorer", str(ICON), layout="wide")
    address.enter()
    paths = [Path(argument) for argument in arguments] or [EXAMPLE]
    pages: dict[str, Callable[[], None]]
    full: Sources = {}
    try:
        sources = open_once(tuple(map(str, paths)), tuple(map(stamp, paths)))
    except TableError as error:
        pages = {name: partial(trouble.show_error, str(error), paths) for name in PAGES}
    else:
        if any(len(source.table) for source in sources.values()):
            full = {name: source for name, source in sources.items() if len(source.table)}
            pages = {name: partial(show, full) for name, (_, show) in PAGES.items()}
        else:
            pages = dict.fromkeys(PAGES, trouble.show_empty)
    page = st.navigation(
        [
            st.Page(draw, title=PAGES[name][0], icon=ICONS[name], url_path=name)
            for name, draw in pages.items()
        ],
        position="top",
    )
    if paths == [EXAMPLE]:
        about.show_example()
    place = st.container()
    page.run()
    address.publish()
    with place:
        address.show_notes()
    if full:
        about.show(full)


if __name__ == "__main__":
    main(sys.argv[1:])
