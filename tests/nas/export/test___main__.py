"""On real weights and images: a tiny trained run with a table of two entries."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from nas.export.__main__ import main
from planner import LookupTable


def test_every_entry_gets_a_file_that_was_checked(run_with_table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    assert main([str(run_with_table), "--out", str(folder)]) == 0
    table = LookupTable.read(folder / "lookup_table.json")
    assert len(table) == 2
    for entry in table:
        assert entry.artifact is not None
        content = (folder / entry.artifact.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.artifact.sha256
        assert entry.artifact.max_abs_difference < 1e-3
    before = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    without = [replace(entry, artifact=None) for entry in table]
    assert without == list(before)


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_the_table_of_another_supernet_is_refused(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_with_table / "search" / "lookup_table.json"
    before = path.read_text()
    values = json.loads(before)
    values["supernet"]["weights_sha256"] = "0" * 64
    try:
        path.write_text(json.dumps(values))
        line = refused(capsys, [str(run_with_table), "--out", str(tmp_path / "out")])
    finally:
        path.write_text(before)
    assert "pass the run with the table's supernet as --supernet" in line
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_not_searched_is_refused(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "lookup_table.json" in refused(capsys, [str(tiny_run), "--out", str(tmp_path / "out")])
