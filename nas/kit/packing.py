"""Packs a kit: a zip file that measures a table's entries on a device without PyTorch."""

import io
import json
import zipfile
from pathlib import Path

from nas.evaluate.reference_network import reference_images, reference_network
from nas.number_types import dtype_of_files
from nas.runtimes.from_pixels import INPUT_FORM
from nas.runtimes.onnx_graph import export_model
from planner import LookupTable
from planner.atomic import write_atomically

ROOT = Path(__file__).parents[2]
# The latency meter and the conditions, packed unchanged: numpy and the runtime are all they need.
METER = (
    *("nas/errors.py", "nas/meter/__init__.py", "nas/meter/atomic.py", "nas/meter/cpu.py"),
    *("nas/meter/cpu_elsewhere.py", "nas/meter/latency.py", "nas/meter/machine.py"),
    *("nas/meter/noise.py", "nas/meter/other_processes.py", "nas/meter/reference_workload.py"),
    *("nas/meter/rounds.py", "nas/meter/statistics.py", "nas/threads.py", "supernet/cores.py"),
    *(f"nas/conditions/{path.name}" for path in sorted((ROOT / "nas/conditions").glob("*.py"))),
)


def make_kit(table: LookupTable, folder: str | Path, path: str | Path) -> None:
    """Pack the artifacts of `table` in `folder` and the latency meter into a zip file at `path`.

    `table` and `folder` come from `nas.export.export`. The file is written atomically.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as kit:
        kit.write(ROOT / "nas" / "kit" / "on_device.py", "measure.py")
        for package in ("nas", "supernet"):
            kit.writestr(f"{package}/__init__.py", '"""The latency meter of MutualNAS."""\n')
        for file in METER:
            kit.write(ROOT / file, file)
        for entry in table:
            kit.write(Path(folder) / f"{entry.config_id}.onnx", f"models/{entry.config_id}.onnx")
        kit.writestr("reference.onnx", _reference())
        kit.writestr("kit.json", json.dumps(_contents(table), indent=2) + "\n")
    write_atomically(Path(path), content.getvalue())


def _reference() -> bytes:
    """The reference network as an ONNX file."""
    model = export_model(reference_network(), reference_images())
    return bytes(model.self_contained().SerializeToString())


def _contents(table: LookupTable) -> dict[str, object]:
    return {
        "weights_sha256": table.supernet["weights_sha256"],
        "batch_size": table.target.batch_size,
        "dtype": dtype_of_files(table),
        "details": {"input": INPUT_FORM} | _quantisation(table),
        "models": [
            {"config_id": entry.config_id, "file": f"models/{entry.config_id}.onnx"}
            for entry in table
        ],
    }


def _quantisation(table: LookupTable) -> dict[str, object]:
    """How int8 files were made, as in the table's target; empty for float32."""
    name = "quantisation"
    return {name: table.target.details[name]} if name in table.target.details else {}
