"""What the explorer shows if there is nothing to display, and how to fix that."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from planner.plain_text import in_markdown

COMMANDS = """\
python -m nas.search --out runs/default
mutualnas explorer runs/default"""


def show_error(message: str, paths: Sequence[Path]) -> None:
    """Explain why a file can't be read, and how to check or create one."""
    st.title("These tables can't be shown")
    st.error(in_markdown(message), icon=":material/error:")
    st.markdown("Paths: " + ", ".join(in_markdown(path) for path in paths))
    st.markdown(
        "Check a file with `python -m planner validate FILE`. "
        "To create a table and open it (takes a few minutes, no GPU needed):"
    )
    st.code(COMMANDS, language="bash")


def show_empty() -> None:
    """Explain that no table has an entry."""
    st.title("No entries to show yet")
    st.info(
        "The explorer shows runs, lookup tables and books. None of the opened tables has an entry.",
        icon=":material/info:",
    )
    st.code(COMMANDS, language="bash")


def show_single(what: str, command: str) -> None:
    """Explain that the page needs several tables, and how to open them."""
    st.info(what, icon=":material/info:")
    st.code(command, language="bash")
