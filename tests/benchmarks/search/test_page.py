from pathlib import Path

import pytest

from benchmarks.search.page import PAGE, marks, put_into_page


def test_what_lies_between_the_marks_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    other, mine = marks("other"), marks("mine")
    page.write_text("\n".join(["before", *other, "between", mine[0], "old", mine[1], "after", ""]))
    put_into_page("mine", ["| new |", ""], page)
    assert page.read_text().splitlines() == [
        *("before", *other, "between", mine[0], "", "| new |", "", mine[1], "after")
    ]


def test_a_page_without_the_marks_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text")
    with pytest.raises(ValueError, match="must hold"):
        put_into_page("mine", [], page)
    assert page.read_text() == "text"


def test_the_page_has_a_place_for_each_benchmark() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("second_target", "storage_speed"):
        begin, end = marks(name)
        assert text.index(begin) < text.index(end, text.index(begin))
