"""Sources of labelled images, and the embedded data set."""

import contextlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from supernet.data.jpeg import BILINEAR, Choose, Pixels, is_jpeg, jpeg_square
from supernet.data.orientation import upright
from supernet.errors import DataError

_T = TypeVar("_T")
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
    squares: NDArray[np.uint8] | None = None
    """uint8 [N, side, side, 3] where all images lie in memory as squares, besides `open`."""
    content: Callable[[int], bytes] | None = None
    """Read image i's file; None where images are not files."""
    stamp: Callable[[int], str] | None = None
    """Size and time of change of image i's file, by which one that was checked is known again."""
    may_halve: bool = False
    """Whether `report` is a validation split, of which `split_images` may make two."""
    notes: tuple[str, ...] = ()
    """What people should know of what was found, a line each."""

    def read(self, index: int) -> Image.Image:
        """Decode one image to RGB, upright: greyscale is repeated, transparency dropped.

        Raises DataError, which names the image, if it is damaged or not 8 bits per channel.
        """
        return self._decoded(index, as_rgb)

    def square(self, index: int, choose: Choose, resolution: int) -> Pixels:
        """Decode a part of one image, resized: uint8 [resolution, resolution, 3]; see `cut`.

        Raises DataError as `read` does.
        """
        return self._decoded(index, lambda image: cut(image, choose, resolution))

    def _decoded(self, index: int, decode: Callable[[Image.Image], _T]) -> _T:
        try:
            with self.open(index) as image:
                return decode(image)
        except Exception as error:  # a damaged file makes decoders raise nearly anything
            where = f"{self.name}/{self.names[index]}"
            raise DataError(f"{where}: {complaint(error)}") from error


def cut(image: Image.Image, choose: Choose, resolution: int) -> Pixels:
    """A part of an image, as RGB, upright and resized: uint8 [resolution, resolution, 3].

    Bilinear with antialiasing. `choose` is called again where libjpeg-turbo finds anything wrong
    with a JPEG file, for Pillow tolerates more. Raises DataError as `as_rgb` does.
    """
    if is_jpeg(image):
        with contextlib.suppress(ValueError):
            return jpeg_square(image, choose, resolution)
    decoded = as_rgb(image)
    part = decoded.resize((resolution, resolution), BILINEAR, box=choose(*decoded.size))
    return np.asarray(part)


def as_rgb(image: Image.Image) -> Image.Image:
    """Decode to RGB, upright. Raises DataError where the image is not 8 bits per channel."""
    decoded = upright(image).convert("RGB")
    if image.mode.startswith(("I", "F")):  # convert() would clip these, not scale them
        raise DataError(f"must have 8 bits per channel, but its mode is {image.mode}")
    return decoded


def complaint(error: Exception) -> str:
    """What must hold of an image that could not be decoded, in one line."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "must have fewer pixels (more may be an attack on the memory): resize or remove it"
    if isinstance(error, UnidentifiedImageError):
        return "must be an image, but is in no format that is known"
    reason = str(error).partition("\n")[0] or type(error).__name__
    return f"must be an image, but decoding failed: {reason}"


def load_embedded() -> ImageSet:
    """Load the embedded part of Fashion-MNIST (benchmarks/embedded/make_fashion_mnist_mini.py).

    10,000 of the official training images are `train`; one half of the official test images is
    `selection`, the other `report`, 5,000 each. 28 x 28, equally many of each of ten classes.
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
        squares=np.broadcast_to(pixels[..., None], (*pixels.shape, 3)),
    )


def without(images: ImageSet, names: Collection[str]) -> ImageSet:
    """The same images but for those with these names."""
    unwanted = set(names)
    kept = [i for i, name in enumerate(images.names) if name not in unwanted]
    sizes = {
        split: bisect_left(kept, part.stop) - bisect_left(kept, part.start)
        for split, part in images.official.items()
    }

    def renumbered(function: Callable[[int], _T] | None) -> Callable[[int], _T] | None:
        return function and (lambda index: function(kept[index]))

    return replace(
        images,
        labels=images.labels[kept],
        names=[images.names[i] for i in kept],
        official=lay_out(sizes),
        open=lambda index: images.open(kept[index]),
        squares=None if images.squares is None else images.squares[kept],
        content=renumbered(images.content),
        stamp=renumbered(images.stamp),
    )


def lay_out(sizes: Mapping[str, int]) -> dict[str, range]:
    """Give each part its range of indices, one after another."""
    ranges, start = {}, 0
    for part, size in sizes.items():
        ranges[part] = range(start, start + size)
        start += size
    return ranges
