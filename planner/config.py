"""Config: the name, widths, resolution and number type that identify a subnet."""

from dataclasses import dataclass
from itertools import chain

from planner.rules import (
    NAME,
    POSITIVE_COUNT,
    Column,
    Rule,
    all_within,
    check,
    is_fraction,
    is_text,
)

MAX_WIDTHS = 1000


def _are_widths(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and 0 < len(value) <= MAX_WIDTHS
        and all(map(is_fraction, value))
        and min(value) > 0
    )


def _column_of_widths(column: Column) -> bool:
    return all(0 < len(each) <= MAX_WIDTHS for each in column) and all_within(
        [*chain.from_iterable(column)], 0, 1, int, float, above_low=True
    )


RULES = {
    "config_id": NAME,
    "width_mults": Rule(_are_widths, "a tuple of numbers above 0 and at most 1", _column_of_widths),
    "resolution": POSITIVE_COUNT,
    "dtype": Rule(
        lambda value: value is None or is_text(value),
        "one line of 1 to 500 printable characters, or None",
        lambda column: all(is_text(value) for value in column if value is not None),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """One subnet of a supernet; raises InvalidValue for impossible numbers."""

    config_id: str
    """Like `w0.25_0.5_1-r24` or `w0.5-r24-int8`; also names the artifact's file."""
    width_mults: tuple[float, ...]
    """One per channel group, or one for all groups; each in (0, 1]."""
    resolution: int
    """Height and width of the input, pixels."""
    dtype: str | None = None
    """The number type that it computes in; None: the target's, which has only one."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, RULES)
