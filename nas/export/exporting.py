"""`export`: writes ONNX files for a table's entries, and a table that refers to them."""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.evaluate.evaluator import Evaluator
from nas.export.artifact import write_artifact
from nas.export.metadata import artifact_metadata
from nas.number_types import dtype_of_file, typed
from nas.runtimes import load_runtime
from nas.runtimes.mixed import SEPARATOR
from nas.runtimes.onnxruntime import OnnxNetwork
from planner import Entry, LookupTable
from supernet import SubnetConfig, Supernet
from supernet.bar import Bar
from supernet.checkpoint import weights_sha256
from supernet.data import Data
from supernet.evaluate.accuracy import Images, calibrated_subnet


class Exporter:
    """Writes the ONNX files of one table's entries into a folder.

    Args:
        table: says how images are prepared and what the files say about themselves.
        supernet: the table's, in eval mode, on the CPU.
        data: the data it was trained on, for calibration and for verification on `report`.
        folder: an existing folder for the files.
        opset: the files' opset; None: the lowest that the network needs.
    """

    def __init__(
        self,
        table: LookupTable,
        supernet: Supernet,
        data: Data,
        folder: Path,
        *,
        opset: int | None = None,
    ) -> None:
        self._table, self._folder, self._opset = table, folder, opset
        self._evaluator = Evaluator(
            supernet,
            Images(data, torch.device("cpu")),
            load_runtime("onnxruntime", dtype=SEPARATOR.join(("float32", "int8"))),
            batch_size=table.target.batch_size,
            seed=0,
        )

    def export(self, entry: Entry) -> Entry:
        """Write the file of `entry`, verify it on `report`, return the entry with its artifact.

        The model is built as it was for timing: `Evaluator.whole`, compiled by the same runtime.
        """
        evaluator = self._evaluator
        dtype = dtype_of_file(self._table.dtype_of(entry))
        config = typed(subnet_config(entry), dtype)
        network = evaluator.whole(calibrated_subnet(evaluator.supernet, config, evaluator.images))
        compiled = evaluator.compile_whole(network, config)
        assert isinstance(compiled, OnnxNetwork)
        artifact = write_artifact(
            compiled.model,
            self._folder / f"{entry.config_id}.onnx",
            network,
            evaluator.images.pixels("report", config.resolution),
            batch_size=evaluator.batch_size,
            metadata=artifact_metadata(self._table, entry) | self._number_type(config),
            opset=self._opset,
            int8_top1=entry.accuracy.top1 if dtype == "int8" else None,
        )
        return replace(entry, artifact=artifact)

    def _number_type(self, config: SubnetConfig) -> dict[str, str]:
        """What the file says of its number type: dtype, and how and by which images it was found.

        `calibration_sha256` is the digest of these images' pixels.
        """
        runtime, images = self._evaluator.runtime_of(config), self._evaluator.images
        if runtime.dtype == "float32":
            return {"dtype": runtime.dtype}
        pixels = self._evaluator.calibration_images(config.resolution)
        return {
            "dtype": runtime.dtype,
            "quantisation": runtime.details["quantisation"],
            "calibration": f"{len(pixels)} of the {images.data.num_images['calibration']} images "
            "of the split calibration, evenly spaced",
            "calibration_sha256": hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest(),
        }


def artifact_folder(run: Path, table: Path | None) -> Path:
    """Where a run's files lie by default: those of another table than the run's own apart."""
    return run / "artifacts" if table is None else run / "artifacts" / table.stem


def export(
    table: LookupTable,
    supernet: Supernet,
    data: Data,
    folder: str | Path,
    *,
    opset: int | None = None,
) -> LookupTable:
    """Write an ONNX file for each entry of `table`, and a table that refers to them, to `folder`.

    A file takes uint8 pixels (batch, side, side, 3) and normalises them itself. It is written in
    the lowest opset that the network needs, in which it was also timed, or converted to `opset`.
    The files of entries in int8 are int8, all others float32. Each file is compared with its float
    subnet on the `report` images of `data`. Returns the written table.

    Raises:
        NasError: the table belongs to another supernet, or was timed without normalisation.
        ExportError: a file and its subnet disagree, or can't be written in `opset`.
    """
    if table.supernet["weights_sha256"] != weights_sha256(supernet):
        raise NasError(
            "the table must belong to the exported supernet, but has different weights; "
            "pass the run with the table's supernet as --supernet"
        )
    if table.preprocessing is None:
        raise NasError(
            "the table must be timed with the normalisation in the network, but is from before "
            "that (version 1.0); search again with another --out, or remove its search folder"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(table, supernet, data, folder, opset=opset)
    with Bar(table, "export", unit="file") as bar:  # closed before an error is printed
        entries = [exporter.export(entry) for entry in bar]
    exported = replace(table, entries=tuple(entries))
    exported.write(folder / "lookup_table.json")
    return exported
