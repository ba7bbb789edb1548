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
from supernet.train.arguments import named_value

WIDE = 250
"""Columns of a table that is not printed on a terminal."""

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
                raise NasError(f"`{name} >= 1` must hold, but got {getattr(args, name)}")
        network = build_model(args.model, args.num_classes, dict(args.model_args))
        counts = count_twice(network, args.resolution)
    except (SupernetError, NasError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # A file has lines as long as they need to be.
    print_comparison(counts, Console(width=None if sys.stdout.isatty() else WIDE))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.macs",
        description="A network's multiply-adds by layer: as tables record them, and by thop.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="known name or package.module:factory")
    add("--model-args", nargs="*", type=named_value, default=[], metavar="NAME=VALUE",
        help="of the model")  # fmt: skip
    add("--resolution", type=int, default=224, help="side of the image in pixels, default 224")
    add("--num-classes", type=int, default=1000, help="outputs of the classifier, default 1000")
    return parser


if __name__ == "__main__":
    sys.exit(main())
