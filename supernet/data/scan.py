"""Scan: the images of one folder of classes, and what lies between them that is none."""

import contextlib
import importlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image, features

from supernet.errors import DataError
from supernet.tell import one_line

NOT_PHOTOS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow knows by name only, or opens by starting another program."""
NEEDS_LIBRARY = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}
SYSTEM_NAMES = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin"),
    *("system volume information", "lost+found"),
}
"""Files and folders that systems add of their own accord, in lower case."""
HEIC = {".heic", ".heif", ".hif"}
MAX_KINDS_TOLD = 6


@cache
def image_suffixes() -> frozenset[str]:
    """The suffixes of files that Pillow can open here, such as `.jpg`; HEIC with pillow-heif."""
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    known = Image.registered_extensions()
    absent = {kind for kind, library in NEEDS_LIBRARY.items() if not features.check(library)}
    opened = {*Image.OPEN, "MPO"} - NOT_PHOTOS - absent
    return frozenset(suffix for suffix, kind in known.items() if kind in opened)


def is_hidden(name: str) -> bool:
    """Whether people don't see a file or folder of that name, or did not make it themselves."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def composed(name: str) -> str:
    """A name in Unicode's composed form: macOS stores others than people type elsewhere."""
    return unicodedata.normalize("NFC", name)


def counted(number: int, what: str) -> str:
    """`1 image`, `2 images` of "image(s)"; "(es)" likewise."""
    for ending in ("s", "es"):
        what = what.replace(f"({ending})", "" if number == 1 else ending)
    return f"{number:,} {what}"


def file_stamp(path: str | Path) -> str:
    """Size and time of change: a file with the same ones has the same content."""
    found = os.stat(path)
    return f"{found.st_size} {found.st_mtime_ns}"


class Findings:
    """What a scan has to tell: files that were passed over, by reason, and other lines."""

    def __init__(self, root: Path) -> None:
        """`root` is the source's folder, with which each line begins."""
        self._root = root
        self._skipped: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._lines: list[str] = []

    def skip(self, what: str, why: str, path: str | Path) -> None:
        """Count a file or folder that is passed over; `what` it is, such as `.heic file(s)`."""
        self._skipped[what, why].append(os.fspath(path))

    def say(self, line: str) -> None:
        """Add a line."""
        self._lines.append(f"{self._root}: {line}")

    def notes(self) -> tuple[str, ...]:
        """All lines: one a reason, the most frequent first; rare kinds of files share the last."""
        ordered = sorted(self._skipped.items(), key=lambda item: (-len(item[1]), item[0]))
        num_told = len(ordered) if len(ordered) <= MAX_KINDS_TOLD else MAX_KINDS_TOLD - 1
        lines = list(self._lines)
        for (what, why), paths in ordered[:num_told]:
            number = counted(len(paths), what)
            example = os.path.relpath(min(paths), self._root)
            lines.append(f"{self._root}: skipped {number}, such as {example}: {why}")
        if rest := [paths for _, paths in ordered[num_told:]]:
            number = counted(sum(map(len, rest)), "other file(s)")
            lines.append(f"{self._root}: skipped {number}, of {len(rest)} kinds")
        return tuple(map(one_line, lines))


def visible(folder: str | Path, findings: Findings) -> list[os.DirEntry[str]]:
    """What lies in a folder, sorted by name, but for hidden files.

    Raises DataError where the folder cannot be read.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: must be a folder that can be read, but {error}") from error
    for entry in entries:
        if is_hidden(entry.name) and (is_folder(entry) or _is_image(entry.name)):
            findings.skip("hidden image(s) or folder(s)", "their names say so", entry.path)
    return [entry for entry in entries if not is_hidden(entry.name)]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def scan_classes(folder: Path, seen: set[str], findings: Findings) -> dict[str, list[str]]:
    """The paths of the images of each class, at any depth in `folder/<class>/`.

    Classes are sorted by name, or by number where all are numbers; the images of a class by folder
    and name. A folder is read once, whatever links lead to it, and those of `seen`, as real paths,
    never. Classes that differ in Unicode composition only are one.

    Raises DataError where a folder cannot be read or two classes are the same folder.
    """
    folders, owners = [], dict[str, str]()
    for entry in visible(folder, findings):
        if is_folder(entry):
            folders.append(entry)
        elif _is_image(entry.name):
            findings.skip("image(s)", "they lie in no class's folder", entry.path)
    for entry in folders:
        if (real := os.path.realpath(entry.path)) in owners:
            raise DataError(
                f"{folder}: each class must have a folder of its own, but {owners[real]!r} and "
                f"{entry.name!r} are the same one: remove a link"
            )
        owners[real] = entry.name
    seen = seen | set(owners)
    found, names, twice = dict[str, list[str]](), dict[str, str](), list[str]()
    for entry in folders:
        name = names.setdefault(composed(entry.name), entry.name)
        if name != entry.name:
            twice.append(name)
        images = sorted(_images(entry.path, seen, findings))
        found.setdefault(name, []).extend(os.path.join(*place) for place in images)
    if twice:
        number = counted(len(twice), "class(es)")
        findings.say(
            f"{folder.name}/ has {number} in two Unicode forms, such as {twice[0]}: taken as one"
        )
    if all(name.isdecimal() for name in found):
        return {name: found[name] for name in sorted(found, key=lambda name: (int(name), name))}
    return found


def _images(folder: str, seen: set[str], findings: Findings) -> Iterator[tuple[str, str]]:
    """Folder and name of each image in a folder at any depth; adds real paths to `seen`.

    Links to folders come last, for what they lead to may be in the folder itself.
    """
    folders, links = [folder], list[os.DirEntry[str]]()
    while folders or links:
        if not folders:
            link = links.pop(0)
            if (real := os.path.realpath(link.path)) in seen:
                findings.skip("link(s) to folders", "they are read already", link.path)
                continue
            seen.add(real)
            folders.append(link.path)
        for entry in visible(place := folders.pop(), findings):
            if is_folder(entry):
                if entry.is_symlink():
                    links.append(entry)
                else:
                    seen.add(os.path.realpath(entry.path))
                    folders.append(entry.path)
            elif not _is_file(entry):
                findings.skip("link(s) or device(s)", "they lead to no file", entry.path)
            elif _is_image(entry.name):
                yield place, entry.name
            else:
                findings.skip(*_kind(entry.name), entry.path)


def _kind(name: str) -> tuple[str, str]:
    """What a file that is no image is, and why it is passed over."""
    suffix = os.path.splitext(name)[1].lower()
    what = f"{suffix} file(s)" if suffix else "file(s) without a suffix"
    return what, "convert them, or install pillow-heif" if suffix in HEIC else "no image format"


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in image_suffixes()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # links in a circle
        return False
