"""`export`: the files that run a table's entries, and the table that names them."""

from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.evaluate.trained import weights_sha256
from nas.export.artifact import write_artifact
from nas.runtimes.onnxruntime import OnnxRuntime
from planner import Entry, LookupTable
from supernet import Supernet
from supernet.data import Data
from supernet.evaluate.accuracy import Images, calibrated_subnet


class Exporter:
    """Writes the ONNX files of one supernet's subnets into a folder.

    Args:
        supernet: in eval mode, on the CPU.
        data: what it was trained on, for calibration and for the check on `report`.
        folder: where the files go; it must exist.
        batch_size: images that a file takes at a time.
    """

    def __init__(self, supernet: Supernet, data: Data, folder: Path, *, batch_size: int) -> None:
        self._supernet, self._folder, self._batch_size = supernet, folder, batch_size
        self._images = Images(data, torch.device("cpu"))
        self._runtime = OnnxRuntime("cpu", torch.get_num_threads())

    def export(self, entry: Entry) -> Entry:
        """Write the file of `entry`, check it on `report`, return the entry that names it."""
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
    """Write an ONNX file for each entry of `table` into `folder`, and the table that names them.

    Each file is checked against its subnet on the `report` images of `data`. Returns that table.
    Raises NasError where the table is another supernet's, ExportError where a file and its subnet
    disagree.
    """
    if table.supernet["weights_sha256"] != weights_sha256(supernet):
        raise NasError(
            "the table must be of the supernet that is exported, but its weights are others; "
            "give the run that holds its supernet with --supernet"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(supernet, data, folder, batch_size=table.target.batch_size)
    entries = [exporter.export(entry) for entry in tqdm(table, "export", unit="file")]
    named = replace(table, entries=tuple(entries))
    named.write(folder / "lookup_table.json")
    return named
