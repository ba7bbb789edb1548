"""Lists of photographs: a CSV, TSV or JSON Lines file with the path and the label of each."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any
from unicodedata import normalize

import torch
from PIL import Image

from supernet.data.scan import Findings, composed, file_stamp, image_suffixes
from supernet.data.sources import ImageSet, lay_out
from supernet.data.splits import SPELLINGS, require_clear
from supernet.errors import DataError
from supernet.tell import readable

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
PATH_NAMES = ("path", "file", "filename", "file_name", "filepath", "file_path", "image",
              "image_path", "img", "img_path", "image_name")  # fmt: skip
LABEL_NAMES = ("label", "class", "category", "target", "class_name", "label_name", "y")
SPLIT_NAMES = ("split", "subset", "set", "partition")
READ = {*PATH_NAMES, *LABEL_NAMES, *SPLIT_NAMES, ""}
"""All names of columns that are read, and that of the numbers that pandas adds."""
MAX_TOLD = 5
"""Names of other columns in a line."""
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    """Absolute, so that an image has one path however it is written."""
    label: str
    split: str


def is_list(path: Path) -> bool:
    """Whether it is a file that `load_list` reads, by its name."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def load_list(file: Path) -> ImageSet:
    """Read the images that a file lists, a row or a JSON object each.

    A column names the image (PATH_NAMES; absolute, or relative to the file's folder), one its class
    (LABEL_NAMES; of several the first, if all divide the images alike) and, optionally, one its
    split (SPLIT_NAMES: train, val, test and the like). Other columns are told. A CSV without a
    header has the path first and the class second. Without splits all are `train`.
    Images of which there is no file are left out and told. Names are relative to the file's folder
    or, where an image lies elsewhere, to the folder that all images have in common: a list may be
    moved with its images whether its paths are absolute or not.

    Raises DataError where the file cannot be read, an image has two classes or splits, or a class
    is not in `train`.
    """
    findings = Findings(file)
    listed = _once(_rows(file, findings), file)
    folder = _folder(file, listed)
    rows = _existing(listed, findings)
    by_split: dict[str, list[_Row]] = {"train": [], "selection": [], "report": []}
    for row in rows:
        by_split[row.split].append(row)
    if not by_split["train"]:
        sought = next((row for row in listed if row.split == "train"), None)
        raise DataError(
            f"{file}: must list training images, but lists none that are there"
            + (f", such as {readable(sought.path)} in line {sought.line}" if sought else "")
        )
    may_halve = bool(by_split["selection"]) and not by_split["report"]
    if may_halve:
        by_split["report"], by_split["selection"] = by_split["selection"], []
    classes = _sorted(row.label for row in by_split["train"])
    label_of = {name: label for label, name in enumerate(classes)}
    parts = {
        split: sorted(of_split, key=lambda row: (label_of.get(row.label, -1), row.path))
        for split, of_split in by_split.items()
        if of_split
    }
    ordered = list(chain.from_iterable(parts.values()))
    if other := next((row for row in ordered if row.label not in label_of), None):
        raise DataError(
            f"{file}: every class must have training images, but {other.label!r} in line "
            f"{other.line} has none"
        )
    paths = [Path(row.path) for row in ordered]
    return ImageSet(
        name=str(file),
        classes=tuple(map(readable, classes)),
        labels=torch.tensor([label_of[row.label] for row in ordered], dtype=torch.int64),
        names=[readable(os.path.relpath(row.path, folder)) for row in ordered],
        official=lay_out({split: len(of_split) for split, of_split in parts.items()}),
        open=lambda index: Image.open(paths[index]),
        content=lambda index: paths[index].read_bytes(),
        stamp=lambda index: file_stamp(paths[index]),
        may_halve=may_halve,
        notes=findings.notes(),
    )


def _sorted(labels: Iterable[str]) -> list[str]:
    """Each class once: by number where all are numbers, else by name."""
    classes = sorted(set(labels))
    if all(name.isdecimal() for name in classes):
        classes.sort(key=lambda name: (int(name), name))
    return classes


def _once(rows: Iterator[_Row], file: Path) -> list[_Row]:
    """The rows without those that say the same again; DataError where two disagree."""
    found: dict[str, _Row] = {}
    for row in rows:
        first = found.setdefault(row.path, row)
        if (first.label, first.split) != (row.label, row.split):
            raise DataError(
                f"{file}: each image must have one class and one split, but {row.path!r} differs in"
                f" lines {first.line} and {row.line}"
            )
    return list(found.values())


def _folder(file: Path, rows: list[_Row]) -> str:
    """The folder of a list if all its images lie in it, else the one that they have in common."""
    folder = os.path.dirname(os.path.abspath(file))
    if not rows or all(row.path.startswith(os.path.join(folder, "")) for row in rows):
        return folder
    return os.path.commonpath([os.path.dirname(row.path) for row in rows])


def _existing(rows: list[_Row], findings: Findings) -> list[_Row]:
    kept = []
    for row in rows:
        # A list and the files that it names may come from systems with other Unicode forms.
        forms = (row.path, *(normalize(form, row.path) for form in ("NFC", "NFD")))
        if path := next(filter(os.path.isfile, forms), None):
            kept.append(replace(row, path=path))
        else:
            why = "it is a folder" if os.path.isdir(row.path) else "there is no such file"
            findings.skip("image(s)", why, row.path)
    return kept


def _rows(file: Path, findings: Findings) -> Iterator[_Row]:
    """All rows; DataError where one cannot be understood. Columns that are not read are told."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: must be a text file in UTF-8, but {error}") from error
    is_json = file.suffix.lower() in (".jsonl", ".ndjson")
    records = _json_records(text, file) if is_json else _csv_records(text, file)
    folder = os.path.dirname(os.path.abspath(file))
    named, said = set[str](), dict[tuple[str, str, str], tuple[str, str]]()
    others = dict[str, None]()
    for line, record in records:
        others |= dict.fromkeys(name for name in record if name not in READ)
        where = f"{file}: line {line}"
        path = _first(record, PATH_NAMES, where)
        label = _first(record, LABEL_NAMES, where)
        _require_one_label(record, label, said, where)
        if not path or not label:
            raise DataError(
                f"{where} must have an image ({', '.join(PATH_NAMES[:4])}, ...) and a "
                f"class ({', '.join(LABEL_NAMES[:3])}, ...), but has "
                f"{', '.join(name for name, value in record.items() if value) or 'nothing'}"
            )
        name = _first(record, SPLIT_NAMES, where) or "train"
        if (split := SPELLINGS.get(name.casefold())) is None:
            raise DataError(
                f"{file}: a split must be one of {', '.join(SPELLINGS)}, but is {name!r} in line "
                f"{line}"
            )
        named.add(name.casefold())
        path = os.path.normpath(os.path.join(folder, path.replace("\\", "/")))
        yield _Row(line, path, composed(label), split)
    require_clear(sorted(named), str(file))
    if others:  # such as is_test
        shown = ", ".join(others) if len(others) <= MAX_TOLD else f"{len(others)} columns"
        advice = "; a column 'split' can name train, val and test" if named == {"train"} else ""
        findings.say(f"not read: {shown}{advice}")


def _require_one_label(
    record: Mapping[str, Any],
    label: str,
    said: dict[tuple[str, str, str], tuple[str, str]],
    where: str,
) -> None:
    """Raise DataError where another column of LABEL_NAMES divides the images into other classes.

    It may say the same otherwise, such as by number. `said` is what the columns said so far, and is
    added to.
    """
    values = {name: text for name in LABEL_NAMES if (text := _first(record, (name,), where))}
    for name, other in values.items():
        for key in ((name, "of", label), (name, "means", other)):
            if (before := said.setdefault(key, (label, other))) != (label, other):
                raise DataError(
                    f"{where} must have one class, but {name!r} is {other!r} for the class "
                    f"{label!r}, and was {before[1]!r} for {before[0]!r}: keep one column of "
                    f"classes among {', '.join(LABEL_NAMES[:4])}, ..."
                )


def _first(record: Mapping[str, Any], names: Iterable[str], where: str) -> str:
    """The value of the first of `names` that has one, else nothing.

    Raises DataError where it is neither text nor a whole number: a list of classes is no class.
    """
    for name in names:
        value = record.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, str | int | None):
            raise DataError(f"{where} must have text or a whole number as {name!r}, not {value!r}")
        if text := "" if value is None else str(value).strip():
            return text
    return ""


def _json_records(text: str, file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.split("\n"), 1):  # splitlines() also splits in values
        if content.strip():
            try:
                record: Any = json.loads(content)
            except ValueError as error:
                raise DataError(f"{file}: line {line} must be JSON, but {error}") from error
            if not isinstance(record, dict):
                raise DataError(f"{file}: line {line} must be a JSON object, but is another value")
            yield line, {_key(name): value for name, value in record.items()}


def _csv_records(text: str, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    separator = "\t" if file.suffix.lower() == ".tsv" else _separator(text, file)
    reader = _reader(text, separator, strict=True)
    header: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not header and _is_image(cells[0]):
                header = ["path", "label", "split"]
            elif not header:
                header = _header(cells, f"{file}: line {reader.line_num}, the header,")
                continue
            if any(cells[len(header) :]):
                raise DataError(
                    f"{file}: line {reader.line_num} must have {len(header)} columns, but has "
                    f'{len(cells)}: put "..." around a cell with {separator!r}'
                )
            yield reader.line_num, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise DataError(f"{file}: line {reader.line_num} must be CSV, but {error}") from error


def _reader(text: str, separator: str, strict: bool) -> Any:
    lines = io.StringIO(text, newline="")  # splitlines() would also split in cells
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=strict)


def _separator(text: str, file: Path) -> str:
    """The one that splits the first row into the most cells."""

    def num_cells(separator: str) -> int:
        try:
            return len(next(filter(any, _reader(text, separator, strict=False)), ()))
        except csv.Error:  # such as a cell of 200,000 characters
            return 0

    best = max(SEPARATORS, key=num_cells)
    if num_cells(best) < 2:
        raise DataError(f"{file}: must have two columns or more, separated by a comma or a tab")
    return best


def _header(cells: list[str], where: str) -> list[str]:
    """Names of the columns; DataError where they name no image or no class."""
    header = [_key(cell) for cell in cells]
    for what, names in (("images", PATH_NAMES), ("classes", LABEL_NAMES)):
        if not set(names) & set(header):
            raise DataError(
                f"{where} must name the column of {what} one of {', '.join(names)}, but its names "
                f"are {', '.join(cells)}"
            )
    return header


def _is_image(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in image_suffixes()


def _key(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
