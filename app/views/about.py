"""The provenance of the numbers, at the end of every page."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.opening import Source
from planner import LookupTable
from planner.plain_text import in_markdown


def show_example() -> None:
    """Show that the tables are an example, and how to open other ones."""
    st.caption(
        ":material/info: An example measured by this project. Open your own run with "
        "`mutualnas explorer RUN`, or drop tables at the end of the page."
    )


def choose_files() -> list[UploadedFile]:
    """Let the user drop tables on the page."""
    with st.expander("Open more tables", icon=":material/upload_file:"):
        files = st.file_uploader(
            "Drop lookup tables or books here (JSON)",
            "json",
            accept_multiple_files=True,
            key="uploads",
            help="They are read for this browser session only and stay on this machine.",
        )
    return list(files)


def show(sources: dict[str, Source]) -> None:
    """List the facts of every table."""
    with st.expander("Where these numbers come from"):
        for name, source in sources.items():
            st.markdown(f"**{in_markdown(name)}** ({in_markdown(source.path.name)})")
            st.markdown("\n".join(f"- {in_markdown(line)}" for line in facts(source.table)))


def facts(table: LookupTable) -> list[str]:
    """A table's network, data, target, processor, timing method, accuracy split, command: text."""
    supernet, target, protocol = table.supernet, table.target, table.protocol
    return [
        f"Network {supernet['model']}, trained on {supernet['data']} "
        f"({table.splits['train']:,} images, {len(supernet['class_names'])} classes), "
        f"weights {supernet['weights_sha256'][:12]}",
        f"Timed on {target.device}, {target.runtime} {target.runtime_version}, "
        f"{_count(target.num_threads, 'thread')}, {_count(target.batch_size, 'image')} per batch, "
        f"{target.dtype}",
        f"Instruction sets: {target.known('instruction_sets')}; caches: {target.known('caches')}; "
        f"usable cores: {target.known('num_usable_cores')}",
        f"{_count(protocol['num_samples'], 'sample')} in "
        f"{_count(protocol['num_rounds'], 'round')}, {table.timing_quality}",
        f"Accuracy on {table.splits['report']:,} images, not used for training or selection",
        f"{str(table.provenance['command'])[:200]}, {table.provenance['created_utc']}",
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)
