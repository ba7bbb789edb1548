"""The command `python -m supernet.train`."""

import argparse
import os
import sys
from collections.abc import Sequence

from supernet.errors import SupernetError
from supernet.models import known_models
from supernet.train.allocator import keep_freed_memory
from supernet.train.arguments import execution_from, job_from, make_parser
from supernet.train.log import surviving_streams
from supernet.train.stop import Stopped
from supernet.train.training import train


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.list_models:
        print("\n".join(known_models()))
        return 0
    if args.out is None:
        parser.error("--out RUN is required: the folder to train into")
    keep_freed_memory()
    with surviving_streams(args.out / "supernet" / "train.log"):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        train(job_from(args), args.out, execution_from(args), resume=args.resume)
    except SupernetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print("stopped; run the same command with --resume to continue", file=sys.stderr)
        return 128 + stopped.signal_number
    except KeyboardInterrupt:
        print("interrupted; run the same command with --resume to continue", file=sys.stderr)
        return 130
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"trained: {args.out / 'supernet'}; inspect it with python -m nas.health {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
