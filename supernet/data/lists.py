"""Lists of photographs: a CSV, TSV or JSON Lines file with the path and the label of each."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from supernet.data.scan import Findings, file_stamp, image_suffixes, readable
from supernet.data.sources import ImageSet, lay_out
from supernet.data.splits import SPELLINGS
from supernet.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
PATH_NAMES = ("path", "file", "filename", "file_name", "filepath", "file_path", "image",
              "image_path", "img", "img_path", "image_name")  # fmt: skip
LABEL_NAMES = ("label", "class", "category", "target", "class_name", "label_name", "y")
SPLIT_NAMES = ("split", "subset", "set", "partition")
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    label: str
    split: str


def is_list(path: Path) -> bool:
    """Whether it is a file that `load_list` reads, by its name."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def load_list(file: Path) -> ImageSet:
    """Read the images that a file lists, a row or a JSON object each.

    A column names the image (PATH_NAMES; absolute, or relative to the file's folder), one its class
    (LABEL_NAMES) and, optionally, one its split (SPLIT_NAMES: train, val, test and the like). A CSV
    without a header has the path first and the class second. Without splits all are `train`.
    Images of which there is no file are left out and told.

    Raises DataError where the file cannot be read, an image has two classes or splits, or a class
    is not in `train`.
    """
    findings = Findings(file)
    rows = _existing(_once(_rows(file), file), file, findings)
    by_split: dict[str, list[_Row]] = {"train": [], "selection": [], "report": []}
    for row in rows:
        by_split[row.split].append(row)
    if not by_split["train"]:
        raise DataError(f"{file}: must list training images, but lists none that are there")
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
    paths = [file.parent / row.path for row in ordered]
    return ImageSet(
        name=str(file),
        classes=tuple(map(readable, classes)),
        labels=torch.tensor([label_of[row.label] for row in ordered], dtype=torch.int64),
        names=[readable(row.path) for row in ordered],
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


def _existing(rows: list[_Row], file: Path, findings: Findings) -> list[_Row]:
    kept = []
    for row in rows:
        path = file.parent / row.path
        if os.path.isfile(path):
            kept.append(row)
        else:
            findings.skip("image(s)", "there is no such file", path)
    return kept


def _rows(file: Path) -> Iterator[_Row]:
    """All rows; DataError where one cannot be understood."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: must be a text file in UTF-8, but {error}") from error
    is_json = file.suffix.lower() in (".jsonl", ".ndjson")
    records = _json_records(text, file) if is_json else _csv_records(text, file)
    for line, record in records:
        path, label = _first(record, PATH_NAMES), _first(record, LABEL_NAMES)
        if path is None or label is None:
            raise DataError(
                f"{file}: line {line} must have an image ({', '.join(PATH_NAMES[:4])}, ...) and a "
                f"class ({', '.join(LABEL_NAMES[:3])}, ...), but has "
                f"{', '.join(name for name, value in record.items() if value) or 'nothing'}"
            )
        name = _first(record, SPLIT_NAMES) or "train"
        if (split := SPELLINGS.get(name.casefold())) is None:
            raise DataError(
                f"{file}: a split must be one of {', '.join(SPELLINGS)}, but is {name!r} in line "
                f"{line}"
            )
        yield _Row(line, os.path.normpath(path.replace("\\", "/")), label, split)


def _first(record: dict[str, str], names: Iterable[str]) -> str | None:
    """The value of the first of `names` that has one."""
    return next((record[name] for name in names if record.get(name)), None)


def _json_records(text: str, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for line, content in enumerate(text.splitlines(), 1):
        if content.strip():
            try:
                record: Any = json.loads(content)
            except ValueError as error:
                raise DataError(f"{file}: line {line} must be JSON, but {error}") from error
            if not isinstance(record, dict):
                raise DataError(f"{file}: line {line} must be a JSON object, but is another value")
            yield line, {_key(name): _text(value) for name, value in record.items()}


def _csv_records(text: str, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    first = text.partition("\n")[0]
    separator = Counter(c for c in first if c in SEPARATORS).most_common(1)
    if not separator:
        raise DataError(f"{file}: must have two columns or more, separated by a comma or a tab")
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator[0][0], strict=True)
    header: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header and _is_image(row[0]):
                header = ["path", "label", "split"]
            elif not header:
                header = [_key(cell) for cell in row]
                continue
            yield reader.line_num, {n: c.strip() for n, c in zip(header, row, strict=False)}
    except csv.Error as error:
        raise DataError(f"{file}: line {reader.line_num} must be CSV, but {error}") from error


def _is_image(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in image_suffixes()


def _key(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)
