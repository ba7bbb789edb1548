"""The planner's exceptions; each message is one line: what must hold and what was found.

PlannerError (a ValueError)
 |- InvalidValue      an argument or a field is outside its range
 |- TableError        a file can't be used
 |   |- DamagedTable    it isn't a lookup table, a book or a list of candidates
 |   |- UnknownVersion  a later version of the planner wrote it
 |   `- OtherTarget     it was measured on a target other than the requested one
 `- NoEntryFits       no entry meets the limits

TargetWarning (a UserWarning)
                      entries run in another way than they were timed
"""


class PlannerError(ValueError):
    """Base class of all errors on bad input; the message is one line."""


class InvalidValue(PlannerError):
    """An argument or a field is outside its range."""


class TableError(PlannerError):
    """A file can't be used."""


class DamagedTable(TableError):
    """A file isn't a lookup table, a book or a list of candidates."""


class UnknownVersion(TableError):
    """A file was written by a later version of the planner."""


class OtherTarget(TableError):
    """A table was measured on a target other than the requested one."""


class NoEntryFits(PlannerError):
    """No entry of the table meets the limits."""


class TargetWarning(UserWarning):
    """Entries run in another runtime, or with other threads or batches, than they were timed."""


def shown(value: object) -> str:
    """Format `value` for an error message: one line of at most 80 ASCII characters."""
    if isinstance(value, str | bytes):
        value = value[:80]
    elif isinstance(value, list | tuple | dict) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)} items"
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, deeply nested lists
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
