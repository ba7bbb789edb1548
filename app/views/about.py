"""The provenance of the numbers, at the end of every page."""

from typing import Any

import streamlit as st

from app.opening import Source
from planner import LookupTable


def show_example() -> None:
    """Show that the tables are an example, and how to open other ones."""
    st.caption(
        ":material/info: An example measured by this project: Fashion-MNIST on two targets of one "
        "machine. To see your own run, create it with `make search` and open it with `make app`."
    )


def show(sources: dict[str, Source]) -> None:
    """List the facts of every table."""
    with st.expander("Where these numbers come from"):
        for name, source in sources.items():
            st.markdown(f"**{name}** (`{source.path.name}`)")
            st.markdown("\n".join(f"- {line}" for line in facts(source.table)))


def facts(table: LookupTable) -> list[str]:
    """A table's network, data, target, processor, timing method, accuracy split and command."""
    supernet, target, protocol = table.supernet, table.target, table.protocol
    floor = protocol["noise_floor"]
    noise = "not measured" if floor is None else f"{floor:.1%}"
    return [
        f"Network `{supernet['model']}`, trained on `{supernet['data']}` "
        f"({table.splits['train']:,} images, {len(supernet['class_names'])} classes), "
        f"weights `{supernet['weights_sha256'][:12]}`",
        f"Timed on {target.device}, {target.runtime} {target.runtime_version}, "
        f"{_count(target.num_threads, 'thread')}, {_count(target.batch_size, 'image')} per batch, "
        f"{target.dtype}",
        f"Instruction sets: {target.known('instruction_sets')}; caches: {target.known('caches')}; "
        f"usable cores: {target.known('num_usable_cores')}",
        f"{_count(protocol['num_samples'], 'sample')} in "
        f"{_count(protocol['num_rounds'], 'round')}, noise floor {noise}",
        f"Accuracy on {table.splits['report']:,} images, not used for training or selection",
        f"`{_short(table.provenance['command'])}`, {table.provenance['created_utc']}",
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def _short(text: Any) -> str:
    return str(text).replace("`", "'")[:200]
