"""Parquet as Hugging Face's `datasets` writes it: `train-00000-of-00001.parquet` and the like.

An image is a struct of its file's bytes and path, a label a number whose name is in the schema's
metadata. Rows are read by groups, of which the last ones stay in memory. Needs the extra `parquet`.
"""

import importlib
import io
import json
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from PIL import Image

from supernet.data.labels import check_labels
from supernet.data.lists import LABEL_NAMES
from supernet.data.scan import Findings, file_stamp
from supernet.data.shard_names import files_of, folders_of, part_of, shards_of
from supernet.data.sources import ImageSet, lay_out
from supernet.errors import DataError, reason_of
from supernet.tell import readable

SUFFIX = ".parquet"
IMAGE_NAMES = ("image", "img", "picture", "photo", "jpg", "png")
MAX_BYTES_KEPT = 2**30
"""Of images in memory. Where there are more, each one read at random costs its group's reading."""


@dataclass(kw_only=True)
class _Columns:
    """What one file calls image and class, and the classes' names; empty where it has none."""

    image: str
    label: str
    names: tuple[str, ...]


@dataclass(kw_only=True)
class _Rows:
    """Where images are stored, with one element an image, and the groups read last."""

    files: list[Path] = field(default_factory=list)
    columns: list[_Columns] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[int | str] = field(default_factory=list)
    places: "tuple[array[int], ...]" = field(
        default_factory=lambda: (array("l"), array("l"), array("l"), array("l"))
    )
    """Of each image the number of its file, its group, its row in the group and in the file."""
    kept: "OrderedDict[tuple[int, int], list[bytes | None]]" = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def add(self, file: Path, findings: Findings) -> None:
        """Add the rows of one file, in order; those without a label are told."""
        opened = _opened(file)
        columns = _columns(opened.schema_arrow, file)
        self.files.append(file)
        self.columns.append(columns)
        try:
            labels = opened.read(columns=[columns.label]).column(columns.label).to_pylist()
        except Exception as error:  # pyarrow has many kinds for damaged files
            raise DataError(f"{file}: must be a whole file, but {reason_of(error)}") from error
        sizes = [opened.metadata.row_group(g).num_rows for g in range(opened.num_row_groups)]
        starts = [0, *accumulate(sizes)]
        group = 0
        for row, label in enumerate(labels):
            while row >= starts[group + 1]:
                group += 1
            if label is None or label == -1:
                findings.skip("image(s)", "they have no label", file / str(row))
                continue
            if type(label) not in (int, str) or (type(label) is int and label < 0):
                raise DataError(
                    f"{file}: row {row} must have a number or text as {columns.label!r}"
                )
            self.names.append(f"{readable(file.name)}/{row}")
            self.labels.append(label)
            for places, value in zip(
                self.places, (len(self.files) - 1, group, row - starts[group], row), strict=True
            ):
                places.append(value)

    def content(self, index: int) -> bytes:
        """Read one image's file; from any thread."""
        file, group, row, _ = (places[index] for places in self.places)
        with self.lock:
            images = self.kept.pop((file, group), None)
            if images is None:
                images = self._read(file, group)
            self.kept[file, group] = images  # the last key is the most recently used
            self._evict()
        content = images[row]
        if content is None:
            raise DataError("must be in the parquet file, but only its path is")
        return content

    def _read(self, file: int, group: int) -> list[bytes | None]:
        name = self.columns[file].image
        column = _opened(self.files[file]).read_row_group(group, columns=[name]).column(name)
        return [row["bytes"] if isinstance(row, dict) else row for row in column.to_pylist()]

    def _evict(self) -> None:
        sizes = [sum(map(len, filter(None, images))) for images in self.kept.values()]
        while len(sizes) > 1 and sum(sizes) > MAX_BYTES_KEPT:
            self.kept.popitem(last=False)
            del sizes[0]

    def stamp(self, index: int) -> str:
        """Size and time of change of the image's file, and its row."""
        return f"{file_stamp(self.files[self.places[0][index]])} {self.places[3][index]}"


def is_parquet(folder: Path) -> bool:
    """Whether a folder, or `data` in it, holds such files, and no folders of images."""
    folders, files = folders_of(folder), files_of(_place(folder), SUFFIX)
    if any(part_of(path) for path in folders):
        return False
    return any(map(part_of, files)) or (bool(files) and not folders)


def load_parquet(folder: Path) -> ImageSet:
    """Index `train-*.parquet` and, where present, `val-*.parquet` and `test-*.parquet`.

    They lie in `folder` or in `folder/data`. Splits are spelled and used as those of shards; the
    classes are those of the schema's metadata, or the numbers or texts that are there.

    Raises DataError, which names the file, where one is damaged or its columns are others.
    """
    rows, sizes, findings = _Rows(), dict[str, int](), Findings(folder)
    for split, files in shards_of(_place(folder), SUFFIX, findings).items():
        before = len(rows.names)
        for file in files:
            rows.add(file, findings)
        if len(rows.names) > before or split == "train":
            sizes[split] = len(rows.names) - before
    if not sizes["train"]:
        raise DataError(
            f"{folder}: must have training images in train-*{SUFFIX}, but has none there: name the "
            "files after their splits, such as train-00000-of-00001.parquet"
        )
    if may_halve := "selection" in sizes and "report" not in sizes:
        sizes["report"] = sizes.pop("selection")
    num_bytes = sum(file.stat().st_size for file in rows.files)
    if num_bytes > MAX_BYTES_KEPT:
        findings.say(
            f"of {num_bytes / 2**30:.1f} GiB only {MAX_BYTES_KEPT / 2**30:.0f} stays in memory, so "
            "that reading is slow: WebDataset shards (train-*.tar) are read faster"
        )
    classes, labels = _classes(rows, sizes["train"], folder)
    return ImageSet(
        name=str(folder),
        classes=classes,
        labels=labels,
        names=rows.names,
        official=lay_out(sizes),
        open=lambda index: Image.open(io.BytesIO(rows.content(index))),
        content=rows.content,
        stamp=rows.stamp,
        may_halve=may_halve,
        notes=findings.notes(),
    )


def _place(folder: Path) -> Path:
    """The folder itself or, as in a repository of the hub, `data` in it."""
    inner = folder / "data"
    return inner if not files_of(folder, SUFFIX) and inner.is_dir() else folder


def _opened(file: Path) -> Any:
    """A pyarrow.parquet.ParquetFile. Raises DataError where it cannot be read."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise DataError(
            f"{file}: needs {error.name}, which is not installed: pip install 'mutualnas[parquet]'"
        ) from error
    try:
        return parquet.ParquetFile(file)
    except Exception as error:  # likewise
        raise DataError(f"{file}: must be a parquet file, but {reason_of(error)}") from error


def _columns(schema: Any, file: Path) -> _Columns:
    """The columns of images and classes; by their types in the metadata, else by their names."""
    features = _features(schema.metadata or {})
    kinds = {name: feature.get("_type") for name, feature in features.items()}
    images = [n for n in schema.names if kinds.get(n) == "Image"] or [
        n for n in IMAGE_NAMES if n in schema.names
    ]
    labels = [n for n in schema.names if kinds.get(n) == "ClassLabel"] or [
        n for n in LABEL_NAMES if n in schema.names
    ]
    for what, found, usual in (("images", images, "image"), ("classes", labels, "label")):
        if len(found) != 1 and usual not in found:
            raise DataError(
                f"{file}: must have one column of {what}, such as {usual!r}, but has "
                f"{', '.join(found) or 'none'} among {', '.join(schema.names)}"
            )
    image, label = (usual if usual in found else found[0]
                    for usual, found in (("image", images), ("label", labels)))  # fmt: skip
    names = features.get(label, {}).get("names", ())
    return _Columns(image=image, label=label, names=tuple(map(str, names)))


def _features(metadata: Mapping[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """What `datasets` says of each column, by name."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: each for name, each in features.items() if isinstance(each, dict)}
    except (KeyError, TypeError, ValueError, AttributeError):  # written by others
        return {}


def _classes(rows: _Rows, num_train: int, folder: Path) -> tuple[tuple[str, ...], torch.Tensor]:
    """Names and labels, int64 (N,)."""
    named = {columns.names for columns in rows.columns}
    if len(named) > 1:
        raise DataError(f"{folder}: all files must name the same classes, but they differ")
    (names,) = named
    kinds = {type(label) for label in rows.labels}
    if kinds == {str}:
        names = tuple(sorted({str(label) for label in rows.labels[:num_train]}))
        number = {name: label for label, name in enumerate(names)}
        if unknown := [label for label in rows.labels if label not in number]:
            raise DataError(
                f"{folder}: every class must have training images, but {unknown[0]!r} has none"
            )
        labels = torch.tensor([number[str(label)] for label in rows.labels])
        return tuple(map(readable, names)), labels
    if kinds != {int}:
        raise DataError(f"{folder}: all labels must be numbers or all text, but both are there")
    labels = torch.tensor(rows.labels, dtype=torch.int64)
    check_labels(labels[:num_train], labels, str(folder))
    highest = int(labels.max())
    names = names or tuple(map(str, range(highest + 1)))
    if highest >= len(names):
        raise DataError(f"{folder}: must name {highest + 1} classes, but names {len(names)}")
    return tuple(map(readable, names)), labels
