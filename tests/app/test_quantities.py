import pytest

from app.quantities import MACS, P50, QUANTITIES, SELECTED, TOP1, interval, points
from planner.entry import ENTRY_FIELDS


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.03184, "0.0318 ms"), (1.2345, "1.23 ms"), (123.4, "123 ms"), (12345.6, "12,346 ms")],
)
def test_a_latency_has_three_digits_and_its_unit(value: float, text: str) -> None:
    assert P50.shown(value) == text


def test_quantities_are_shown_with_their_units() -> None:
    assert TOP1.shown(0.8745) == "87.45 %"
    assert TOP1.shown(1.0) == "100.00 %"
    assert MACS.shown(300_774_272) == "301 MMACs"
    assert P50.shown(None) == P50.shown(float("nan")) == "unknown"
    assert points(0.0123) == "1.23 points"
    assert points(0.0123, sign=True) == "+1.23 points"
    assert interval(TOP1, 0.8587, 0.8893) == "(85.87 to 88.93)"


def test_each_quantity_is_a_field_of_an_entry() -> None:
    for quantity in QUANTITIES.values():
        assert quantity.column in ENTRY_FIELDS
        assert quantity.goal == ("max" if quantity in (TOP1, SELECTED) else "min")
