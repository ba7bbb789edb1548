"""The line of Python that selects the entry which a page shows."""

from dataclasses import fields

from planner import Entry, Limits


def selection_code(entry: Entry | None, best: Entry | None, limits: Limits) -> str:
    """Code that sets `entry` from `table`: by all limits of the view, or by name if picked.

    `best` is what the limits select. The code needs `Limits` and `select` of planner.
    """
    if entry is not None and (best is None or entry.config_id != best.config_id):
        return f'entry = table.by_config_id["{entry.config_id}"]'
    return f"entry = select(table, {limits_code(limits)})"


def limits_code(limits: Limits) -> str:
    """The limits as Python: only what differs from the default, each number exactly."""
    default = Limits()
    given = ", ".join(
        f"{field.name}={_literal(value)}"
        for field in fields(limits)
        if (value := getattr(limits, field.name)) != getattr(default, field.name)
    )
    return f"Limits({given})"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
