import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.archive import part_of, with_artifacts, zipped
from app.opening import Source
from planner import Artifact, DamagedTable, InvalidValue, LookupTable
from planner.artifacts import sha256_of


def with_files(table: LookupTable, folder: Path) -> LookupTable:
    entries = []
    for entry in table.entries[:3]:
        path = folder / f"{entry.config_id}.onnx"
        path.write_text(f"artifact of {entry.config_id}")
        artifact = Artifact(
            file=path.name,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            max_abs_difference=0.0,
        )
        entries.append(replace(entry, artifact=artifact))
    return replace(table, entries=tuple(entries))


def test_the_zip_holds_a_table_that_fits_its_artifacts(source: Source, tmp_path: Path) -> None:
    table = with_files(source.table, tmp_path)
    with zipfile.ZipFile(io.BytesIO(zipped(table, tmp_path))) as archive:
        archive.extractall(tmp_path / "out")
    again = LookupTable.read(tmp_path / "out" / "lookup_table.json")
    assert again == table
    for entry in again:
        assert entry.artifact is not None
        assert sha256_of(tmp_path / "out" / entry.artifact.file) == entry.artifact.sha256


def test_a_changed_or_a_huge_artifact_is_refused(source: Source, tmp_path: Path) -> None:
    table = with_files(source.table, tmp_path)
    (tmp_path / f"{table.entries[1].config_id}.onnx").write_text("changed")
    with pytest.raises(DamagedTable, match="bytes"):
        zipped(table, tmp_path)
    entry = table.entries[0]
    assert entry.artifact is not None
    huge = replace(entry, artifact=replace(entry.artifact, size_bytes=10**9))
    with pytest.raises(InvalidValue, match="at most 500 MB"):
        zipped(replace(table, entries=(huge,)), tmp_path)


def test_a_part_keeps_ties_within_it(source: Source) -> None:
    first, second, third = source.table.entries[:3]
    tied = replace(first, tied_with=(second.config_id, third.config_id))
    table = replace(source.table, entries=(tied, second, third))
    part = part_of(table, [first.config_id, third.config_id])
    assert part.entries == (replace(tied, tied_with=(third.config_id,)), third)
    assert with_artifacts(table.entries) == []
