"""`export` from Python; what the command does with it is in test___main__.py."""

from pathlib import Path

from nas.evaluate.trained import load_trained
from nas.export import export
from planner import LookupTable


def test_the_table_beside_the_files_is_the_one_returned(
    run_with_table: Path, tmp_path: Path
) -> None:
    trained = load_trained(run_with_table)
    found = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    table = export(found, trained.supernet, trained.data, str(tmp_path / "out"))
    assert LookupTable.read(tmp_path / "out" / "lookup_table.json") == table
    files = {entry.artifact.file for entry in table if entry.artifact}
    assert files == {path.name for path in (tmp_path / "out").glob("*.onnx")}
