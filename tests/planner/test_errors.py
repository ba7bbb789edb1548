import pytest

from planner import errors


def test_every_error_is_a_planner_error_and_drawn_in_the_tree() -> None:
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and not issubclass(value, Warning)
    ]
    assert len(found) == 7
    for error in found:
        assert issubclass(error, errors.PlannerError)
        assert issubclass(error, ValueError)
        assert error.__name__ in str(errors.__doc__)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, "line\nbreak\u2028\ud800", list(range(9)), {"a": "b" * 500}, None, 1.5],
)
def test_shown_is_short_and_on_one_line(value: object) -> None:
    text = errors.shown(value)
    assert len(text) <= 80
    assert text.isascii()
    assert text.isprintable()


def test_shown_copes_with_a_value_that_cannot_be_printed() -> None:
    assert errors.shown(10**5000) == "a huge int"
