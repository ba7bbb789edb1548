"""The command `python -m supernet.describe`: which channels of a network are elastic."""

import argparse
import sys
from collections.abc import Sequence

import torch

from supernet.elastic.describe import require_elastic, warning_of_little
from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.models import build_model
from supernet.named_value import named_value
from supernet.proof import proof_of
from supernet.space import GROUPS, SearchSpace
from supernet.width_arguments import add_width_arguments, widths_of

EXAMPLE = """examples:
  python -m supernet.describe resnet50
  python -m supernet.describe mobilenet_v2 --resolutions 224 192 160 128 --width-range 0.7 1
  python -m supernet.describe my_package.networks:my_net --num-classes 10 --model-args depth=20
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        if args.num_classes < 1:
            raise SupernetError(f"--num-classes must be 1 or more, but got {args.num_classes}")
        space = SearchSpace(
            widths=widths_of(args) or SearchSpace().widths,
            resolutions=tuple(args.resolutions),
            groups=args.groups,
        )
        model = build_model(args.model, args.num_classes, dict(args.model_args), seed=0)
        side = space.resolutions[0]
        supernet = Supernet(
            model, torch.empty(1, 3, side, side), space, num_classes=args.num_classes
        )
        if space.narrowest < 1:
            require_elastic(supernet.model, supernet.channels)
        proof = proof_of(supernet)
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(supernet.describe())
    print(proof.line)
    if space.narrowest < 1 and (warning := warning_of_little(supernet.model, supernet.channels)):
        print(warning, file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    space = SearchSpace()
    parser = argparse.ArgumentParser(
        prog="python -m supernet.describe",
        description="List a network's channel groups, their share of its MACs and parameters, and "
        "what stays at full width and why; on random images, its subnets are compared with what "
        "they must equal. Nothing is trained or downloaded; each training begins with the same. "
        "Exit code 2 where nothing is elastic, or a subnet differs.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="name (see supernet.train --list-models), timm:NAME or "
        "package.module:factory")  # fmt: skip
    add("--model-args", nargs="*", type=named_value, default=[], metavar="NAME=VALUE",
        help="arguments of the model's factory")  # fmt: skip
    add("--num-classes", type=int, default=1000, help="outputs of the classifier; default: 1000")
    add("--resolutions", type=int, nargs="+", default=[224], metavar="PX",
        help="input resolutions, at each of which it must run; default: 224")  # fmt: skip
    add_width_arguments(parser)
    add("--groups", choices=GROUPS, default=space.groups,
        help="what has a width of its own; default: %(default)s")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
