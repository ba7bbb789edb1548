import argparse

import pytest

from supernet.errors import SpaceError
from supernet.space import widths_from
from supernet.width_arguments import add_width_arguments, widths_of


def parsed(*arguments: str) -> tuple[float, ...] | None:
    parser = argparse.ArgumentParser()
    add_width_arguments(parser)
    return widths_of(parser.parse_args(arguments))


def test_a_range_or_all_widths_or_neither() -> None:
    assert parsed() is None
    assert parsed("--width-range", "0.7", "1") == widths_from(0.7)
    assert parsed("--widths", "0.5", "1") == (0.5, 1.0)


@pytest.mark.parametrize("high", ["0.9", "1.1"])
def test_a_range_ends_at_one(high: str) -> None:
    with pytest.raises(SpaceError, match="highest width of --width-range must be 1"):
        parsed("--width-range", "0.5", high)


def test_not_both() -> None:
    with pytest.raises(SystemExit):
        parsed("--width-range", "0.5", "1", "--widths", "1")
