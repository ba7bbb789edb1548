"""What a kit holds; that it runs elsewhere is in test___main__.py."""

import zipfile
from pathlib import Path

from nas.kit.packing import METER, make_kit


def test_a_kit_holds_the_meter_and_a_model_for_each_entry(
    run_with_table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "kit.zip"
    assert make_kit(run_with_table, run_with_table, path) == 2
    with zipfile.ZipFile(path) as kit:
        names = set(kit.namelist())
    models = {"models/w0.25-r8.onnx", "models/w1-r12.onnx"}
    rest = {"measure.py", "nas/__init__.py", "kernel.onnx", "kit.json"}
    assert names == {*METER, *models, *rest}
