"""`python -m nas.kit`: a zip file that measures a run's entries on a device without PyTorch."""

import json
import zipfile
from pathlib import Path

from nas.evaluate.reference_network import reference_images, reference_network
from nas.export.exporting import export
from nas.runtimes.onnx_graph import export_model
from planner import LookupTable

# The meter itself, as it is here: what it needs is in the standard library.
METER = (
    *("nas/errors.py", "nas/meter/__init__.py", "nas/meter/latency.py", "nas/meter/machine.py"),
    *("nas/meter/noise.py", "nas/meter/reference_workload.py", "nas/meter/rounds.py"),
    "nas/meter/statistics.py",
)


def make_kit(run: Path, source: Path, path: Path) -> int:
    """Export the entries of the table in `run` and pack them with the meter; return how many.

    `source` is the run that holds the supernet. The zip appears at `path` when it is whole.
    """
    folder = run / "artifacts"
    table = export(run, source, folder)
    here = Path(__file__).parent
    root = here.parents[1]
    temporary = path.with_name(f".{path.name}.new")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as kit:
        kit.write(here / "on_device.py", "measure.py")
        kit.writestr("nas/__init__.py", '"""The latency meter of MutualNAS."""\n')
        for file in METER:
            kit.write(root / file, file)
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
