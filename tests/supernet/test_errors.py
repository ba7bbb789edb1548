import inspect

from supernet import errors


def test_the_tree_on_top_names_every_error() -> None:
    assert errors.__doc__ is not None
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(kind, errors.SupernetError)
        assert name in errors.__doc__
