"""`export`: writes ONNX files for a table's entries, and a table that refers to them."""

from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.export.artifact import write_artifact
from nas.runtimes.onnxruntime import OnnxRuntime
from planner import Entry, LookupTable
from supernet import Supernet
from supernet.checkpoint import weights_sha256
from supernet.data import Data
from supernet.evaluate.accuracy import Images, calibrated_subnet


class Exporter:
    """Writes the ONNX files of one supernet's subnets into a folder.

    Args:
        supernet: in eval mode, on the CPU.
        data: the data it was trained on, for calibration and for verification on `report`.
        folder: an existing folder for the files.
        batch_size: images that each file accepts at a time.
    """

    def __init__(self, supernet: Supernet, data: Data, folder: Path, *, batch_size: int) -> None:
        self._supernet, self._folder, self._batch_size = supernet, folder, batch_size
        self._images = Images(data, torch.device("cpu"))
        self._runtime = OnnxRuntime("cpu", torch.get_num_threads())

    def export(self, entry: Entry) -> Entry:
        """Write the file of `entry`, verify it on `report`, return the entry with its artifact."""
        config = subnet_config(entry)
        network = calibrated_subnet(self._supernet, config, self._images)
        images, _ = next(self._images.batches("report", config.resolution))
        repeats = -(-self._batch_size // len(images))
        example = images.repeat(repeats, 1, 1, 1)[: self._batch_size]
        artifact = write_artifact(
            self._runtime.compile(network, example).model,
            self._folder / f"{entry.config_id}.onnx",
            network,
            self._images.batches("report", config.resolution),
            batch_size=self._batch_size,
        )
        return replace(entry, artifact=artifact)


def export(table: LookupTable, supernet: Supernet, data: Data, folder: str | Path) -> LookupTable:
    """Write an ONNX file for each entry of `table`, and a table that refers to them, to `folder`.

    Each file is verified against its subnet on the `report` images of `data`. Returns the written
    table. Raises NasError if the table belongs to another supernet, ExportError if a file and its
    subnet disagree.
    """
    if table.supernet["weights_sha256"] != weights_sha256(supernet):
        raise NasError(
            "the table must belong to the exported supernet, but has different weights; "
            "pass the run with the table's supernet as --supernet"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(supernet, data, folder, batch_size=table.target.batch_size)
    entries = [exporter.export(entry) for entry in tqdm(table, "export", unit="file")]
    exported = replace(table, entries=tuple(entries))
    exported.write(folder / "lookup_table.json")
    return exported
