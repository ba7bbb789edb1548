from dataclasses import replace
from pathlib import Path

import pytest

from app.opening import Source, open_path, open_paths, unique_names
from planner import Book, DamagedTable, read_tables


def test_a_run_has_its_table_and_what_else_was_tried(run: Path) -> None:
    (source,) = open_path(run)
    assert len(source.table) == 30
    assert len(source.candidates) == 80
    assert source.candidates[:30] == source.table.entries
    assert source.artifacts == run / "artifacts"


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
