"""Puts what a benchmark found into a page of docs/, between the comments that name its script."""

from collections.abc import Iterable
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def marks(script: str) -> tuple[str, str]:
    """The comments before and after what was found by a script, which is named by its path."""
    return f"<!-- What {script} found begins here. -->", "<!-- It ends here. -->"


def put_into_page(script: str, lines: Iterable[str], page: Path) -> None:
    """Replace what lies between the marks of a script by `lines`. ValueError without the marks."""
    begin, end = marks(script)
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} must hold {begin!r} and then {end!r}")
    page.write_text(before + "\n".join([begin, "", *lines, end]) + after, encoding="utf-8")
