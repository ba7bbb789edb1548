"""Puts what a benchmark found into docs/search.md, between the comments that name it."""

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def marks(name: str) -> tuple[str, str]:
    """The comments before and after what benchmarks/search/`name`.py found."""
    begin = f"<!-- What benchmarks/search/{name}.py found begins here. -->"
    return begin, "<!-- It ends here. -->"


def put_into_page(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace what lies between the marks of `name` by `lines`. ValueError without the marks."""
    begin, end = marks(name)
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} must hold {begin!r} and then {end!r}")
    page.write_text(before + "\n".join([begin, "", *lines, end]) + after, encoding="utf-8")
