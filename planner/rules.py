"""What a field of a dataclass must hold, written once and checked with one clear line."""

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from planner.errors import InvalidValue, shown

CONFIG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,499}")
SHA256 = re.compile(r"[0-9a-f]{64}")


BOUND = 2**63  # numbers from here on are damage, and no column of 64 bits holds them


class Rule(NamedTuple):
    """A test of one value, and what must hold in words."""

    holds: Callable[[object], bool]
    must: str


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


TEXT = Rule(is_text, "one line of 1 to 500 printable characters")
NAME = Rule(is_config_id, "1 to 500 letters, digits, '.', '_' or '-', not beginning with '.'")
FRACTION = Rule(is_fraction, "a number from 0 to 1")
POSITIVE = Rule(is_positive, "a number above 0 and below 2**63")
COUNT = Rule(is_count, "a whole number, 0 or more")
DIGEST = Rule(is_sha256, "64 lower-case hexadecimal digits")


def at_least_one(value: object) -> bool:
    """An int from 1 to 2**63 - 1."""
    return is_count(value) and value != 0


POSITIVE_COUNT = Rule(at_least_one, "a whole number, 1 or more")


def check(instance: object, rules: Mapping[str, Rule]) -> None:
    """Raise InvalidValue for the first attribute of `instance` that breaks its rule."""
    for name, rule in rules.items():
        value = getattr(instance, name)
        if not rule.holds(value):
            raise InvalidValue(f"`{name}` must be {rule.must}, but got {shown(value)}")
