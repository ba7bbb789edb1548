"""The command `python -m nas.kit`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nas.errors import NasError
from nas.evaluate.trained import add_data_arguments, load_trained, run_of
from nas.export import export
from nas.export.exporting import artifact_folder
from nas.kit.packing import make_kit
from planner import LookupTable, PlannerError
from supernet.errors import SupernetError

EXAMPLE = """example:
  python -m nas.kit runs/default --out kit.zip
  on the device:    unzip kit.zip && python measure.py
  on this machine:  python -m nas.measure runs/default/artifacts/lookup_table.json \\
                        --from measurements.json --out pi.json
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.kit",
        description="Pack the ONNX files of a run's lookup table with a script that times them on "
        "another\ndevice, which needs only Python, numpy and onnxruntime.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="run of nas.search")
    add("--supernet", type=Path, metavar="RUN", help="run with the supernet; default: the same run")
    add(
        "--table",
        type=Path,
        metavar="TABLE",
        help="lookup table of the run's supernet; default: the one that nas.search wrote",
    )
    add_data_arguments(parser)
    add(
        "--out",
        type=Path,
        default=Path("kit.zip"),
        metavar="FILE",
        help="zip file of the kit; default: kit.zip",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        found = LookupTable.read(args.table or args.run / "search" / "lookup_table.json")
        trained = load_trained(
            run_of(args.supernet, args.run), data=args.data, data_root=args.data_root
        )
        folder = artifact_folder(args.run, args.table)
        table = export(found, trained.supernet, trained.data, folder)
        make_kit(table, folder, args.out)
    except (SupernetError, NasError, PlannerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"written: {args.out} with {len(table)} networks, and their table "
        f"{folder / 'lookup_table.json'}; on the device: python measure.py"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
