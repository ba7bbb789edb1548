"""What the planner raises; each message is one line that says what must hold and what was got.

PlannerError (a ValueError)
 |- InvalidValue      an argument or a field is outside its range
 |- TableError        a file can't be used
 |   |- DamagedTable    it isn't a lookup table, a book or a list of candidates
 |   |- UnknownVersion  a later version of the planner wrote it
 |   `- OtherTarget     it was measured on another target than the one asked for
 `- NoEntryFits       no entry keeps the limits
"""


class PlannerError(ValueError):
    """The root of everything the planner raises on bad input; its text is one line."""


class InvalidValue(PlannerError):
    """An argument or a field is outside its range."""


class TableError(PlannerError):
    """A file can't be used."""


class DamagedTable(TableError):
    """A file isn't a lookup table, a book or a list of candidates."""


class UnknownVersion(TableError):
    """A file was written by a later version of the planner."""


class OtherTarget(TableError):
    """A table was measured on another target than the one asked for."""


class NoEntryFits(PlannerError):
    """No entry of the table keeps the limits."""


def shown(value: object) -> str:
    """`value` as at most 80 ASCII characters on one line, for an error's text."""
    if isinstance(value, str | bytes):
        value = value[:80]
    elif isinstance(value, list | tuple | dict) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)} items"
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, a nest of lists
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
