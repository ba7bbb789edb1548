"""The command `python -m nas.search`."""

import sys
from collections.abc import Sequence

from rich.console import Console

from nas.errors import NasError
from nas.search.arguments import search_parser
from nas.search.searching import search
from nas.search.summary import print_summary
from planner import PlannerError
from supernet.errors import SupernetError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = search_parser().parse_args(argv)
    try:
        found = search(args, argv)
    except (SupernetError, NasError, PlannerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    if found is None:
        print("done; the worker on the target writes the table")
        return 0
    print_summary(*found, Console())
    print(f"written: {args.out / 'search'}/lookup_table.json, candidates.csv, report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
