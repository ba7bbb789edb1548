"""Every link, image and file name in the documents points to a file of this repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").glob("*.md"),
    ]
)
ELSEWHERE = ("http://", "https://", "mailto:")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# With a slash; a path that begins with ~ or / lies on the reader's machine.
FILE_NAME = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|json|md|js))`")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)

ROOTS = (ROOT, ROOT / "benchmarks")
"""Folders that file names are relative to; the README's table of figures leaves out benchmarks/."""


def headings(text: str) -> set[str]:
    """The anchors that GitHub gives a document's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_broken(document: Path, link: str) -> bool:
    """Whether a relative link names a file that does not exist, or a heading that it lacks."""
    name, _, anchor = link.partition("#")
    target = document.parent / name if name else document
    if not target.exists():
        return True
    return bool(anchor) and anchor not in headings(target.read_text(encoding="utf-8"))


def names(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_link_and_image_leads_to_a_file(document: Path) -> None:
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    links = [link for link in LINK.findall(text) if not link.startswith(ELSEWHERE)]
    assert not [link for link in links if is_broken(document, link)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_file_named_in_backticks_exists(document: Path) -> None:
    found = set(FILE_NAME.findall(document.read_text(encoding="utf-8")))
    assert not {name for name in found if not any((root / name).is_file() for root in ROOTS)}


def test_a_broken_link_is_found() -> None:
    readme = ROOT / "README.md"
    assert not is_broken(readme, "docs/python.md")
    assert not is_broken(readme, "docs/python.md#data")
    assert is_broken(readme, "docs/missing.md")
    assert is_broken(readme, "docs/python.md#missing")


def test_links_and_names_are_recognised() -> None:
    text = "[a](b.md), ![c](d/e.png), `nas/search/job.py`, `job.py` and `python -m nas.macs`"
    assert LINK.findall(text) == ["b.md", "d/e.png"]
    assert FILE_NAME.findall(text) == ["nas/search/job.py"]
