"""The URL holds the view: every value that was chosen, carried along through all pages.

Streamlit can bind a widget to the URL, but replaces a value that it can't read by another without
a word, forgets the values of other pages, and leaves no steps for Back. So this module reads and
writes the URL itself. A widget is prepared with `prepare` and its value is kept with `keep`; each
page ends with `publish`.
"""

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import streamlit as st

from planner.plain_text import in_markdown

Value = TypeVar("Value")
Read = Callable[[str], Any]
"""Parses a value of the URL; raises ValueError with what it must be."""

NAMES = frozenset(
    {"device", "budget", "percentile", "margin", "max_macs", "max_memory", "config", "x", "y"}
    | {"condition"}
    | {"old", "new", "budgets", "budget_from", "budget_to", "k", "plan_device", "entries", "ship"}
)
"""The values that some page has, beside the devices' shares of the fleet."""
WEIGHT = "weight"
"""Begins the names of the devices' shares of the fleet: weight1, weight2, ..."""


def _memory(name: str) -> dict[str, Any]:
    """A mapping of this session: `view` (values by name), `unread` (texts of the URL), ..."""
    found: dict[str, Any] = st.session_state.setdefault(f"address_{name}", {})
    return found


def enter() -> None:
    """Begin a run of the script: notice a URL that was typed, shared or gone back to.

    A URL without values, as a link to another page has, keeps the view.
    """
    now = st.query_params.to_dict()
    if not now or now == _memory("published"):
        return
    for name in list(_memory("view")):
        forget(name)
    st.session_state["address_unread"] = {}
    for name, text in now.items():
        if _is_known(name):
            _memory("unread")[name] = text
        else:
            _note(f"The address has a value called {shown(name)}, which no page knows.")


def turn_to(page: str) -> None:
    """Prepare the widgets of another page anew: Streamlit may keep a value under their names that
    belongs to the page before."""
    if st.session_state.get("address_page", page) != page:
        for name in list(st.session_state):
            if _is_known(str(name)):
                del st.session_state[name]
    st.session_state["address_page"] = page


def _is_known(name: str) -> bool:
    return name in NAMES or (name.startswith(WEIGHT) and name.removeprefix(WEIGHT).isdecimal())


def value(name: str, read: Read, default: Value, *, known: Collection[Any] = ()) -> Value:
    """The value of `name`: from the URL, else as last kept, else `default`.

    A text that can't be read is replaced by the default, and a note says so. A kept value that is
    not one of `known`, if any are given, is replaced as well.
    """
    view, unread = _memory("view"), _memory("unread")
    if name in unread:
        text = unread.pop(name)
        try:
            view[name] = read(text)
        except ValueError as error:
            view.pop(name, None)
            said = f"The address says {name} = {shown(text)}, but it must be {error}."
            _note(said + f" This page shows {_text(default)} instead." * (default is not None))
    if known and view.get(name, default) not in known:
        view.pop(name, None)
    found: Value = view.get(name, default)
    return found


def prepare(name: str, read: Read, default: Any, *, known: Collection[Any] = ()) -> None:
    """Give the widget with the key `name` its value before it is drawn."""
    drawn = name in st.session_state and (not known or st.session_state[name] in known)
    if not drawn or name in _memory("unread"):
        st.session_state[name] = value(name, read, default, known=known)


def keep(name: str, chosen: Value) -> Value:
    """Remember a widget's value for the other pages and the URL; None forgets it."""
    if chosen is None:
        _memory("view").pop(name, None)
    else:
        _memory("view")[name] = chosen
    return chosen


def forget(name: str) -> None:
    """Return to the default of `name`."""
    _memory("view").pop(name, None)
    _memory("unread").pop(name, None)
    if name in st.session_state:
        del st.session_state[name]


def publish() -> None:
    """Write the view to the URL; each change is a step of the browser's Back."""
    wanted = _memory("unread") | {name: _text(kept) for name, kept in _memory("view").items()}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state["address_published"] = wanted


def _note(text: str) -> None:
    st.session_state.setdefault("address_notes", []).append(text)


def notes() -> list[str]:
    """What was wrong with the URL since the last call, as plain text."""
    found: list[str] = st.session_state.pop("address_notes", [])
    return found


def show_notes() -> None:
    """Tell what was wrong with the URL."""
    for text in notes():
        st.warning(in_markdown(text), icon=":material/link_off:")


def shown(text: str) -> str:
    """A value of the URL in quotes, at most 40 characters of it."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _text(kept: object) -> str:
    """The shortest text that is read as the same value."""
    if isinstance(kept, float):
        short = f"{kept:g}"
        return short if float(short) == kept else repr(kept)
    return str(kept)


def positive(text: str) -> float:
    """Read a number above 0 and at most 1e9."""
    return _number(text, lambda number: 0 < number <= 1e9, "a number above 0 and at most 1e9")


def up_to(most: float) -> Callable[[str], float]:
    """Read a number from 0 to `most`."""
    return lambda text: _number(text, lambda n: 0 <= n <= most, f"a number from 0 to {most:g}")


def _number(text: str, fits: Callable[[float], bool], must: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not fits(number):
        raise ValueError(must)
    return number


def whole(low: int, high: int) -> Callable[[str], int]:
    """Read a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 20 or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(known: Collection[str], what: str) -> Callable[[str], str]:
    """Read one of the known texts."""

    def read(text: str) -> str:
        if text not in known:
            few = f" ({', '.join(known)})" if len(known) <= 4 else ""
            raise ValueError(what + few)
        return text

    return read
