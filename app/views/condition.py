"""The condition whose latencies count on all pages, where tables were measured under several."""

from functools import lru_cache

import streamlit as st

from app import address
from app.opening import Source, under
from app.terms import TERMS
from planner.conditions import STEADY


def choose(sources: dict[str, Source]) -> dict[str, Source]:
    """Let the user choose a condition; return the tables that were measured under it.

    Shows no widget where the tables have one condition only.
    """
    known = list(dict.fromkeys(name for s in sources.values() for name in s.table.conditions))
    if len(known) == 1:
        return sources
    default = STEADY if STEADY in known else known[0]
    address.prepare(
        "condition", address.one_of(known, "a condition of a table"), default, known=known
    )
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    chosen = left.selectbox("Latency under", known, key="condition", help=TERMS["condition"])
    address.keep("condition", None if chosen == default else chosen)
    found = {
        name: _under(source, chosen)
        for name, source in sources.items()
        if chosen in source.table.conditions
    }
    if len(found) < len(sources):
        right.caption(f"{len(sources) - len(found)} more were not measured under this condition.")
    return found


_under = lru_cache(maxsize=32)(under)  # the same source at each interaction: pages cache by it
