"""`export` from Python; what the command does with it is in test___main__.py."""

from pathlib import Path

from nas.export.exporting import export
from planner import LookupTable


def test_the_table_beside_the_files_is_the_one_returned(
    run_with_table: Path, tmp_path: Path
) -> None:
    table = export(run_with_table, run_with_table, tmp_path / "out")
    assert LookupTable.read(tmp_path / "out" / "lookup_table.json") == table
    files = {entry.artifact.file for entry in table if entry.artifact}
    assert files == {path.name for path in (tmp_path / "out").glob("*.onnx")}
