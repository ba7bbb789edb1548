"""The command line of `planner select|plan|diff|validate|merge|export`, or `python -m planner`.

Exit codes: 0 fine, 1 a regression (diff), 2 bad input, 3 no entry fits (select, plan).
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from planner import commands
from planner.diff import KINDS, SESSION_SPREAD
from planner.errors import NoEntryFits, PlannerError
from planner.export import FORMATS
from planner.limits import PERCENTILES

PROG = "planner"
EXIT_CODES = "exit codes: 0 fine, 1 a regression (diff), 2 bad input, 3 no entry fits"
FAIL_ON = ("common", "latency", "accuracy", "budget")
FORMATS_OF_DIFF = {
    "text": "print lines for a terminal (the default)",
    "json": "print a JSON object with every change",
    "markdown": "print a summary for a pull request",
}
TABLE = "a lookup table or a book of several"
EXAMPLES = {
    "select": "table.json --max-latency-ms 5 --margin 1",
    "plan": "phone.json server.json --num-entries 4 --weights 9 1",
    "diff": "old.json new.json --max-latency-regress 0.05 --markdown",
    "validate": "*.json --artifacts artifacts --json",
    "merge": "phone.json server.json --out book.json",
    "export": "table.json --out table.csv",
}


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def make_parser() -> Parser:
    """Build the parser of all commands and their options."""
    parser = Parser(prog=PROG, description="Select and plan with lookup tables.", epilog=EXIT_CODES)
    parser.add_argument("--version", action=_PrintVersion)
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")
    subparsers = {}
    for name, example in EXAMPLES.items():
        run = getattr(commands, f"run_{name}")
        subparsers[name] = commands_of.add_parser(
            name,
            help=run.__doc__,
            description=run.__doc__,
            epilog=f"example: {PROG} {name} {example}; {EXIT_CODES}",
        )
        subparsers[name].set_defaults(run=run)
    _add_select(subparsers["select"])
    _add_plan(subparsers["plan"])
    _add_diff(subparsers["diff"])
    subparsers["validate"].add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    subparsers["validate"].add_argument(
        "--artifacts",
        type=Path,
        metavar="DIR",
        help="also check the size and sha256 of the artifacts in this folder",
    )
    subparsers["validate"].add_argument(
        "--json", action="store_true", help="print one JSON object per file"
    )
    subparsers["merge"].add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    subparsers["merge"].add_argument("--out", type=Path, required=True, help="the book to write")
    _add_table(subparsers["export"])
    subparsers["export"].add_argument(
        "--out",
        type=Path,
        required=True,
        help=f"the file to write, ending with one of {', '.join(FORMATS)}",
    )
    return parser


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, metavar="TABLE", help=TABLE)
    _add_device(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        help="pick one table of a book by whole parts, such as `batch 1`, or any piece of `DEVICE, "
        "RUNTIME, N threads, batch N, DTYPE`, or by its fingerprint",
    )


def _add_condition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--condition",
        metavar="NAME",
        help="take the latencies under this condition, such as after_pause, if nas.measure "
        "--conditions measured it (default: steady)",
    )


def _add_select(parser: argparse.ArgumentParser) -> None:
    _add_table(parser)
    _add_condition(parser)
    parser.add_argument("--max-latency-ms", type=float, metavar="X", help="budget for one batch")
    parser.add_argument(
        "--percentile",
        choices=PERCENTILES,
        default="p50",
        help="latency percentile that the budget bounds (default: p50)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=0.0,
        metavar="M",
        help="add M times the median's upper error; 1 uses the upper end of its 95 %% confidence "
        "interval (default: 0)",
    )
    parser.add_argument(
        "--max-macs", type=float, metavar="X", help="limit on multiply-adds per image, e.g. 3e8"
    )
    parser.add_argument(
        "--max-peak-memory-bytes",
        type=float,
        metavar="X",
        help="limit on memory; excludes entries whose memory was not measured",
    )


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE", help=TABLE)
    parser.add_argument(
        "--num-entries", type=int, default=4, metavar="K", help="most entries to ship (default: 4)"
    )
    parser.add_argument(
        "--budgets",
        nargs="+",
        metavar="MS[:WEIGHT]",
        help="budgets for the median latency (default: 100 per table, from the fastest to the "
        "slowest entry of its Pareto front)",
    )
    parser.add_argument(
        "--weights", nargs="+", type=float, metavar="W", help="share of each target in the fleet"
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help=TABLE)
    parser.add_argument("new", type=Path, metavar="NEW", help=TABLE)
    _add_device(parser)
    _add_condition(parser)
    parser.add_argument(
        "--max-latency-regress",
        type=float,
        default=0.0,
        metavar="F",
        help="slowdown to allow, as a fraction of the old median (default: 0)",
    )
    parser.add_argument(
        "--max-top1-drop",
        type=float,
        default=0.0,
        metavar="F",
        help="loss of top1 to allow, as a fraction of all images (default: 0)",
    )
    parser.add_argument(
        "--session-spread",
        type=float,
        metavar="F",
        help="largest common change of all latencies between two sessions on an unchanged machine, "
        f"as a fraction (default: as measured in the tables, else {SESSION_SPREAD}; see "
        "docs/ci.md)",
    )
    parser.add_argument(
        "--fail-on",
        nargs="*",
        choices=KINDS,
        default=FAIL_ON,
        metavar="KIND",
        help="; ".join(f"{kind}: {meaning}" for kind, meaning in KINDS.items())
        + f" (default: {' '.join(FAIL_ON)}; none: report only)",
    )
    report = parser.add_mutually_exclusive_group()
    for name, help_ in FORMATS_OF_DIFF.items():
        report.add_argument(
            f"--{name}",
            action="store_const",
            dest="report",
            const=name,
            help=help_,
        )
    parser.set_defaults(report="text")


class _PrintVersion(argparse.Action):
    """Look the version up only if it is asked for; that takes longer than a command."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"{PROG} {version('mutualnas')}")
        except PackageNotFoundError:
            print(f"{PROG}, from a checkout that is not installed")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; on bad input, print one line and return 2 or 3."""
    parsed = make_parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read all it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (PlannerError, OSError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 3 if isinstance(error, NoEntryFits) else 2
    return code


if __name__ == "__main__":
    sys.exit(main())
