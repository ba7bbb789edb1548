import math
from types import SimpleNamespace

import pytest

from planner import InvalidValue, rules


@pytest.mark.parametrize("value", [True, math.nan, math.inf, "1", None, 2**63, [1]])
def test_a_number_is_finite_and_no_bool(value: object) -> None:
    assert not rules.is_number(value)
    assert not rules.is_fraction(value)
    assert not rules.is_positive(value)
    assert not rules.is_count(value)


def test_fractions_positives_and_counts_have_bounds() -> None:
    assert rules.is_fraction(0)
    assert rules.is_fraction(1.0)
    assert not rules.is_fraction(1.0001)
    assert not rules.is_fraction(-1e-9)
    assert rules.is_positive(1e-300)
    assert not rules.is_positive(0)
    assert rules.is_count(0)
    assert not rules.is_count(-1)
    assert not rules.is_count(1.0)
    assert not rules.at_least_one(0)


@pytest.mark.parametrize(
    "value", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "w\n", "\u00e9", 3]
)
def test_a_config_id_is_safe_as_a_file_name(value: object) -> None:
    assert not rules.is_config_id(value)
    assert rules.is_config_id("w0.25_0.5-r24")


@pytest.mark.parametrize("value", ["", "two\nlines", "\x1b[31m", "\u202eabc", "x" * 501, 3])
def test_a_text_is_short_and_printable(value: object) -> None:
    assert not rules.is_text(value)


@pytest.mark.parametrize("value", ["ab" * 31, "AB" * 32, "g" * 64, None])
def test_a_sha256_is_64_lower_case_digits(value: object) -> None:
    assert not rules.is_sha256(value)
    assert rules.is_sha256("0f" * 32)


def test_check_says_what_must_hold_and_what_it_got() -> None:
    with pytest.raises(InvalidValue, match=r"^`x` must be a number from 0 to 1, but got 'two'$"):
        rules.check(SimpleNamespace(x="two"), {"x": rules.FRACTION})
