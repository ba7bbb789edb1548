"""Validate lookup tables against their JSON Schema (2020-12) with the jsonschema library."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from planner.errors import DamagedTable, UnknownVersion, shown
from planner.json_file import check_storable


@cache
def load_schema() -> dict[str, Any]:
    """Read planner/lookup_table.schema.json."""
    text = files("planner").joinpath("lookup_table.schema.json").read_text(encoding="ascii")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _validator(with_entries: bool) -> Any:
    from jsonschema import Draft202012Validator  # takes 0.1 s, too long for `import planner`

    schema = load_schema()
    if not with_entries:
        properties = schema["properties"] | {"entries": {"type": "array"}}
        schema = schema | {"properties": properties}
    return Draft202012Validator(schema)


def check_version(values: object, newest: int, newest_minor: int = 0) -> None:
    """Raise DamagedTable for a missing version, UnknownVersion for one after the newest known."""
    version = values.get("schema_version") if isinstance(values, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamagedTable(
            "it must be a lookup table, a JSON object with `schema_version`, "
            f"but got {shown(values)}"
        )
    if version > newest:
        raise UnknownVersion(
            f"`schema_version` must be at most {newest}, but got {shown(version)}; "
            "read it with a newer MutualNAS"
        )
    minor = values.get("schema_minor", 0) if isinstance(values, dict) else 0
    if version == newest and isinstance(minor, int) and minor > newest_minor:
        raise UnknownVersion(
            f"`schema_minor` must be at most {newest_minor}, but got {shown(minor)}; "
            "read it with a newer MutualNAS"
        )


def check_header(values: Any) -> dict[str, Any]:
    """Return `values`; raise DamagedTable unless all but the entries match the schema.

    Entry checks the entries: it applies the schema's rules far faster.
    """
    _check(values, with_entries=False)
    check_storable({name: value for name, value in values.items() if name != "entries"})
    header: dict[str, Any] = values
    return header


def check_all(values: Any) -> None:
    """Raise DamagedTable unless a table, including its entries, matches the schema."""
    _check(values, with_entries=True)


def schema_faults(values: Any) -> Iterator[str]:
    """Yield every fault that the schema finds in a table, the entries included, one line each."""
    try:
        yield from map(_in_one_line, _validator(with_entries=True).iter_errors(values))
    except RecursionError:
        yield "it must be a lookup table, but it is nested too deeply"


def _check(values: Any, *, with_entries: bool) -> None:
    error = next(_validator(with_entries).iter_errors(values), None)
    if error is not None:
        raise DamagedTable(_in_one_line(error))


def _in_one_line(error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "the table"
    return f"`{shown(where)[1:-1]}`: {' '.join(error.message.split())[:300]}"
