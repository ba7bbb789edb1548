"""Sources of labelled images: the embedded data set and image folders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor
from torchvision.datasets import ImageFolder

from supernet.errors import DataError

EMBEDDED = "fashion-mnist-mini"
EMBEDDED_FILE = Path(__file__).parent / "embedded" / "fashion_mnist_mini.npz"


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """All labelled images of one source, in a fixed order, before they are split."""

    name: str
    """The name or folder that was given."""
    classes: tuple[str, ...]
    """Class names; label i is classes[i]."""
    labels: Tensor
    """int64 [N]."""
    names: Sequence[str]
    """A unique name for each image: its path within the folder or its index."""
    official: Mapping[str, range]
    """Indices of the splits that the source defines: `train`, optionally `selection`, `report`."""
    open: Callable[[int], Image.Image]
    """Open image i; its pixels may be decoded later."""

    def read(self, index: int) -> Image.Image:
        """Decode one image to RGB, upright: greyscale is repeated, transparency dropped.

        Raises DataError, which names the image, if it is damaged or not 8 bits per channel.
        """
        where = f"{self.name}/{self.names[index]}"
        try:
            with self.open(index) as image:
                mode, decoded = image.mode, upright(image).convert("RGB")
        except Exception as error:  # a damaged file makes decoders raise nearly anything
            raise DataError(f"{where}: must be an image, but decoding failed: {error}") from error
        if mode.startswith(("I", "F")):  # convert() would clip these, not scale them
            raise DataError(f"{where}: must have 8 bits per channel, but its mode is {mode}")
        return decoded


def upright(image: Image.Image) -> Image.Image:
    """Turn a photo as its EXIF orientation says; `image` itself where there is nothing to turn.

    Cameras store what the sensor saw. EXIF data that is damaged is passed over.
    """
    image.load()  # TIFF and AVIF turn the pixels themselves
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    except Exception:  # as decoders do, it raises nearly anything
        return image


def load_embedded() -> ImageSet:
    """Load the embedded part of Fashion-MNIST (benchmarks/embedded/make_fashion_mnist_mini.py).

    10,000 `train` and 2,000 `selection` images from the official training images and 2,000
    `report` images from the official test images, 28 x 28, equally many of each of ten classes.
    """
    with np.load(EMBEDDED_FILE, allow_pickle=False) as arrays:
        classes = tuple(map(str, arrays["classes"]))
        images = {split: arrays[f"{split}_images"] for split in ("train", "selection", "report")}
        labels = np.concatenate([arrays[f"{split}_labels"] for split in images])
        names = [f"{split}[{i}]" for split in images for i in arrays[f"{split}_indices"]]
    pixels = np.concatenate(list(images.values()))
    return ImageSet(
        name=EMBEDDED,
        classes=classes,
        labels=torch.from_numpy(labels.astype(np.int64)),
        names=names,
        official=lay_out({split: len(part) for split, part in images.items()}),
        open=lambda index: Image.fromarray(pixels[index]),
    )


def load_folder(folder: Path) -> ImageSet:
    """Find the images in `folder/train/<class>/`, at any depth, and in `val` and `test` likewise.

    `val` or `test` alone is the split `report`; of both, `val` is `selection` and `test` is
    `report`. Classes and images are sorted by name, independently of the file system.

    Raises DataError unless all classes are in `train`.
    """
    if not (folder / "train").is_dir():
        raise DataError(f"{folder}: must be a folder with train/<class>/, but has no train/")
    held_out = [part for part in ("val", "test") if (folder / part).is_dir()]
    splits = ("train", *("selection", "report")[-len(held_out) :]) if held_out else ("train",)
    found = {
        split: _scan(folder / part)
        for split, part in zip(splits, ("train", *held_out), strict=True)
    }
    classes = tuple(found["train"].classes)
    paths, labels = [], []
    for images in found.values():
        if unknown := sorted(set(images.classes) - set(classes)):
            raise DataError(f"{images.root}: every class must be in train/ too, not {unknown[0]!r}")
        paths += [Path(path) for path, _ in images.samples]
        labels += [classes.index(images.classes[label]) for _, label in images.samples]
    return ImageSet(
        name=str(folder),
        classes=classes,
        labels=torch.tensor(labels, dtype=torch.int64),
        names=[path.relative_to(folder).as_posix() for path in paths],
        official=lay_out({split: len(images.samples) for split, images in found.items()}),
        open=lambda index: Image.open(paths[index]),
    )


def _scan(folder: Path) -> ImageFolder:
    """List a folder's classes and files, both sorted."""
    try:
        return ImageFolder(folder, allow_empty=True)
    except OSError as error:
        raise DataError(f"{folder}: must hold one folder a class, but {error}") from error


def lay_out(sizes: Mapping[str, int]) -> dict[str, range]:
    """Give each part its range of indices, one after another."""
    ranges, start = {}, 0
    for part, size in sizes.items():
        ranges[part] = range(start, start + size)
        start += size
    return ranges
