from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.uploading import open_uploads
from planner import Book, LookupTable


@dataclass
class File:
    name: str
    content: bytes
    file_id: str = "1"

    def getvalue(self) -> bytes:
        return self.content


def test_dropped_tables_are_opened_without_artifacts(
    new_table: Callable[..., LookupTable], tmp_path: Path
) -> None:
    table, other = new_table(5), new_table(5, device="other")
    Book((table, other)).write(tmp_path / "book.json")
    opened = open_uploads([File("../../book.json", (tmp_path / "book.json").read_bytes())])
    assert [source.table for source in opened.sources] == [table, other]
    assert all(source.artifacts is None for source in opened.sources)
    assert opened.sources[0].path == Path("book.json")
    assert opened.errors == []


def test_a_file_that_is_no_table_is_told_by_its_name() -> None:
    opened = open_uploads([File("photo.png", b"\x89PNG"), File("x.json", b"[1]", "2")])
    assert opened.sources == []
    assert [error.partition(":")[0].split()[0] for error in opened.errors] == [
        "photo.png",
        "x.json",
    ]
    assert "/tmp" not in " ".join(opened.errors)
