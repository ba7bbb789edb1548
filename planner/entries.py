"""Read all entries of a JSON table at once, checking the rules of Entry column by column.

Validating 100,000 entries one by one takes most of the time needed to load a book of that size.
If a column breaks a rule, the entries are read one by one, so that Entry reports the error.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter, le
from typing import Any, TypeVar

from planner.candidate import ORDERED, OWN_RULES, PARTS, RULES, fields_of
from planner.entry import ENTRY_FIELDS, ENTRY_RULES, LISTS, OPTIONAL_FIELDS, Entry
from planner.errors import DamagedTable, InvalidValue
from planner.rules import Column

Instance = TypeVar("Instance")
REQUIRED = tuple(name for name in ENTRY_FIELDS if name not in OPTIONAL_FIELDS)


def read_entries(rows: Sequence[object]) -> tuple[Entry, ...]:
    """Apply `Entry.from_json` to each row, but faster; DamagedTable names the invalid entry."""
    columns = _columns(rows)
    if columns is not None and _are_valid(columns):
        return tuple(_entries(columns))
    entries: list[Entry] = []
    try:
        entries.extend(map(Entry.from_json, rows))
    except InvalidValue as error:
        raise DamagedTable(f"entry {len(entries)}: {error}") from error
    return tuple(entries)


def _entries(columns: Mapping[str, Column]) -> Iterable[Entry]:
    """Build the entries from valid columns, without checking them again."""
    parts: dict[str, Column] = {
        part: _instances(kind, {field: columns[name] for name, field in fields_of(part).items()})
        for part, kind in PARTS.items()
    }
    own = {name: columns[name] for name in (*OWN_RULES, *ENTRY_RULES)}
    return _instances(Entry, parts | own)


def _instances(kind: type[Instance], columns: Mapping[str, Iterable[Any]]) -> list[Instance]:
    """Build one frozen dataclass per row, bypassing its checks."""
    found = []
    for values in zip(*columns.values(), strict=True):
        instance = object.__new__(kind)
        vars(instance).update(zip(columns, values, strict=True))
        found.append(instance)
    return found


def _columns(rows: Sequence[Any]) -> dict[str, Column] | None:
    """Collect the values by field, lists as tuples; None if a row lacks or adds a field."""
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
    return columns | {
        name: [row.get(name, absent) for row in rows] for name, absent in OPTIONAL_FIELDS.items()
    }


def _are_valid(columns: Mapping[str, Column]) -> bool:
    """Whether all columns are valid; False for artifacts and conditions, which Entry parses."""
    if not all(rule.holds_for_all(columns[n]) for n, rule in (RULES | ENTRY_RULES).items()):
        return False
    samples = zip(columns["kind"], columns["num_samples"], strict=True)
    return all(num or kind != "measured" for kind, num in samples) and all(
        all(map(le, columns[low], columns[high]))
        for names in ORDERED
        for low, high in pairwise(names)
    )
