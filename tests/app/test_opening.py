import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.opening import Source, open_path, open_paths, stamp, under, unique_names
from planner import Artifact, Book, DamagedTable, LookupTable, read_tables


def test_a_run_has_its_table_and_what_else_was_tried(run: Path) -> None:
    (source,) = open_path(run)
    assert len(source.table) == 30
    assert len(source.candidates) == 80
    assert source.candidates[:30] == source.table.entries
    assert source.artifacts == run / "artifacts"


ARTIFACT = Artifact(file="a.onnx", sha256="ab" * 32, size_bytes=1, max_abs_difference=0.0)


def exported(table: LookupTable, folder: Path) -> None:
    """What `nas.export RUN` leaves in RUN/artifacts."""
    folder.mkdir()
    entries = tuple(replace(entry, artifact=ARTIFACT) for entry in table)
    replace(table, entries=entries).write(folder / "lookup_table.json")


def test_what_nas_export_wrote_is_part_of_the_run(run: Path) -> None:
    (before,) = open_path(run)
    assert not any(entry.artifact for entry in before.table)
    exported(before.table, run / "artifacts")
    (after,) = open_path(run)
    assert {entry.artifact for entry in after.table} == {ARTIFACT}
    assert after.artifacts == run / "artifacts"


def test_artifacts_of_another_training_are_not_the_run_s(
    run: Path, new_table: Callable[..., LookupTable]
) -> None:
    table = new_table(30)
    supernet = dict(table.supernet) | {"weights_sha256": "cd" * 32}
    exported(replace(table, supernet=supernet), run / "artifacts")
    (source,) = open_path(run)
    assert not any(entry.artifact for entry in source.table)


def test_a_file_replaced_within_its_time_is_noticed(run: Path, tmp_path: Path) -> None:
    path = run / "search" / "lookup_table.json"
    before, times = stamp(run), path.stat()
    content = path.read_bytes()
    (tmp_path / "new").write_bytes(content)
    os.replace(tmp_path / "new", path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert stamp(run) != before
    again = stamp(run)
    assert stamp(run) == again
    (run / "artifacts").mkdir()
    (run / "artifacts" / "lookup_table.json").write_bytes(content)
    assert stamp(run) != again
    assert stamp(tmp_path / "none") == ()


def test_a_table_and_a_book_are_opened(run: Path, other_table: Path, tmp_path: Path) -> None:
    paths = [run / "search" / "lookup_table.json", other_table]
    tables = [table for path in paths for table in read_tables(path)]
    Book(tuple(tables)).write(tmp_path / "book.json")
    opened = open_paths([tmp_path / "book.json", other_table])
    assert [source.table for source in opened] == [*tables, tables[1]]
    assert opened[0].artifacts == tmp_path


def test_a_folder_that_is_no_run_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DamagedTable, match=r"nas\.search"):
        open_path(tmp_path)
    with pytest.raises(DamagedTable, match="can't be read"):
        open_path(tmp_path / "none.json")


def test_sources_get_unique_names(source: Source, sources: dict[str, Source]) -> None:
    assert unique_names([source]) == ["test CPU, onnxruntime, 2 threads, batch 1"]
    twins = [source, replace(source), *sources.values()]
    assert len(set(unique_names(twins))) == 4
    threads = replace(source.table.target, num_threads=1)
    single = replace(source, table=replace(source.table, target=threads))
    assert unique_names([single]) == ["test CPU, onnxruntime, 1 thread, batch 1"]


def test_names_leave_out_equal_threads_and_batches(sources: dict[str, Source]) -> None:
    assert unique_names(list(sources.values())) == [
        "test CPU, onnxruntime",
        "slow CPU, onnxruntime",
    ]


def test_under_a_condition_only_the_tables_entries_are_candidates(run: Path) -> None:
    (source,) = open_path(run)
    entries = [replace(e, conditions={"after_pause": e.latency}) for e in source.table]
    source = replace(source, table=replace(source.table, entries=tuple(entries)))
    assert under(source, "steady") is source
    paused = under(source, "after_pause")
    assert paused.table == source.table.under("after_pause")
    assert paused.candidates == paused.table.entries
    assert (paused.artifacts, paused.path) == (source.artifacts, source.path)
