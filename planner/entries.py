"""The entries of a JSON table, read together: the rules of Entry, a column at a time.

One after the other, 100,000 entries take most of the time that a book of them takes to load. A
column is checked by functions written in C. Where one breaks its rule, the entries are read one
by one, so that the message is Entry's own.
"""

from collections.abc import Callable, Sequence
from itertools import chain, pairwise, repeat
from operator import itemgetter, le, lt
from typing import Any

from planner.candidate import ORDERED, RULES
from planner.entry import ENTRY_FIELDS, ENTRY_RULES, OPTIONAL_FIELDS, Entry
from planner.errors import DamagedTable, InvalidValue
from planner.rules import (
    BOUND,
    CONFIG_ID,
    COUNT,
    FRACTION,
    NAME,
    POSITIVE,
    POSITIVE_COUNT,
    Rule,
)

Column = list[Any]
REQUIRED = tuple(name for name in ENTRY_FIELDS if name not in OPTIONAL_FIELDS)
LISTS = ("width_mults", "tied_with")


def read_entries(rows: Sequence[object]) -> tuple[Entry, ...]:
    """`Entry.from_json` of each row, but faster; raise DamagedTable that tells which is wrong."""
    columns = _columns(rows)
    if columns is not None and _hold(columns):
        return tuple(map(_built, rows, columns["width_mults"], columns["tied_with"]))
    entries: list[Entry] = []
    try:
        entries.extend(map(Entry.from_json, rows))
    except InvalidValue as error:
        raise DamagedTable(f"entry {len(entries)}: {error}") from error
    return tuple(entries)


def _built(row: Any, width_mults: tuple[float, ...], tied_with: tuple[str, ...]) -> Entry:
    """An entry of checked values, without checking them again."""
    entry = object.__new__(Entry)
    vars(entry).update(row, width_mults=width_mults, tied_with=tied_with)
    return entry


def _columns(rows: Sequence[Any]) -> dict[str, Column] | None:
    """The values of each field, lists as tuples; None where a row hasn't just these fields."""
    if {*map(type, rows)} != {dict}:
        return None
    if any(len(row) != len(REQUIRED) + sum(map(row.__contains__, OPTIONAL_FIELDS)) for row in rows):
        return None
    try:
        columns = {name: [*map(itemgetter(name), rows)] for name in REQUIRED}
    except KeyError:
        return None
    for name in LISTS:
        if {*map(type, columns[name])} != {list}:
            return None
        columns[name] = [*map(tuple, columns[name])]
    return columns | {name: [row.get(name) for row in rows] for name in OPTIONAL_FIELDS}


def _hold(columns: dict[str, Column]) -> bool:
    """Whether all rules surely do; an artifact, still a mapping here, is left to Entry."""
    for name, rule in (RULES | ENTRY_RULES).items():
        fast = FAST.get(rule)
        if not (fast(columns[name]) if fast else all(map(rule.holds, columns[name]))):
            return False
    timed = zip(columns["kind"], columns["num_samples"], strict=True)
    return all(num or kind != "measured" for kind, num in timed) and all(
        all(map(le, columns[low], columns[high]))
        for names in ORDERED
        for low, high in pairwise(names)
    )


def _within(column: Column, low: float, high: float, *types: type) -> bool:
    """Whether all are of these types, and from `low` to `high`; NaN isn't."""
    return (
        {*map(type, column)} <= {*types}
        and all(map(le, repeat(low), column))
        and all(map(le, column, repeat(high)))
    )


def _are_positive(column: Column) -> bool:
    return _within(column, 0, BOUND - 1, int, float) and all(map(lt, repeat(0), column))


def _are_widths(column: Column) -> bool:
    widths = [*chain.from_iterable(column)]
    return (
        all(0 < len(each) <= 1000 for each in column)
        and _within(widths, 0, 1, int, float)
        and all(map(lt, repeat(0), widths))
    )


FAST: dict[Rule, Callable[[Column], bool]] = {
    FRACTION: lambda column: _within(column, 0, 1, int, float),
    POSITIVE: _are_positive,
    COUNT: lambda column: _within(column, 0, BOUND - 1, int),
    POSITIVE_COUNT: lambda column: _within(column, 1, BOUND - 1, int),
    NAME: lambda column: {*map(type, column)} == {str} and all(map(CONFIG_ID.fullmatch, column)),
    RULES["width_mults"]: _are_widths,
}
"""The rules that cost most when each value is asked."""
