"""The command `python -m nas.export`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nas.errors import NasError
from nas.evaluate.trained import add_data_arguments, load_trained, run_of
from nas.export.exporting import artifact_folder, export
from nas.number_types import dtype_of_files
from nas.runtimes.mixed import SEPARATOR
from planner import LookupTable, PlannerError
from supernet.errors import SupernetError

EXAMPLE = """examples:
  python -m nas.export runs/default                        writes runs/default/artifacts/
  python -m nas.export runs/photos-arm --supernet runs/photos --out release
  python -m nas.export runs/default --table int8.json --out int8       int8.json: see nas.measure
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.export",
        description="Write an ONNX file for each entry of a run's lookup table, verify it against "
        "its subnet\non the report split, and write a lookup table that refers to the files. The "
        "files take uint8\nRGB pixels (batch, side, side, 3), cropped and resized, and normalise "
        "them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run of nas.search")
    parser.add_argument(
        "--supernet", type=Path, metavar="RUN", help="run with the supernet; default: the same run"
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="TABLE",
        help="lookup table of the run's supernet; default: the one that nas.search wrote",
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the files; default: RUN/artifacts, or RUN/artifacts/TABLE",
    )
    parser.add_argument(
        "--opset",
        type=int,
        help="ONNX opset of the files; default: the lowest that the network needs, as timed",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    folder = args.out or artifact_folder(args.run, args.table)
    try:
        found = LookupTable.read(args.table or args.run / "search" / "lookup_table.json")
        trained = load_trained(
            run_of(args.supernet, args.run), data=args.data, data_root=args.data_root
        )
        table = export(found, trained.supernet, trained.data, folder, opset=args.opset)
    except (SupernetError, NasError, PlannerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    files = [entry.artifact for entry in table if entry.artifact]
    print(
        f"written: {folder}/lookup_table.json and {len(table)} ONNX files in "
        f"{dtype_of_files(table).replace(SEPARATOR, ' and ')}; against the float subnets: "
        f"same class for {min(each.agreement or 0.0 for each in files):.2%} of the images or more, "
        f"top-1 {min(each.top1_difference or 0.0 for each in files):+.2%} or better, "
        f"logits within {max(each.max_abs_difference for each in files):.2g}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
