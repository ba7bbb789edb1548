import json

from nas.export.metadata import artifact_metadata
from planner import LookupTable, Preprocessing


def test_the_file_says_what_the_table_says(table: LookupTable) -> None:
    entry = table.entries[0]
    said = artifact_metadata(table, entry)
    assert all(isinstance(value, str) for value in said.values())
    assert said["config_id"] == entry.config_id
    assert json.loads(said["width_mults"]) == list(entry.config.width_mults)
    assert json.loads(said["resolution"]) == entry.config.resolution
    assert json.loads(said["top1"]) == entry.accuracy.top1
    assert json.loads(said["num_report_images"]) == table.splits["report"]
    assert json.loads(said["latency_p50_ms"]) == entry.latency.p50_ms
    assert json.loads(said["target"]) == table.target.to_json()
    assert said["weights_sha256"] == table.supernet["weights_sha256"]
    assert json.loads(said["class_names"]) == table.supernet["class_names"]
    assert json.loads(said["normalisation_in_graph"]) == table.supernet["normalisation"]
    assert Preprocessing.from_json(json.loads(said["preprocessing"])) == table.preprocessing
    assert "uint8 RGB (batch, height, width, 3)" in said["input"]
