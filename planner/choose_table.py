"""Choose one table of several by what a user writes after `--device`."""

from collections.abc import Iterator, Sequence

from planner.errors import InvalidValue
from planner.table import LookupTable
from planner.target_difference import listed, target_differences

MIN_FINGERPRINT = 8


def choose_table(tables: Sequence[LookupTable], device: str | None) -> LookupTable:
    """Return the one table that `device` names; with None, the only one.

    `device` is one or more whole parts of "DEVICE, RUNTIME, N threads, batch N, DTYPE", as
    "batch 1" or "openvino, 2 threads"; or any piece of that text, if no table has it as whole
    parts; or the first 8 or more digits of a target's fingerprint. Raises InvalidValue if it names
    no table or several.
    """
    names = [target_name(table) for table in tables]
    if device is None:
        found = list(tables)
    else:
        found = (
            [t for t, name in zip(tables, names, strict=True) if f", {device}, " in f", {name}, "]
            or [t for t, name in zip(tables, names, strict=True) if device in name]
            or [t for t in tables if _is_fingerprint(device, t)]
        )
    if len(found) != 1:
        known = "; ".join(map(_described, tables, names, _namesakes(tables, names)))
        raise InvalidValue(f"`--device` must name one target, by a part of its name, of: {known}")
    return found[0]


def target_name(table: LookupTable) -> str:
    """The text that `choose_table` looks into."""
    return ", ".join((*table.target.traits, table.target.dtype))


def _described(table: LookupTable, name: str, namesake: LookupTable | None) -> str:
    """The target's name, fingerprint and, if an earlier one has that name, what differs from it."""
    text = f"{name} ({table.target.fingerprint[:12]})"
    if namesake is None:
        return text
    return f"{text}, {listed(target_differences(namesake.target, table.target))}"


def _namesakes(tables: Sequence[LookupTable], names: Sequence[str]) -> Iterator[LookupTable | None]:
    """For each table the first of the same name, or None if that is the table itself."""
    for index, name in enumerate(names):
        first = names.index(name)
        yield tables[first] if first < index else None


def _is_fingerprint(text: str, table: LookupTable) -> bool:
    return len(text) >= MIN_FINGERPRINT and table.target.fingerprint.startswith(text)
