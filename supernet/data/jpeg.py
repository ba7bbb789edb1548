"""JPEG files: parts of photos, decoded outside of the interpreter's lock and no larger than needed.

libjpeg-turbo, by simplejpeg, also decodes at a half, a quarter or an eighth of a photo's size: that
is quicker, and gives the means of 2 x 2, 4 x 4 or 8 x 8 pixels.
"""

import math
from collections.abc import Callable
from typing import TypeGuard

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from supernet.data.orientation import orientation_of
from supernet.data.preprocess import resize

Box = tuple[float, float, float, float]
"""Left, top, right and bottom edge of a part of an image, in pixels."""
Choose = Callable[[int, int], Box]
"""Says which part to take of an image of that width and height."""
SCALES = (8, 4, 2)
"""What libjpeg-turbo divides sides by with vector instructions; other fractions are slower than the
full size."""
MARGIN = 1.25
"""By how much what is decoded must be larger than the result. Of stripes too fine for the result,
the means of pixels let up to 0.64 of the contrast through; resized by this much, with antialiasing,
0.3 is left, as of the full size."""
Pixels = NDArray[np.uint8]
PIXEL = np.dtype("V3")
"""Three channels as one element, which numpy copies at once."""
BILINEAR = Image.Resampling.BILINEAR
VECTORS = ("AVX2", "AVX512")
"""The instructions with which torch resizes uint8 in a fifth of Pillow's time. Without them, it
takes twice as long, and shares the work out to threads of its own."""


def is_jpeg(image: Image.Image) -> TypeGuard[JpegImageFile]:
    """Whether it is a JPEG file of one or three channels of which the header alone was read."""
    return (
        isinstance(image, JpegImageFile)
        and image.mode in ("L", "RGB")
        and image.fp is not None
        and bool(image.tile)
        and not image.decoderconfig  # set by draft(), after which the size is another
    )


def jpeg_square(image: JpegImageFile, choose: Choose, resolution: int) -> Pixels:
    """Decode a part of a file that `is_jpeg`, upright: uint8 [resolution, resolution, 3].

    Decoded at the smallest scale at which it is larger than the result by MARGIN, to the pixels of
    which its edges are rounded outwards; then resized, bilinear with antialiasing. Pillow can load
    the image afterwards.

    Raises ValueError where libjpeg-turbo finds anything wrong with the file.
    """
    assert image.fp is not None
    orientation = orientation_of(image)
    width, height = image.size
    left, top, right, bottom = choose(*((width, height) if orientation < 5 else (height, width)))
    shorter_side = min(right - left, bottom - top)
    largest = shorter_side / (MARGIN * resolution)
    scale = next((scale for scale in SCALES if scale <= largest), 1)
    image.fp.seek(0)
    pixels = simplejpeg.decode_jpeg(
        image.fp.read(),
        min_width=math.ceil(width / scale),
        min_height=math.ceil(height / scale),
        min_factor=scale,
    )
    upright = _turned(pixels.view(PIXEL)[:, :, 0], orientation)
    rows = slice(math.floor(top / scale), math.ceil(bottom / scale))
    columns = slice(math.floor(left / scale), math.ceil(right / scale))
    part = np.ascontiguousarray(upright[rows, columns])
    return _resized(part.view(np.uint8).reshape(*part.shape, 3), resolution)


def _turned(pixels: NDArray[np.void], orientation: int) -> NDArray[np.void]:
    """A view of the pixels of a file of this orientation that is upright."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _resized(part: Pixels, resolution: int) -> Pixels:
    """By the calling thread alone, one of many that decode."""
    if torch.backends.cpu.get_cpu_capability() not in VECTORS:
        return np.asarray(Image.fromarray(part).resize((resolution, resolution), BILINEAR))
    batch = torch.from_numpy(part.reshape(1, *part.shape)).permute(0, 3, 1, 2)
    square: Pixels = resize(batch, resolution).permute(0, 2, 3, 1).numpy()[0]
    return square
