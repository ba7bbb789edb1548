"""WebDataset shards: tar files of images and labels, for data sets of too many files.

The format is that of the webdataset library (its ShardWriter writes it): a sample consists of the
members with one key, `000017.jpg` with `000017.cls`. The library streams shards through a shuffle
buffer, so that a batch depends on all that was read before. Here the shards' headers are indexed
once and images are read by offset: a batch remains a function of seed and step, and a training can
be resumed like one on a folder.
"""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from PIL import Image
from tqdm import tqdm

from supernet.data.sources import ImageSet, lay_out
from supernet.errors import DataError

IMAGES = ("jpg", "jpeg", "png", "webp", "ppm")
PARTS = {"train": "train", "val": "selection", "test": "report"}


@dataclass(frozen=True)
class _Sample:
    """Where an image is stored."""

    name: str
    shard: Path
    offset: int
    size: int
    label: int


def is_sharded(folder: Path) -> bool:
    """Whether a folder holds shards of training images."""
    return any(folder.glob("train*.tar"))


def load_shards(folder: Path) -> ImageSet:
    """Index `folder/train*.tar` and, where present, `val*.tar` and `test*.tar`.

    `val` or `test` alone is the split `report`; of both, `val` is `selection` and `test` is
    `report`. Labels are numbers (`.cls`); `classes.txt` may name them, one per line.

    Raises DataError, which names the shard, if one is damaged or a sample is incomplete.
    """
    found = {
        part: [sample for shard in _shards(folder, part) for sample in _index(shard)]
        for part in PARTS
    }
    samples = [sample for part in found.values() for sample in part]
    classes = _classes(folder, 1 + max((sample.label for sample in samples), default=0))
    splits = {PARTS[part]: len(of_part) for part, of_part in found.items() if of_part}
    if "selection" in splits and "report" not in splits:
        splits["report"] = splits.pop("selection")
    files = {sample.shard: os.open(sample.shard, os.O_RDONLY) for sample in samples}

    def read(index: int) -> Image.Image:
        sample = samples[index]
        content = os.pread(files[sample.shard], sample.size, sample.offset)  # from any thread
        return Image.open(io.BytesIO(content))

    return ImageSet(
        name=str(folder),
        classes=classes,
        labels=torch.tensor([sample.label for sample in samples], dtype=torch.int64),
        names=[sample.name for sample in samples],
        official=lay_out(splits),
        open=read,
    )


def _shards(folder: Path, part: str) -> Iterator[Path]:
    paths = sorted(folder.glob(f"{part}*.tar"))
    yield from tqdm(paths, f"index {part}", unit="shard", delay=2.0, leave=False)


def _index(shard: Path) -> Iterator[_Sample]:
    """The samples of one shard, in order."""
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, int] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                stem, _, kind = path.name.partition(".")
                key = str(path.parent / stem)
                if kind.lower() in IMAGES:
                    images[key] = member
                elif kind == "cls":
                    content = archive.extractfile(member)
                    labels[key] = int(content.read()) if content else -1
    except (OSError, tarfile.TarError, ValueError) as error:
        raise DataError(f"{shard}: must be a tar file with .cls numbers, but {error}") from error
    for key, member in images.items():
        if labels.get(key, -1) < 0:
            raise DataError(f"{shard}: every image must have its class, but {key}.cls is missing")
        name = f"{shard.name}/{key}"
        yield _Sample(name, shard, member.offset_data, member.size, labels[key])


def _classes(folder: Path, num_classes: int) -> tuple[str, ...]:
    path = folder / "classes.txt"
    if not path.is_file():
        return tuple(map(str, range(num_classes)))
    names = tuple(path.read_text(encoding="utf-8").split("\n"))
    names = tuple(name.strip() for name in names if name.strip())
    if len(names) < num_classes:
        raise DataError(f"{path}: must name {num_classes} classes, but names {len(names)}")
    return names
