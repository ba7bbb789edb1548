"""The command `python -m nas.macs`."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from nas.cost.second_opinion import count_twice
from nas.errors import NasError
from nas.macs.comparison_table import print_comparison
from supernet.errors import SupernetError
from supernet.models import build_model
from supernet.named_value import named_value

WIDE = 250
"""Columns of the table when stdout is not a terminal."""

EXAMPLE = (
    "examples:\n"
    "  python -m nas.macs mobilenet_v2\n"
    "  python -m nas.macs vit_b_16 --resolution 96 --model-args image_size=96\n"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        for name in ("resolution", "num_classes"):
            if getattr(args, name) < 1:
                option = name.replace("_", "-")
                raise NasError(f"--{option} must be 1 or more, but got {getattr(args, name)}")
        network = build_model(args.model, args.num_classes, dict(args.model_args))
        counts = count_twice(network, args.resolution)
    except (SupernetError, NasError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # When stdout is a file or a pipe, long lines are not wrapped.
    print_comparison(counts, Console(width=None if sys.stdout.isatty() else WIDE))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.macs",
        description="Count a network's multiply-adds by layer, as recorded in lookup tables, and "
        "compare with thop.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="built-in model, timm:NAME or package.module:factory")
    add("--model-args", nargs="*", type=named_value, default=[], metavar="NAME=VALUE",
        help="arguments of the model's factory")  # fmt: skip
    add("--resolution", type=int, default=224, help="image height and width in px; default: 224")
    add("--num-classes", type=int, default=1000, help="outputs of the classifier; default: 1000")
    return parser


if __name__ == "__main__":
    sys.exit(main())
