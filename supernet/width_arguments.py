"""`--width-range` and `--widths` on a command line: the widths of a search space."""

import argparse

from supernet.errors import SpaceError
from supernet.space import widths_from


def add_width_arguments(parser: argparse.ArgumentParser) -> None:
    """Add both options to the parser, of which one at most may be given."""
    widths = parser.add_mutually_exclusive_group()
    widths.add_argument(
        "--width-range",
        type=float,
        nargs=2,
        metavar="W",
        help="lowest and highest width; between them a width every 0.05, or closer",
    )
    widths.add_argument("--widths", type=float, nargs="+", metavar="W", help="all widths, up to 1")


def widths_of(args: argparse.Namespace) -> tuple[float, ...] | None:
    """The widths that the arguments name; None without either option.

    Raises SpaceError for a range that does not end at 1 or begins out of range.
    """
    if args.widths is not None:
        return tuple(args.widths)
    if args.width_range is None:
        return None
    low, high = args.width_range
    if high != 1:
        raise SpaceError(f"the highest width of --width-range must be 1, but got {high:g}")
    return widths_from(low)
