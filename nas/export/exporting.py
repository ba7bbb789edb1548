"""`python -m nas.export`: the files that run a table's entries, and the table that names them."""

from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from nas.errors import NasError
from nas.evaluate.trained import Trained, load_trained
from nas.export.artifact import write_artifact
from nas.runtimes.onnxruntime import OnnxRuntime
from planner import Entry, LookupTable
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Images, calibrated_subnet


class Exporter:
    """Writes the ONNX files of one supernet's subnets into a folder."""

    def __init__(self, trained: Trained, folder: Path, *, batch_size: int) -> None:
        self._supernet, self._folder, self._batch_size = trained.supernet, folder, batch_size
        self._images = Images(trained.data, torch.device("cpu"))
        self._runtime = OnnxRuntime("cpu", torch.get_num_threads())

    def export(self, entry: Entry) -> Entry:
        """Write the file of `entry`, check it on `report`, return the entry that names it."""
        config = SubnetConfig(width_mults=entry.width_mults, resolution=entry.resolution)
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


def export(run: Path, source: Path, folder: Path) -> LookupTable:
    """Write the artifacts of the table in `run/search` and the table that names them to `folder`.

    `source` is the run that holds the supernet. Raises NasError when the table is another one's.
    """
    table = LookupTable.read(run / "search" / "lookup_table.json")
    trained = load_trained(source)
    if table.supernet["weights_sha256"] != trained.document["weights_sha256"]:
        raise NasError(
            f"the table in {run} must be of the supernet in {source}, but its weights are others; "
            "give the run that holds its supernet with --supernet"
        )
    folder.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(trained, folder, batch_size=table.target.batch_size)
    entries = [exporter.export(entry) for entry in tqdm(table, "export", unit="file")]
    named = replace(table, entries=tuple(entries))
    named.write(folder / "lookup_table.json")
    return named
