from pathlib import Path

import pytest

from benchmarks.page import DOCS, marks, put_into_page


def test_what_lies_between_the_marks_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    other, mine = marks("other.py"), marks("mine.py")
    page.write_text("\n".join(["before", *other, "between", mine[0], "old", mine[1], "after", ""]))
    put_into_page("mine.py", ["| new |", ""], page)
    assert page.read_text().splitlines() == [
        *("before", *other, "between", mine[0], "", "| new |", "", mine[1], "after")
    ]


def test_a_page_without_the_marks_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text")
    with pytest.raises(ValueError, match="must hold"):
        put_into_page("mine.py", [], page)
    assert page.read_text() == "text"


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (
            "search",
            tuple(
                f"search/{name}"
                for name in ("efficiency", "gains", "photographs", "second_target", "storage_speed")
            ),
        ),
        ("quantisation", ("search/number_types",)),
        ("deployment", ("latency/conditions",)),
        ("photographs", ("training/photographs", "training/few_photographs")),
    ],
)
def test_a_page_has_a_place_for_each_of_its_benchmarks(page: str, names: tuple[str, ...]) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for name in names:
        begin, end = marks(f"benchmarks/{name}.py")
        assert text.index(begin) < text.index(end, text.index(begin))
