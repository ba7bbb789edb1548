"""WebDataset shards: tar files of images and labels, for data sets of too many files.

The format is that of the webdataset library (its ShardWriter writes it): a sample consists of the
members with one key, which ends at the first dot of the file's name: `000017.image.jpg` with
`000017.cls`. The library streams shards through a shuffle buffer, so that a batch depends on all
that was read before. Here the shards' headers are indexed once and images are read by offset: a
batch remains a function of seed and step, and a training can be resumed like one on a folder.
"""

import io
import json
import os
import tarfile
from array import array
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import torch
from PIL import Image

from supernet.bar import Bar
from supernet.data.labels import check_labels
from supernet.data.scan import Findings, counted, file_stamp, image_suffixes
from supernet.data.shard_names import files_of, folders_of, part_of, shards_of
from supernet.data.sources import ImageSet, lay_out
from supernet.data.splits import SPELLINGS
from supernet.errors import DataError
from supernet.tell import readable

SUFFIX = ".tar"
PLAIN = ("", "image", "img")
"""What may precede `.jpg` in the name of a sample's image, where it has other images beside it."""
PREFERRED = ("jpg", "jpeg", "png", "webp")
"""Of two plain ones, `.jpg` and `.png`, the first is the image and the other one a mask or so."""


@dataclass(frozen=True, kw_only=True)
class _Index:
    """Where images are stored, with one element an image: 100,000 take some 20 MB."""

    shards: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    shard_numbers: "array[int]" = field(default_factory=lambda: array("l"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("q"))
    unfinished: list[Path] = field(default_factory=list)
    """Shards without the end of a tar file, which a writer that was killed leaves."""

    def add(self, shard: Path, findings: Findings) -> None:
        """Add the samples of one shard, in order."""
        self.shards.append(shard)
        samples, has_end = _samples(shard)
        if not has_end:
            self.unfinished.append(shard)
        for key, sample in samples.items():
            if not sample.images:
                others = ", ".join(sorted(sample.others)) or "a label alone"
                findings.skip(f"sample(s) with {others}", "no image format", shard / key)
                continue
            self.names.append(readable(f"{shard.name}/{key}"))
            self.shard_numbers.append(len(self.shards) - 1)
            offset, size = sample.image(f"{shard}: {key}")
            self.offsets.append(offset)
            self.sizes.append(size)
            self.labels.append(sample.label(f"{shard}: {key}"))

    def open(self, index: int) -> Image.Image:
        """One image; from any thread."""
        return Image.open(io.BytesIO(self.content(index)))

    def content(self, index: int) -> bytes:
        """Read one image's file; from any thread.

        The shard is opened each time, as files of a folder are: there are never more descriptors
        than threads, and none to close.
        """
        shard = os.open(self.shards[self.shard_numbers[index]], os.O_RDONLY)
        try:
            return os.pread(shard, self.sizes[index], self.offsets[index])
        finally:
            os.close(shard)

    def stamp(self, index: int) -> str:
        """Size and time of change of the image's shard, and where the image is."""
        shard = self.shards[self.shard_numbers[index]]
        return f"{file_stamp(shard)} {self.offsets[index]} {self.sizes[index]}"


@dataclass(kw_only=True)
class _Sample:
    """The members of one key that matter."""

    images: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Offset and size of each, by extension."""
    classes: dict[str, int] = field(default_factory=dict)
    """The number in each `.cls`, by extension."""
    json: int | None = None
    """The label in `.json`, if it has one."""
    others: set[str] = field(default_factory=set)
    """Extensions of members that are neither."""

    def image(self, where: str) -> tuple[int, int]:
        """The sample's image; of several, the one that is called just `.jpg`, `.image.jpg` ...

        Raises DataError where none of several is.
        """
        if len(self.images) == 1:
            return next(iter(self.images.values()))
        by_rank = {}
        for extension, place in self.images.items():
            prefix, _, kind = extension.rpartition(".")
            if prefix in PLAIN:
                order = PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)
                by_rank[PLAIN.index(prefix), order, kind] = place
        if not by_rank:
            raise DataError(
                f"{where}: must have one image or a plain .jpg, but has "
                f"{', '.join(sorted(self.images))}: write the shards anew with one"
            )
        return by_rank[min(by_rank)]

    def label(self, where: str) -> int:
        """The sample's class: `.cls`, that in `.json`, or the only `.output.cls` or so.

        Raises DataError where it has none or a negative one.
        """
        label = self.classes.get("cls", self.json)
        if label is None and len(self.classes) == 1:
            (label,) = self.classes.values()
        if label is None:
            raise DataError(
                f"{where}: every image must have its class, but {where.rpartition(': ')[2]}.cls is"
                " missing"
            )
        if not 0 <= label < 2**31:
            raise DataError(f"{where}: labels count from 0, but got {label}")
        return label


def is_sharded(folder: Path) -> bool:
    """Whether a folder holds shards of training images, or shards and no folders."""
    files = files_of(folder, SUFFIX)
    if any(SPELLINGS.get(part_of(path)) == "train" for path in files):
        return True
    return bool(files) and not folders_of(folder)


def load_shards(folder: Path) -> ImageSet:
    """Index `folder/train-*.tar` and, where present, `val-*.tar` and `test-*.tar` (SPELLINGS).

    `val` or `test` alone is the split `report` (of `val` alone, `split_images` may give half to
    `selection`); of both, `val` is `selection` and `test` is `report`. Labels are numbers from 0:
    `.cls`, or `label` or `cls` in `.json`; `classes.txt` may name them, one per line.

    Raises DataError, which names the shard, if one is damaged or a sample is incomplete.
    """
    index, sizes, findings = _Index(), dict[str, int](), Findings(folder)
    shards = shards_of(folder, SUFFIX, findings)
    for split, paths in shards.items():
        num_before = len(index.names)
        for shard in Bar(paths, f"index {split}", unit="shard", delay=2.0, leave=False):
            index.add(shard, findings)
        if len(index.names) > num_before or split == "train":
            sizes[split] = len(index.names) - num_before
    if not sizes["train"]:
        if not shards["train"]:
            raise DataError(
                f"{folder}: must have training images in train-*.tar, but has no such file: name "
                "the files after their splits, such as train-00000.tar"
            )
        raise DataError(f"{folder}: train-*.tar must hold images (.jpg, .png ...), but hold none")
    if may_halve := "selection" in sizes and "report" not in sizes:
        sizes["report"] = sizes.pop("selection")
    if index.unfinished:
        number, example = counted(len(index.unfinished), "shard(s)"), index.unfinished[0].name
        findings.say(f"{number} without the end of a tar file, such as {example}: incomplete?")
    labels = torch.tensor(index.labels, dtype=torch.int64)
    check_labels(labels[: sizes["train"]], labels, str(folder))
    return ImageSet(
        name=str(folder),
        classes=_classes(folder, 1 + int(labels.max())),
        labels=labels,
        names=index.names,
        official=lay_out(sizes),
        open=index.open,
        content=index.content,
        stamp=index.stamp,
        may_halve=may_halve,
        notes=findings.notes(),
    )


def _samples(shard: Path) -> tuple[dict[str, _Sample], bool]:
    """The samples of one shard by key, in order, and whether it ends as tar files do."""
    samples: dict[str, _Sample] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # it keeps the headers of all
                path = PurePosixPath(member.name)
                stem, _, extension = path.name.partition(".")
                if not stem or member.isdir():  # such as ._photo.jpg
                    continue
                if not member.isfile():
                    raise ValueError(f"{path} is a link: write it with tar --hard-dereference -h")
                sample = samples.setdefault(str(path.parent / stem), _Sample())
                _add_member(sample, extension.lower(), member, archive)
            has_end = _has_end(shard, archive.offset)
    except (OSError, tarfile.TarError, ValueError) as error:
        raise DataError(f"{shard}: must be a tar file with .cls numbers, but {error}") from error
    return samples, has_end


def _has_end(shard: Path, offset: int) -> bool:
    """Whether the zeros that a tar file ends with are at `offset`, where tarfile stopped to read.

    Raises ValueError where it stopped at a damaged header, or another archive follows.
    """
    with shard.open("rb") as file:
        file.seek(offset)
        rest = file.read(2**20)
    if rest.strip(b"\0"):
        what = "a header is damaged" if rest[:512].strip(b"\0") else "more follows its end"
        raise ValueError(f"{what} (byte {offset})")
    return bool(rest)


def _add_member(
    sample: _Sample, extension: str, member: tarfile.TarInfo, archive: tarfile.TarFile
) -> None:
    kind = extension.rpartition(".")[2]
    if f".{kind}" in image_suffixes():
        sample.images[extension] = member.offset_data, member.size
    elif kind == "cls":
        content = archive.extractfile(member)
        text = content.read() if content else b""
        # Only `.cls` must be a number: `.coarse.cls` may be a name.
        if extension == "cls" or text.strip().isdigit():
            sample.classes[extension] = int(text)
    elif extension == "json":
        content = archive.extractfile(member)
        sample.json = _label_in_json(content.read() if content else b"{}")
    else:
        sample.others.add(f".{extension}")


def _label_in_json(content: bytes) -> int | None:
    """The class in a sample's JSON, if there is one."""
    try:
        values = json.loads(content)
    except ValueError:  # then its class must be in `.cls`
        return None
    found = [values.get("label"), values.get("cls")] if isinstance(values, dict) else [values]
    return next((each for each in found if type(each) is int), None)


def _classes(folder: Path, num_classes: int) -> tuple[str, ...]:
    path = folder / "classes.txt"
    if not path.is_file():
        return tuple(map(str, range(num_classes)))
    names = tuple(path.read_text(encoding="utf-8-sig").split("\n"))
    names = tuple(name.strip() for name in names if name.strip())
    if len(names) < num_classes:
        raise DataError(f"{path}: must name {num_classes} classes, but names {len(names)}")
    return names
