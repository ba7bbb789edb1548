"""The command `python -m supernet.data`: check images before they are trained on."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from supernet.data.check import cache_of
from supernet.data.dataset import load_data
from supernet.data.report import report
from supernet.data.torchvision_sets import DEFAULT_ROOT
from supernet.errors import SupernetError
from supernet.tell import one_line

EXAMPLE = """examples:
  python -m supernet.data photos/
  python -m supernet.data photos/ --strict && python -m supernet.train --data photos/ ...
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        data = load_data(args.data, resolution=224, seed=args.seed, root=args.data_root, tell=_say)
        checked = data.check(cache=cache_of(args.data))
        data.exclude_damaged(checked, strict=args.strict, tell=_say)
        for line in report(data, checked):
            _say(line)
        sys.stdout.flush()
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has read all it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _say(line: str) -> None:
    print(one_line(line))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m supernet.data",
        description="Check images: classes and splits, what is skipped, damaged or there twice.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", metavar="DATA", help="folder (images, shards, parquet), list (.csv, .jsonl), "
        "fashion-mnist-mini or torchvision:NAME")  # fmt: skip
    add("--data-root", metavar="DIR", type=Path, default=DEFAULT_ROOT,
        help="folder of torchvision's data sets")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of the splits, as in training; default: 0")
    add("--strict", action="store_true", help="exit with 2 where an image is damaged")
    return parser


if __name__ == "__main__":
    sys.exit(main())
