"""Validation rules for the fields of dataclasses; a violation is reported in one line."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise, repeat
from operator import le, lt
from typing import Any, NamedTuple

from planner.errors import InvalidValue, shown

CONFIG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,499}")
SHA256 = re.compile(r"[0-9a-f]{64}")


BOUND = 2**63  # larger numbers are damage and don't fit a 64-bit column


Column = list[Any]
"""The values of one field across many instances."""


class Rule(NamedTuple):
    """A test of one value, and the requirement in words."""

    holds: Callable[[object], bool]
    must: str
    holds_for_column: Callable[[Column], bool] | None = None
    """A faster test of many values at once; it may reject valid columns, which are then tested
    value by value, but never accepts an invalid one."""

    def holds_for_all(self, column: Column) -> bool:
        """Whether every value passes; may be False for a valid column, see `holds_for_column`."""
        return (self.holds_for_column or (lambda all_: all(map(self.holds, all_))))(column)


def is_number(value: object) -> bool:
    """Whether it is a finite int or float, and not a bool."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < BOUND and not isinstance(value, bool)


def is_count(value: object) -> bool:
    """Whether it is an int from 0 to 2**63 - 1."""
    return isinstance(value, int) and 0 <= value < BOUND and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Whether it is one line of 1 to 500 printable characters."""
    return isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()


def is_config_id(value: object) -> bool:
    """Whether it is a safe file name: letters, digits, `.`, `_` and `-`, not beginning with `.`."""
    return isinstance(value, str) and CONFIG_ID.fullmatch(value) is not None


def is_fraction(value: object) -> bool:
    """Whether it is a number from 0 to 1."""
    return isinstance(value, int | float) and 0 <= value <= 1 and not isinstance(value, bool)


def is_positive(value: object) -> bool:
    """Whether it is a number above 0 and below 2**63."""
    return isinstance(value, int | float) and 0 < value < BOUND and not isinstance(value, bool)


def is_sha256(value: object) -> bool:
    """Whether it is 64 lower-case hexadecimal digits."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def at_least_one(value: object) -> bool:
    """Whether it is an int from 1 to 2**63 - 1."""
    return is_count(value) and value != 0


def all_within(
    column: Column, low: float, high: float, *types: type, above_low: bool = False
) -> bool:
    """Whether all values have these types and lie in [low, high], or in (low, high]; not NaN."""
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

    The message puts `prefix` before the attribute's name, as files do.
    """
    for name, rule in rules.items():
        value = getattr(instance, name)
        if not rule.holds(value):
            raise InvalidValue(f"`{prefix}{name}` must be {rule.must}, but got {shown(value)}")


def check_order(instance: object, ordered: Iterable[tuple[str, ...]], prefix: str = "") -> None:
    """Raise InvalidValue if a group of attributes decreases; `prefix` as in `check`."""
    for names in ordered:
        values = [getattr(instance, name) for name in names]
        if any(before > after for before, after in pairwise(values)):
            must = " <= ".join(prefix + name for name in names)
            got = ", ".join(
                f"{prefix}{name}={shown(value)}" for name, value in zip(names, values, strict=True)
            )
            raise InvalidValue(f"`{must}` must hold, but got {got}")
