"""What the explorer shows where there is nothing to show, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

COMMANDS = """\
python -m nas.search --out runs/default
mutualnas explorer runs/default"""


def show_error(message: str, paths: Sequence[Path]) -> None:
    """A file that can't be read: why, and how to get one that can."""
    st.title("These tables can't be shown")
    st.error(message, icon=":material/error:")
    st.markdown("Opened were: " + ", ".join(f"`{path}`" for path in paths))
    st.markdown(
        "Check a file with `python -m planner validate FILE`. "
        "To make a table from nothing and open it (a few minutes, no GPU needed):"
    )
    st.code(COMMANDS, language="bash")


def show_empty() -> None:
    """No table, or none with an entry."""
    st.title("No entries to show yet")
    st.info(
        "The explorer shows a run, a lookup table, or a book of several; "
        "none with an entry was named.",
        icon=":material/info:",
    )
    st.code(COMMANDS, language="bash")


def show_single(what: str, command: str) -> None:
    """A page that compares tables, with one table open."""
    st.info(what, icon=":material/info:")
    st.code(command, language="bash")
