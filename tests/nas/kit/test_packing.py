"""What a kit holds; that it runs elsewhere is in test___main__.py."""

import json
import zipfile
from pathlib import Path

from nas.evaluate.trained import load_trained
from nas.export import export
from nas.kit.packing import METER, make_kit
from nas.runtimes.from_pixels import INPUT_FORM
from planner import LookupTable


def test_a_kit_holds_the_meter_and_a_model_for_each_entry(
    run_with_table: Path, tmp_path: Path
) -> None:
    trained = load_trained(run_with_table)
    found = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    table = export(found, trained.supernet, trained.data, tmp_path / "artifacts")
    make_kit(table, tmp_path / "artifacts", tmp_path / "kit.zip")
    with zipfile.ZipFile(tmp_path / "kit.zip") as kit:
        names = set(kit.namelist())
        contents = json.loads(kit.read("kit.json"))
    models = {"models/w0.25-r8.onnx", "models/w1-r12.onnx"}
    packages = {"nas/__init__.py", "supernet/__init__.py"}
    rest = {"measure.py", *packages, "reference.onnx", "kit.json"}
    assert names == {*METER, *models, *rest}
    assert contents["dtype"] == "float32"
    assert contents["details"] == {"input": INPUT_FORM}
