"""What a field of a dataclass must hold, written once and checked with one clear line."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise, repeat
from operator import le, lt
from typing import Any, NamedTuple

from planner.errors import InvalidValue, shown

CONFIG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,499}")
SHA256 = re.compile(r"[0-9a-f]{64}")


BOUND = 2**63  # numbers from here on are damage, and no column of 64 bits holds them


Column = list[Any]
"""The values of one field of many instances."""


class Rule(NamedTuple):
    """A test of one value, and what must hold in words."""

    holds: Callable[[object], bool]
    must: str
    holds_for_column: Callable[[Column], bool] | None = None
    """The same test for many values at once, in functions written in C; False where it isn't
    sure, so that the values are then tested one by one."""

    def holds_for_all(self, column: Column) -> bool:
        """Whether it surely holds for every value."""
        return (self.holds_for_column or (lambda all_: all(map(self.holds, all_))))(column)


def is_number(value: object) -> bool:
    """A finite int or float; a bool is neither."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < BOUND and not isinstance(value, bool)


def is_count(value: object) -> bool:
    """An int from 0 to 2**63 - 1."""
    return isinstance(value, int) and 0 <= value < BOUND and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """One line of 1 to 500 printable characters."""
    return isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()


def is_config_id(value: object) -> bool:
    """A readable name that is also safe as a file's name: letters, digits, `.`, `_`, `-`."""
    return isinstance(value, str) and CONFIG_ID.fullmatch(value) is not None


def is_fraction(value: object) -> bool:
    """A number from 0 to 1."""
    return isinstance(value, int | float) and 0 <= value <= 1 and not isinstance(value, bool)


def is_positive(value: object) -> bool:
    """A number above 0 and below 2**63."""
    return isinstance(value, int | float) and 0 < value < BOUND and not isinstance(value, bool)


def is_sha256(value: object) -> bool:
    """64 lower-case hexadecimal digits."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def at_least_one(value: object) -> bool:
    """An int from 1 to 2**63 - 1."""
    return is_count(value) and value != 0


def all_within(
    column: Column, low: float, high: float, *types: type, above_low: bool = False
) -> bool:
    """Whether all are of these types and from `low` to `high`, or above `low`; NaN isn't."""
    return (
        {*map(type, column)} <= {*types}
        and all(map(lt if above_low else le, repeat(low), column))
        and all(map(le, column, repeat(high)))
    )


TEXT = Rule(is_text, "one line of 1 to 500 printable characters")
NAME = Rule(
    is_config_id,
    "1 to 500 letters, digits, '.', '_' or '-', not beginning with '.'",
    lambda column: {*map(type, column)} == {str} and all(map(CONFIG_ID.fullmatch, column)),
)
FRACTION = Rule(
    is_fraction, "a number from 0 to 1", lambda column: all_within(column, 0, 1, int, float)
)
POSITIVE = Rule(
    is_positive,
    "a number above 0 and below 2**63",
    lambda column: all_within(column, 0, BOUND - 1, int, float, above_low=True),
)
COUNT = Rule(
    is_count, "a whole number, 0 or more", lambda column: all_within(column, 0, BOUND - 1, int)
)
POSITIVE_COUNT = Rule(
    at_least_one, "a whole number, 1 or more", lambda column: all_within(column, 1, BOUND - 1, int)
)
DIGEST = Rule(is_sha256, "64 lower-case hexadecimal digits")


def check(instance: object, rules: Mapping[str, Rule], prefix: str = "") -> None:
    """Raise InvalidValue for the first attribute of `instance` that breaks its rule.

    The error calls it by its name in files, which begins with `prefix`.
    """
    for name, rule in rules.items():
        value = getattr(instance, name)
        if not rule.holds(value):
            raise InvalidValue(f"`{prefix}{name}` must be {rule.must}, but got {shown(value)}")


def check_order(instance: object, ordered: Iterable[tuple[str, ...]], prefix: str = "") -> None:
    """Raise InvalidValue where of some attributes one is above the next; `prefix` as in `check`."""
    for names in ordered:
        values = [getattr(instance, name) for name in names]
        if any(before > after for before, after in pairwise(values)):
            must = " <= ".join(prefix + name for name in names)
            got = ", ".join(
                f"{prefix}{name}={shown(value)}" for name, value in zip(names, values, strict=True)
            )
            raise InvalidValue(f"`{must}` must hold, but got {got}")
