"""Files that hold many images each, and whose names begin with their split's: `train-00000.tar`."""

import re
from pathlib import Path

from supernet.data.scan import Findings, is_hidden
from supernet.data.splits import SPELLINGS, require_clear

NAME = re.compile(r"([a-z]+)(?![a-z])")
"""What a file's name begins with, in lower case."""


def files_of(folder: Path, suffix: str) -> list[Path]:
    """The files of that kind in a folder, sorted by name; none where it cannot be read."""
    try:
        found = sorted(folder.iterdir())
    except OSError:  # told when its images are read
        return []
    return [path for path in found if path.suffix.lower() == suffix and not is_hidden(path.name)]


def folders_of(folder: Path) -> list[Path]:
    """The folders in a folder; none where it cannot be read."""
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:  # as above
        return []


def part_of(path: Path) -> str:
    """The spelling of a split that a file's name begins with; empty where it is none."""
    match = NAME.match(path.name.casefold())
    return match[1] if match and match[1] in SPELLINGS else ""


def shards_of(folder: Path, suffix: str, findings: Findings) -> dict[str, list[Path]]:
    """The files of each split, sorted by name; others are told. DataError as `require_clear`."""
    found: dict[str, list[Path]] = {"train": [], "selection": [], "report": []}
    named = set()
    for path in files_of(folder, suffix):
        if part := part_of(path):
            found[SPELLINGS[part]].append(path)
            named.add(part)
        else:
            why = "their names begin with no split's, such as train-"
            findings.skip(f"{suffix} file(s)", why, path)
    require_clear(sorted(named), str(folder))
    return found
