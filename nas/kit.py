"""`python -m nas.kit`: a zip file that measures a run's entries on a device without PyTorch."""

import argparse
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nas.errors import NasError
from nas.export import export
from nas.onnx_graph import export_model
from nas.reference import reference_images, reference_network
from planner import LookupTable, PlannerError
from supernet.errors import SupernetError

EXAMPLE = """example:
  python -m nas.kit runs/default --out kit.zip
  on the device:  unzip kit.zip && python measure.py
  back here:      python -m nas.measure runs/default/search/lookup_table.json \\
                      --from measurements.json --out pi.json
"""
# The meter itself, as it is here: what it needs is in the standard library.
METER = ("errors", "kernel", "latency", "machine", "noise", "order_statistics", "rounds")


def make_kit(run: Path, source: Path, path: Path) -> int:
    """Export the entries of the table in `run` and pack them with the meter; return how many.

    `source` is the run that holds the supernet. The zip appears at `path` when it is whole.
    """
    folder = run / "artifacts"
    table = export(run, source, folder)
    here = Path(__file__).parent
    temporary = path.with_name(f".{path.name}.new")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as kit:
        kit.write(here / "on_device.py", "measure.py")
        kit.writestr("nas/__init__.py", '"""The latency meter of MutualNAS."""\n')
        for name in METER:
            kit.write(here / f"{name}.py", f"nas/{name}.py")
        for entry in table:
            kit.write(folder / f"{entry.config_id}.onnx", f"models/{entry.config_id}.onnx")
        kit.writestr("kernel.onnx", _kernel())
        kit.writestr("kit.json", json.dumps(_contents(table), indent=2) + "\n")
    temporary.replace(path)
    return len(table)


def _kernel() -> bytes:
    """The reference network as an ONNX file."""
    model = export_model(reference_network(), reference_images())
    return bytes(model.self_contained().SerializeToString())


def _contents(table: LookupTable) -> dict[str, object]:
    return {
        "weights_sha256": table.supernet["weights_sha256"],
        "batch_size": table.target.batch_size,
        "models": [
            {"config_id": entry.config_id, "file": f"models/{entry.config_id}.onnx"}
            for entry in table
        ],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.kit",
        description="Pack the ONNX files of a run's lookup table with a script that times them on "
        "another device; that needs Python, numpy and onnxruntime only.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="a run that nas.search has written")
    add("--supernet", type=Path, metavar="RUN", help="the run that holds the supernet, if another")
    add("--out", type=Path, default=Path("kit.zip"), metavar="FILE", help="default: kit.zip")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        num_models = make_kit(args.run, args.supernet or args.run, args.out)
    except (SupernetError, NasError, PlannerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written: {args.out} with {num_models} networks; on the device: python measure.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
