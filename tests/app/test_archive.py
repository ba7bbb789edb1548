import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.archive import check_sizes, part_of, with_artifacts, zipped
from app.opening import Source
from planner import Artifact, DamagedTable, LookupTable
from planner.artifacts import CHUNK, sha256_of


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


def files(folder: Path) -> list[Path]:
    return list(folder.glob("*.onnx"))


def test_the_zip_holds_a_table_that_fits_its_artifacts(source: Source, tmp_path: Path) -> None:
    table = with_files(source.table, tmp_path)
    assert check_sizes(table, tmp_path) == sum(path.stat().st_size for path in files(tmp_path))
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(table, tmp_path)))) as archive:
        archive.extractall(tmp_path / "out")
    again = LookupTable.read(tmp_path / "out" / "lookup_table.json")
    assert again == table
    for entry in again:
        assert entry.artifact is not None
        assert sha256_of(tmp_path / "out" / entry.artifact.file) == entry.artifact.sha256


def test_a_changed_artifact_ends_the_download(source: Source, tmp_path: Path) -> None:
    table = with_files(source.table, tmp_path)
    path = tmp_path / f"{table.entries[1].config_id}.onnx"
    content = path.read_bytes()
    path.write_bytes(content[::-1])
    check_sizes(table, tmp_path)
    with pytest.raises(DamagedTable, match="sha256"):
        list(zipped(table, tmp_path))
    path.write_bytes(content + b"x")
    with pytest.raises(DamagedTable, match="bytes"):
        check_sizes(table, tmp_path)
    path.unlink()
    with pytest.raises(DamagedTable, match="can't be read"):
        check_sizes(table, tmp_path)


def test_an_artifact_outside_the_table_s_folder_is_not_sent(source: Source, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    table = with_files(source.table, tmp_path / "in")
    name = f"{table.entries[0].config_id}.onnx"
    (tmp_path / "in" / name).rename(tmp_path / name)
    (tmp_path / "in" / name).symlink_to(tmp_path / name)
    with pytest.raises(DamagedTable, match="leads out"):
        check_sizes(table, tmp_path / "in")
    with pytest.raises(DamagedTable, match="leads out"):
        list(zipped(table, tmp_path / "in"))


def test_a_large_artifact_is_sent_piece_by_piece(source: Source, tmp_path: Path) -> None:
    """457 MB of artifacts took 1.7 GB of memory at every visit of the page."""
    table = with_files(source.table, tmp_path)
    path = tmp_path / f"{table.entries[0].config_id}.onnx"
    with path.open("wb") as stream:
        stream.truncate(20 * CHUNK)
    artifact = Artifact(
        file=path.name, sha256=sha256_of(path), size_bytes=20 * CHUNK, max_abs_difference=0.0
    )
    large = replace(table.entries[0], artifact=artifact)
    pieces = [len(piece) for piece in zipped(replace(table, entries=(large,)), tmp_path)]
    assert sum(pieces) > 20 * CHUNK
    assert max(pieces) < 2 * CHUNK


def test_a_part_keeps_ties_within_it(source: Source) -> None:
    first, second, third = source.table.entries[:3]
    tied = replace(first, tied_with=(second.config_id, third.config_id))
    table = replace(source.table, entries=(tied, second, third))
    part = part_of(table, [first.config_id, third.config_id])
    assert part.entries == (replace(tied, tied_with=(third.config_id,)), third)
    assert with_artifacts(table.entries) == []
