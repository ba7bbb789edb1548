"""Preprocessing: how a photo becomes the input of a table's artifacts, as in their evaluation.

Needs the extra `runtime` (Pillow and numpy); `import planner` doesn't import them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from planner.errors import InvalidValue
from planner.resize import resize
from planner.rules import POSITIVE_COUNT, check

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray
    from PIL.Image import Image

Photo: TypeAlias = Union[str, Path, "Image", "NDArray[numpy.uint8]"]
"""A file, a Pillow image, or uint8 pixels (height, width) or (height, width, 3)."""

FIXED = {
    "dtype": "uint8",
    "layout": "NHWC",
    "channels": "RGB",
    "orientation": "exif",
    "crop": "centre_square",
    "crop_resize": "pillow_bilinear",
    "resize": "torch_bilinear_antialias",
}
"""What is the same for all tables; in the file, so that nobody has to know this program."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The steps from a photo to the pixels that an artifact takes; it normalises them itself.

    Turn the photo upright as its EXIF orientation says, convert it to RGB, resize the shorter side
    to `crop_resolution` and crop the centre, resize the square to the entry's resolution.
    """

    crop_resolution: int
    """Side of the cropped square in pixels: the highest resolution of the supernet."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, {"crop_resolution": POSITIVE_COUNT})

    def to_json(self) -> dict[str, Any]:
        """Return the object that a table has as `supernet.preprocessing`."""
        return FIXED | {"crop_resolution": self.crop_resolution}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_json`, for values that fit the schema."""
        return cls(crop_resolution=values["crop_resolution"])

    def pixels(self, photo: Photo, resolution: int) -> "NDArray[numpy.uint8]":
        """Return the photo as uint8 (resolution, resolution, 3).

        Raises InvalidValue, which names the file, for what isn't an image of 8 bits per channel.
        """
        try:
            import numpy
            from PIL import Image, ImageOps
        except ImportError as error:
            raise InvalidValue(
                f"{error.name} must be installed: pip install 'mutualnas[runtime]'"
            ) from error
        size = (self.crop_resolution, self.crop_resolution)
        square = ImageOps.fit(_decoded(photo), size, Image.Resampling.BILINEAR)
        return resize(numpy.asarray(square), resolution)


def _decoded(photo: Photo) -> "Image":
    """The photo upright and in RGB."""
    from PIL import Image

    where = str(photo) if isinstance(photo, str | Path) else "the photo"
    try:
        if isinstance(photo, str | Path):
            with Image.open(photo) as image:
                return _as_rgb(image)
        return _as_rgb(photo if isinstance(photo, Image.Image) else _from_pixels(photo))
    except FileNotFoundError as error:
        raise InvalidValue(f"{where} must be a file, but there is none of this name") from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InvalidValue(
            f"{where} must be an image with 8 bits per channel, but got: {reason}"
        ) from error


def _from_pixels(pixels: Any) -> "Image":
    import numpy
    from PIL import Image

    if not isinstance(pixels, numpy.ndarray):
        raise InvalidValue(
            f"a {type(pixels).__name__}, which is neither a path, a Pillow image nor a numpy array"
        )
    if pixels.dtype != numpy.uint8 or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
        raise InvalidValue(
            f"{pixels.dtype} {pixels.shape}, not uint8 (height, width) or (height, width, 3)"
        )
    return Image.fromarray(pixels)


def _as_rgb(image: "Image") -> "Image":
    if not all(image.size):  # Pillow would make black of it
        raise InvalidValue("it has no pixels")
    image.load()  # TIFF and AVIF turn the pixels themselves
    upright = _turned(image)
    if image.mode.startswith(("I", "F")):  # convert() would clip these, not scale them
        raise InvalidValue(f"its mode is {image.mode}")
    return upright.convert("RGB")


def _turned(image: "Image") -> "Image":
    """Turn it as its EXIF orientation says; damaged EXIF data is passed over."""
    from PIL import ExifTags, ImageOps

    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    except Exception:  # as decoders do, it raises nearly anything
        return image
