import inspect

from supernet import errors


def test_the_tree_on_top_names_every_error() -> None:
    assert errors.__doc__ is not None
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(kind, errors.SupernetError)
        assert name in errors.__doc__


def test_what_other_code_raises_is_part_of_a_line() -> None:
    assert errors.reason_of(ValueError("no\nway")) == "no"
    assert errors.reason_of(ValueError("bad keys:\n  first\n  second")) == "bad keys: first"
    assert errors.reason_of(AssertionError()) == "AssertionError"
    assert len(errors.reason_of(ValueError("x" * 8800))) == errors.LONGEST_REASON


def test_a_message_is_one_line_whatever_names_are_in_it() -> None:
    assert str(errors.DataError("a\nb\u2028c")) == r"a\nb\u2028c"
