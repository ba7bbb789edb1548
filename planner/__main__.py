"""`python -m planner select|plan|diff|validate|merge|export`: arguments in, exit code out."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from planner import commands
from planner.errors import PlannerError
from planner.export import FORMATS
from planner.limits import PERCENTILES

TABLE = "a lookup table, or a book of several"
EXAMPLES = {
    "select": "table.json --max-latency-ms 5 --margin 1",
    "plan": "phone.json server.json --num-entries 4 --weights 9 1",
    "diff": "old.json new.json --max-latency-regress 0.05",
    "validate": "table.json --artifacts artifacts",
    "merge": "phone.json server.json --out book.json",
    "export": "table.json --out table.csv",
}


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with one line."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def make_parser() -> Parser:
    """All commands with their options."""
    parser = Parser(prog="python -m planner", description="Decide with lookup tables.")
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")
    subparsers = {}
    for name, example in EXAMPLES.items():
        run = getattr(commands, f"run_{name}")
        subparsers[name] = commands_of.add_parser(
            name,
            help=run.__doc__,
            description=run.__doc__,
            epilog=f"example: python -m planner {name} {example}",
        )
        subparsers[name].set_defaults(run=run)
    _add_select(subparsers["select"])
    _add_plan(subparsers["plan"])
    _add_diff(subparsers["diff"])
    subparsers["validate"].add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    subparsers["validate"].add_argument(
        "--artifacts", type=Path, metavar="DIR", help="check the artifacts in this folder as well"
    )
    subparsers["merge"].add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    subparsers["merge"].add_argument("--out", type=Path, required=True, help="the book to write")
    _add_table(subparsers["export"])
    subparsers["export"].add_argument(
        "--out", type=Path, required=True, help=f"the file to write: {', '.join(FORMATS)}"
    )
    return parser


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, metavar="TABLE", help=TABLE)
    _add_device(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", help="choose one of a book: part of `DEVICE, RUNTIME, N threads, batch N`"
    )


def _add_select(parser: argparse.ArgumentParser) -> None:
    _add_table(parser)
    parser.add_argument("--max-latency-ms", type=float, metavar="X", help="of one batch")
    parser.add_argument("--percentile", choices=PERCENTILES, default="p50", help="default: p50")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.0,
        metavar="M",
        help="add M times the median's 95 %% interval: 1 is its upper end (default: 0)",
    )
    parser.add_argument("--max-macs", type=float, metavar="X", help="multiply-adds, as 3e8")
    parser.add_argument("--max-peak-memory-bytes", type=float, metavar="X")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    parser.add_argument("--num-entries", type=int, default=4, metavar="K", help="default: 4")
    parser.add_argument(
        "--budgets",
        nargs="+",
        metavar="MS[:WEIGHT]",
        help="median latencies to plan for (default: 100 from the fastest entry to the slowest)",
    )
    parser.add_argument(
        "--weights", nargs="+", type=float, metavar="W", help="how common each target is"
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help=TABLE)
    parser.add_argument("new", type=Path, metavar="NEW", help=TABLE)
    _add_device(parser)
    parser.add_argument(
        "--max-latency-regress",
        type=float,
        default=0.0,
        metavar="F",
        help="allowed slowdown, a fraction (default: 0)",
    )
    parser.add_argument(
        "--max-top1-drop",
        type=float,
        default=0.0,
        metavar="F",
        help="allowed loss of top1, a fraction of all images (default: 0)",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or what the command says, or 2 with one line on bad input."""
    parsed = make_parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`: what was asked for has been read
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (PlannerError, OSError) as error:
        print(f"python -m planner: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
